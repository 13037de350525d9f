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

/* Frames that are looked at and passed on, and such as are built in their place, arrive as they
 * were sent; a rest is there where the frame is one piece. */
static void frames_are_passed_on(void **state)
{
    (void)state;
    static uint8_t head[NET_HEAD];
    struct net_ring guest;
    struct net_ring network;
    struct net_ring other_guest;
    struct net_ring other_network;
    uint8_t *regions[2] = {attach(&guest, &network), attach(&other_guest, &other_network)};
    uint64_t random = 1;
    unsigned rests = 0;
    unsigned built = 0;
    for (unsigned round = 0; round < 4096; round++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        uint32_t length = 14 + (uint32_t)(random >> 40) % ((random >> 33) % 8 == 0 ? 60000 : 200);
        for (uint32_t i = 0; i < length; i++)
            data[i] = (uint8_t)(i * 7 + i / 256 + round);
        struct net_frame frame = {.data = data, .length = length};
        uint8_t *place = round % 2 == 0 ? net_ring_room(&guest, length) : NULL;
        if (place != NULL) {
            memcpy(place, data, length);
            frame.data = place;
            built++;
        }
        assert_true(net_ring_send(&guest, &frame));
        assert_int_equal(net_ring_look(&network, head, &frame), 1);
        if (frame.rest != NULL) {
            assert_true(length > NET_HEAD);
            rests++;
        }
        uint32_t from = (uint32_t)(random >> 20) % length;
        memset(buffer, 0, length);
        net_frame_copy(&frame, from, buffer, length - from);
        assert_memory_equal(buffer, data + from, length - from);
        assert_true(net_ring_send(&other_guest, &frame));
        net_ring_done(&network, &frame);
        assert_int_equal(net_ring_look(&network, head, &frame), 0);
        assert_int_equal(net_ring_receive(&other_network, buffer, &frame), 1);
        assert_int_equal(frame.length, length);
        assert_null(frame.rest);
        assert_memory_equal(buffer, data, length);
    }
    assert_in_range(rests, 2000, 4000);
    assert_int_equal(built, 2048);
    assert_null(net_ring_room(&guest, 0x40000));
    free(regions[0]);
    free(regions[1]);
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

/* The largest frame fits an empty ring wherever the last one ended, and is in one piece. */
static void the_largest_frame_fits(void **state)
{
    (void)state;
    struct net_ring guest;
    struct net_ring network;
    static uint8_t head[NET_HEAD];
    uint8_t *region = attach(&guest, &network);
    for (unsigned round = 0; round < 20000; round++) {
        struct net_frame frame = {.data = data, .length = 14};
        if (round % 16 == 0)
            frame.length = NET_FRAME_MAX;
        assert_true(net_ring_send(&guest, &frame));
        assert_int_equal(net_ring_look(&network, head, &frame), 1);
        if (frame.length == NET_FRAME_MAX)
            assert_true(frame.rest + (NET_FRAME_MAX - NET_HEAD) <=
                        network.in.data + network.in.size);
        net_ring_done(&network, &frame);
    }
    free(region);
}

/* One that grows in its place is told how far it may, and nothing that is held is overwritten. */
static void frames_grow(void **state)
{
    (void)state;
    struct net_ring guest;
    struct net_ring network;
    uint8_t *region = attach(&guest, &network);
    const struct net_offload offload = {0};
    uint32_t sent[64];
    unsigned count = 0;
    uint32_t most;
    uint8_t *at;
    while ((at = net_ring_begin(&guest, 20000, &most)) != NULL) {
        assert_in_range(most, 20000, NET_FRAME_MAX);
        assert_true(at >= guest.out.data && at + most <= guest.out.data + guest.out.size);
        sent[count] = most < 30001 ? most : 30001;
        memset(at, (int)count + 1, sent[count]);
        net_ring_publish(&guest, &offload, sent[count]);
        count++;
    }
    assert_in_range(count, 7, 13);
    for (unsigned i = 0; i < count; i++) {
        struct net_frame frame;
        assert_int_equal(net_ring_receive(&network, buffer, &frame), 1);
        assert_int_equal(frame.length, sent[i]);
        for (uint32_t j = 0; j < frame.length; j++)
            assert_int_equal(buffer[j], i + 1);
    }
    free(region);
}

static void hostile_peers(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 11; kind++) {
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
        case 7: /* nothing up to the end, at the start */
        case 8: /* ... and nothing behind it */
        case 9: /* ... or the same again */
            record.length = 0;
            break;
        case 10: /* beyond the end */
            break;
        default:
            record.offload.flags =
                0xff; /* left out, and the next one as well, which is not there */
            expected = 0;
            break;
        }
        if (kind >= 8) {
            /* Up to 64 bytes before the end. */
            uint32_t end = guest.out.size - 64;
            ring_publish(&guest.out, end);
            ring_take(&network.in, end);
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
        if (kind == 8 || kind == 9)
            ring_publish(&guest.out, 48); /* zeroes up to the end */
        if (kind == 9)
            ring_publish(&guest.out, 16);
        if (kind == 10)
            ring_publish(&guest.out, 64);
        assert_int_equal(net_ring_receive(&network, buffer, &frame), expected);
        assert_int_equal(network.broken, expected == NET_RING_BROKEN);
        /* The other way: a consumer's index that cannot be. */
        atomic_store(&network.in.shared->consumed, guest.out.index + 12345);
        assert_false(net_ring_send(&guest, &frame));
        free(region);
    }
}

/* Indices that no side leaves behind: whoever is started anew there reads and writes nothing. */
static void impossible_indices(void **state)
{
    (void)state;
    for (unsigned side = 0; side < 2; side++) {
        struct net_ring guest;
        struct net_ring network;
        struct net_frame frame = {.data = data, .length = 64};
        uint8_t *region = attach(&guest, &network);
        if (side == 0)
            atomic_store(&guest.out.shared->produced, guest.out.size - 8);
        else
            atomic_store(&guest.in.shared->consumed, guest.in.size - 8);
        assert_int_equal(net_ring_attach(&guest, region, NET_REGION_LEAST, false), RING_OK);
        assert_true(guest.broken);
        assert_false(net_ring_send(&guest, &frame));
        assert_int_equal(net_ring_receive(&guest, buffer, &frame), NET_RING_BROKEN);
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

/* Whoever looks at nothing gets the frame where it stands, in one piece. */
static void frames_are_passed_unseen(void **state)
{
    (void)state;
    struct net_ring guest;
    struct net_ring network;
    uint8_t *region = attach(&guest, &network);
    for (unsigned round = 0; round < 4096; round++) {
        uint32_t length = 14 + round * 37 % 1500;
        memset(data, (int)round, length);
        struct net_frame frame = {.data = data, .length = length};
        assert_true(net_ring_send(&guest, &frame));
        memset(&frame, 0xff, sizeof(frame));
        assert_int_equal(net_ring_pass(&network, &frame), 1);
        assert_int_equal(frame.length, length);
        assert_null(frame.rest);
        assert_true(frame.data > region && frame.data + length <= region + NET_REGION_LEAST / 2);
        assert_memory_equal(frame.data, data, length);
        assert_int_equal(net_ring_pass(&network, &frame), 1); /* it is the next one until then */
        net_ring_done(&network, &frame);
        assert_int_equal(net_ring_pass(&network, &frame), 0);
    }
    free(region);
}

/* A place holds for one frame, as long as it was asked for or shorter; others go their own way. */
static void a_place_is_for_one_frame(void **state)
{
    (void)state;
    struct net_ring guest;
    struct net_ring network;
    uint8_t *region = attach(&guest, &network);
    const uint32_t lengths[] = {100, 60, 300, 100};
    for (unsigned round = 0; round < 4096; round++) {
        uint32_t length = lengths[round % 4];
        uint8_t *place = net_ring_room(&guest, 100);
        assert_non_null(place);
        memset(place, (int)round, 100);
        struct net_frame frame = {.data = place, .length = length < 100 ? length : 100};
        const struct net_frame other = {.data = data, .length = length};
        bool another = length == 300 || round % 8 == 3;
        if (another) {
            memset(data, (int)round + 1, length);
            assert_true(net_ring_send(&guest, &other));
        }
        assert_true(net_ring_send(&guest, &frame));
        if (another) {
            assert_int_equal(net_ring_receive(&network, buffer, &frame), 1);
            assert_int_equal(frame.length, length);
            assert_memory_equal(buffer, data, length);
        }
        assert_int_equal(net_ring_receive(&network, buffer, &frame), 1);
        assert_int_equal(frame.length, length < 100 ? length : 100);
        assert_int_equal(buffer[frame.length - 1], (uint8_t)(another ? round + 1 : round));
        assert_int_equal(net_ring_receive(&network, buffer, &frame), 0);
    }
    free(region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_pass),
        cmocka_unit_test(frames_are_passed_on),
        cmocka_unit_test(frames_are_passed_unseen),
        cmocka_unit_test(a_place_is_for_one_frame),
        cmocka_unit_test(the_largest_frame_fits),
        cmocka_unit_test(frames_grow),
        cmocka_unit_test(hostile_peers),
        cmocka_unit_test(impossible_indices),
        cmocka_unit_test(sides_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
