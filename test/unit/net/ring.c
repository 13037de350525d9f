/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Frames through a pair of rings; hostile peers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <net/ring.h>
#include <stdlib.h>
#include <string.h>

static uint8_t buffer[NET_FRAME_MAX];
static uint8_t data[NET_FRAME_MAX];

static uint8_t *attach(struct net_ring *guest, struct net_ring *network)
{
    uint8_t *region = aligned_alloc(4096, NET_REGION_LEAST);
    memset(region, 0, NET_REGION_LEAST);
    assert_int_equal(net_ring_attach(guest, region, NET_REGION_LEAST, false), RING_OK);
    assert_int_equal(net_ring_attach(network, region, NET_REGION_LEAST, true), RING_OK);
    return region;
}

static void frames_pass(void **state)
{
    (void)state;
    struct net_ring guest;
    struct net_ring network;
    uint8_t *region = attach(&guest, &network);
    uint64_t random = 1;
    unsigned sent = 0;
    unsigned received = 0;
    uint32_t lengths[4096];
    for (unsigned round = 0; round < 4096; round++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        uint32_t length = 14 + (uint32_t)(random >> 40) % ((random >> 33) % 16 == 0 ? 60000 : 1500);
        memset(data, (int)sent, length);
        struct net_frame frame = {.data = data, .length = length};
        frame.offload = (struct net_offload){.flags = NET_CHECKSUM_GOOD, .header_length = 77};
        if (net_ring_send(&guest, &frame))
            lengths[sent++] = length;
        for (unsigned i = (unsigned)(random >> 60); i > 0 && received < sent; i--) {
            assert_int_equal(net_ring_receive(&network, buffer, &frame), 1);
            assert_int_equal(frame.length, lengths[received]);
            assert_int_equal(frame.offload.header_length, 77);
            for (uint32_t j = 0; j < frame.length; j++)
                assert_int_equal(buffer[j], (uint8_t)received);
            received++;
        }
    }
    struct net_frame frame;
    while (net_ring_receive(&network, buffer, &frame) == 1)
        received++;
    assert_int_equal(received, sent);
    assert_true(sent > 3000);
    assert_true(net_ring_prepare_sleep(&network));
    assert_false(net_ring_must_wake(&network));
    const struct net_frame small = {.data = data, .length = 14};
    assert_true(net_ring_send(&guest, &small));
    assert_true(net_ring_must_wake(&guest));
    free(region);
}

static void hostile_peers(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 7; kind++) {
        struct net_ring guest;
        struct net_ring network;
        struct net_frame frame = {.data = data, .length = 64};
        uint8_t *region = attach(&guest, &network);
        struct net_record record = {.length = 64};
        int expected = NET_RING_BROKEN;
        switch (kind) {
        case 0:
            atomic_store(&guest.out.shared->produced, UINT32_MAX / 2);
            break;
        case 1:
            record.length = NET_FRAME_MAX + 1;
            break;
        case 2:
            record.length = 13;
            break;
        case 3:
            record.zero = 1;
            break;
        case 4: /* a frame that does not come */
            break;
        case 6: /* half a record */
            break;
        default:
            record.flags = 0xff; /* left out, and the next one as well, which is not there */
            expected = 0;
            break;
        }
        if (kind != 0)
            ring_write(&guest.out, (const uint8_t *)&record, kind == 6 ? 7 : sizeof(record));
        if (kind == 5) {
            uint8_t whole[sizeof(record) + 64] = {0};
            memcpy(whole, &record, sizeof(record));
            ring_drop(&network.in);
            ring_attach(&guest.out, guest.out.shared, NET_REGION_LEAST / 2, true);
            ring_write(&guest.out, whole, sizeof(whole));
        }
        assert_int_equal(net_ring_receive(&network, buffer, &frame), expected);
        assert_int_equal(network.broken, expected == NET_RING_BROKEN);
        /* The other way: a consumer's index that cannot be. */
        atomic_store(&network.in.shared->consumed, 12345);
        assert_false(net_ring_send(&guest, &frame));
        free(region);
    }
}

/* A side that is started anew, whatever it was doing, loses what it had in hand and no more. */
static void sides_begin_anew(void **state)
{
    (void)state;
    struct net_ring guest;
    struct net_ring network;
    struct net_frame frame = {.data = data, .length = 1000};
    uint8_t *region = attach(&guest, &network);
    memset(data, 1, sizeof(data));
    for (unsigned i = 0; i < 1000; i++) {
        data[0] = (uint8_t)i;
        frame = (struct net_frame){.data = data, .length = 14 + i};
        assert_true(net_ring_send(&guest, &frame));
        if (i % 3 == 0) /* in the middle of a record that nobody sees */
            ring_put(&guest.out, 0, data, 500);
        if (i % 3 != 2)
            assert_int_equal(net_ring_attach(&guest, region, NET_REGION_LEAST, false), RING_OK);
        if (i % 2 == 0)
            assert_int_equal(net_ring_attach(&network, region, NET_REGION_LEAST, true), RING_OK);
        assert_int_equal(net_ring_receive(&network, buffer, &frame), 1);
        assert_int_equal(frame.length, 14 + i);
        assert_int_equal(buffer[0], (uint8_t)i);
    }
    free(region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_pass),
        cmocka_unit_test(hostile_peers),
        cmocka_unit_test(sides_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
