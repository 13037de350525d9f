/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Merging the packets of a stream: cutting what comes out gives every packet back; what does not
 * belong to a stream, or is not right, passes as it is; nothing is overtaken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <net/merge.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS 66u
#define PAYLOAD 1448u
#define TCP     34u

static struct net_ring in;
static struct net_ring out;
static struct net_merge merge;
static uint8_t *region;
static uint8_t got[NET_FRAME_MAX];
static uint8_t cut[NET_FRAME_MAX];

static int begin(void **state)
{
    (void)state;
    region = aligned_alloc(4096, NET_REGION_LEAST);
    memset(region, 0, NET_REGION_LEAST);
    assert_int_equal(net_ring_attach(&in, region, NET_REGION_LEAST, false), RING_OK);
    assert_int_equal(net_ring_attach(&out, region, NET_REGION_LEAST, true), RING_OK);
    merge = (struct net_merge){.ring = &in};
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(region);
    return 0;
}

static void sum(uint8_t *field, const uint8_t *at, uint32_t length, uint32_t total)
{
    net_put16(field, 0);
    for (uint32_t i = 0; i < length; i++)
        total += (i & 1) == 0 ? (uint32_t)at[i] << 8 : at[i];
    while (total >> 16 != 0)
        total = (total & 0xffff) + (total >> 16);
    net_put16(field, (uint16_t)~total);
}

static void seal(uint8_t *frame, uint32_t length)
{
    uint32_t pseudo = 6 + length - TCP;
    for (unsigned i = 26; i < 34; i += 2)
        pseudo += net_get16(frame + i);
    sum(frame + 24, frame + 14, 20, 0);
    sum(frame + TCP + 16, frame + TCP, length - TCP, pseudo);
}

/* Packet `number` of a stream, its sequence number about to wrap. */
static uint32_t make(uint8_t *frame, unsigned number, uint32_t payload)
{
    uint32_t length = HEADERS + payload;
    uint32_t sequence = 0xfffff000u + number * PAYLOAD;
    memset(frame, 0, length);
    for (unsigned i = 0; i < 12; i++)
        frame[i] = (uint8_t)(2 * i);
    net_put16(frame + 12, 0x0800);
    frame[14] = 0x45;
    net_put16(frame + 16, (uint16_t)(length - 14));
    net_put16(frame + 18, (uint16_t)(0xfffe + number));
    frame[22] = 64;
    frame[23] = 6;
    for (unsigned i = 26; i < 34; i++)
        frame[i] = (uint8_t)(7 * i);
    net_put16(frame + TCP, 80);
    net_put16(frame + TCP + 2, 4000);
    net_put16(frame + TCP + 4, (uint16_t)(sequence >> 16));
    net_put16(frame + TCP + 6, (uint16_t)sequence);
    frame[TCP + 11] = 9;
    frame[TCP + 12] = 8 << 4;
    frame[TCP + 13] = 0x10;
    net_put16(frame + TCP + 14, 500);
    memset(frame + TCP + 20, 1, 12);
    for (uint32_t i = 0; i < payload; i++)
        frame[HEADERS + i] = (uint8_t)(i * 13 + number);
    seal(frame, length);
    return length;
}

static void give(const uint8_t *data, uint32_t length)
{
    const struct net_frame frame = {.data = data, .length = length};
    assert_true(net_merge_add(&merge, &frame));
}

/* The next frame that comes out is this one. */
static void comes(const uint8_t *data, uint32_t length)
{
    struct net_frame frame;
    assert_int_equal(net_ring_receive(&out, got, &frame), 1);
    assert_int_equal(frame.offload.gso, NET_GSO_NONE);
    assert_int_equal(frame.length, length);
    assert_memory_equal(got, data, length);
}

static void nothing_comes(void)
{
    struct net_frame frame;
    assert_int_equal(net_ring_receive(&out, got, &frame), 0);
}

/* One frame comes that gives packets first to last back when it is cut; only the last has PSH. */
static void comes_merged(unsigned first, unsigned last, uint32_t last_payload, uint8_t flags)
{
    static uint8_t packet[2048];
    struct net_segmenter segmenter;
    struct net_frame frame;
    assert_int_equal(net_ring_receive(&out, got, &frame), 1);
    assert_int_equal(frame.offload.gso, NET_GSO_TCP4);
    assert_int_equal(frame.offload.gso_size, PAYLOAD);
    assert_true(net_segment_begin(&segmenter, &frame));
    for (unsigned i = first; i <= last; i++) {
        uint32_t length = make(packet, i, i == last ? last_payload : PAYLOAD);
        if (i == last) {
            packet[TCP + 13] = flags;
            seal(packet, length);
        }
        assert_int_equal(net_segment_next(&segmenter, cut, sizeof(cut)), length);
        assert_memory_equal(cut, packet, length);
    }
    assert_int_equal(net_segment_next(&segmenter, cut, sizeof(cut)), 0);
}

static void merges_a_stream(void **state)
{
    (void)state;
    uint8_t packet[2048];
    for (unsigned i = 0; i < 7; i++)
        give(packet, make(packet, i, PAYLOAD));
    nothing_comes();
    net_merge_flush(&merge);
    comes_merged(0, 6, PAYLOAD, 0x10);
    net_merge_flush(&merge);
    nothing_comes();
}

static void ends_behind_a_short_one_and_a_push(void **state)
{
    (void)state;
    uint8_t packet[2048];
    give(packet, make(packet, 0, PAYLOAD));
    give(packet, make(packet, 1, 700));
    comes_merged(0, 1, 700, 0x10);
    give(packet, make(packet, 0, PAYLOAD));
    uint32_t length = make(packet, 1, PAYLOAD);
    packet[TCP + 13] = 0x18;
    seal(packet, length);
    give(packet, length);
    comes_merged(0, 1, PAYLOAD, 0x18);
    /* A longer one than the first begins anew. */
    give(packet, make(packet, 0, 700));
    nothing_comes();
    net_merge_flush(&merge);
    comes(packet, HEADERS + 700);
}

static void never_gets_too_large(void **state)
{
    (void)state;
    uint8_t packet[2048];
    for (unsigned i = 0; i < 50; i++)
        give(packet, make(packet, i, PAYLOAD));
    net_merge_flush(&merge);
    comes_merged(0, 44, PAYLOAD, 0x10);
    comes_merged(45, 49, PAYLOAD, 0x10);
    nothing_comes();
}

/* What differs where packets of one stream must not. */
static void other_packets_pass_as_they_are(void **state)
{
    (void)state;
    static const struct {
        unsigned at;
        uint8_t value;
        bool sealed;
    } changes[] = {
        {0, 9, true},           /* address */
        {12, 0x86, true},       /* type */
        {14, 0x46, true},       /* options */
        {15, 1, true},          /* type of service */
        {17, 0, true},          /* total length */
        {19, 0, true},          /* identification */
        {20, 0x20, true},       /* a fragment */
        {20, 0x40, true},       /* not to be fragmented */
        {21, 1, true},          /* a fragment's offset */
        {22, 63, true},         /* time to live */
        {23, 17, true},         /* protocol */
        {27, 1, true},          /* source */
        {31, 1, true},          /* target */
        {TCP + 1, 81, true},    /* port */
        {TCP + 7, 1, true},     /* sequence */
        {TCP + 11, 8, true},    /* acknowledgement */
        {TCP + 12, 0x90, true}, /* header length */
        {TCP + 13, 0x11, true}, /* FIN */
        {TCP + 13, 0x30, true}, /* URG */
        {TCP + 13, 0x90, true}, /* CWR */
        {TCP + 15, 1, true},    /* window */
        {TCP + 20, 2, true},    /* an option */
        {25, 0xff, false},      /* checksum of IP */
        {TCP + 17, 0xff, false},
        {900, 0xff, false}, /* a byte on its way */
    };
    for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        uint8_t first[2048];
        uint8_t second[2048];
        uint32_t length = make(first, 0, PAYLOAD);
        make(second, 1, PAYLOAD);
        second[changes[i].at] = changes[i].value;
        if (changes[i].sealed)
            seal(second, length);
        give(first, length);
        give(second, length);
        net_merge_flush(&merge);
        comes(first, length);
        comes(second, length);
        nothing_comes();
    }
}

static void what_is_between_keeps_its_place(void **state)
{
    (void)state;
    uint8_t packet[2048];
    uint8_t other[60];
    memset(other, 0x77, sizeof(other));
    give(packet, make(packet, 0, PAYLOAD));
    give(packet, make(packet, 1, PAYLOAD));
    give(other, sizeof(other));
    give(packet, make(packet, 2, PAYLOAD));
    net_merge_flush(&merge);
    comes_merged(0, 1, PAYLOAD, 0x10);
    comes(other, sizeof(other));
    comes(packet, HEADERS + PAYLOAD);
}

/* A full ring loses packets whole, and goes on when there is room. */
static void a_full_ring_loses_packets(void **state)
{
    (void)state;
    uint8_t packet[2048];
    unsigned taken = 0;
    unsigned seen = 0;
    struct net_frame frame = {.data = packet};
    for (; taken < 400; taken++) {
        frame.length = make(packet, taken, PAYLOAD);
        if (!net_merge_add(&merge, &frame))
            break;
    }
    assert_in_range(taken, 130, 399);
    net_merge_flush(&merge);
    while (net_ring_receive(&out, got, &frame) == 1) {
        struct net_plain plain = {0};
        do {
            uint32_t length = make(packet, seen++, PAYLOAD);
            assert_int_equal(net_plain_next(&plain, &frame, cut, sizeof(cut)), length);
            assert_memory_equal(cut, packet, length);
        } while (plain.more);
    }
    assert_int_equal(seen, taken);
    give(packet, make(packet, 0, PAYLOAD));
    give(packet, make(packet, 1, PAYLOAD));
    net_merge_flush(&merge);
    comes_merged(0, 1, PAYLOAD, 0x10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(merges_a_stream, begin, end),
        cmocka_unit_test_setup_teardown(ends_behind_a_short_one_and_a_push, begin, end),
        cmocka_unit_test_setup_teardown(never_gets_too_large, begin, end),
        cmocka_unit_test_setup_teardown(other_packets_pass_as_they_are, begin, end),
        cmocka_unit_test_setup_teardown(what_is_between_keeps_its_place, begin, end),
        cmocka_unit_test_setup_teardown(a_full_ring_loses_packets, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
