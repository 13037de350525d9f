/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checksums and segmentation, checked by summing what comes out once more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <net/frame.h>
#include <string.h>

#define TCP_SYN 2u

static uint8_t data[NET_FRAME_MAX];
static uint8_t packet[NET_FRAME_MAX];

/* A one's complement sum that must come to all ones when the checksum in it is right. */
static uint16_t ones(const uint8_t *at, uint32_t length, uint32_t start)
{
    uint32_t total = start;
    for (uint32_t i = 0; i < length; i++)
        total += (i & 1) == 0 ? (uint32_t)at[i] << 8 : at[i];
    while (total >> 16 != 0)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)total;
}

static uint16_t pseudo(const uint8_t *ip, bool ipv6, uint32_t length)
{
    return ipv6 ? ones(ip + 8, 32, 6 + length) : ones(ip + 12, 8, 6 + length);
}

/* A TCP frame as a guest leaves it to its hardware; returns its length. */
static struct net_frame make(bool ipv6, bool tagged, uint32_t payload, uint16_t gso)
{
    uint32_t ip = tagged ? 18 : 14;
    uint32_t tcp = ip + (ipv6 ? 40u : 20u);
    uint32_t length = tcp + 32 + payload;
    memset(data, 0, sizeof(data));
    net_put16(data + ip - 2, ipv6 ? 0x86dd : 0x0800);
    if (tagged) {
        net_put16(data + 12, 0x8100);
        net_put16(data + 14, 5);
    }
    if (ipv6) {
        data[ip] = 0x60;
        net_put16(data + ip + 4, (uint16_t)(length - tcp));
        data[ip + 6] = 6;
        for (unsigned i = 8; i < 40; i++)
            data[ip + i] = (uint8_t)(i * 11);
    } else {
        data[ip] = 0x45;
        net_put16(data + ip + 2, (uint16_t)(length - ip));
        net_put16(data + ip + 4, 0xfffe);
        data[ip + 9] = 6;
        for (unsigned i = 12; i < 20; i++)
            data[ip + i] = (uint8_t)(i * 11);
    }
    net_put16(data + tcp + 4, 0xffff); /* sequence number about to wrap */
    net_put16(data + tcp + 6, 0xff00);
    data[tcp + 12] = 8 << 4;
    data[tcp + 13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR ACK PSH FIN */
    for (uint32_t i = 0; i < payload; i++)
        data[tcp + 32 + i] = (uint8_t)(i ^ i >> 8);
    net_put16(data + tcp + 16, pseudo(data + ip, ipv6, length - tcp));
    struct net_frame frame = {.data = data, .length = length};
    frame.offload = (struct net_offload){
        .flags = NET_NEEDS_CHECKSUM,
        .gso = gso == 0 ? NET_GSO_NONE
               : ipv6   ? NET_GSO_TCP6
                        : NET_GSO_TCP4,
        .gso_size = gso,
        .checksum_start = (uint16_t)tcp,
        .checksum_offset = 16,
    };
    return frame;
}

static void finishes_checksums(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        bool ipv6 = (i & 1) != 0;
        struct net_frame frame = make(ipv6, (i & 2) != 0, i * 7, 0);
        uint32_t tcp = frame.offload.checksum_start;
        uint32_t ip = tcp - (ipv6 ? 40u : 20u);
        net_finish_checksum(&frame, data);
        assert_int_equal(frame.offload.flags, NET_CHECKSUM_GOOD);
        assert_int_equal(
            ones(data + tcp, frame.length - tcp, pseudo(data + ip, ipv6, frame.length - tcp)),
            0xffff);
    }
}

/* Of each length, and from each place. */
static void sums_every_length(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1200; i++)
        data[i] = (uint8_t)(i * 37 + 255 - i / 7);
    for (uint32_t length = 16; length < 1100; length++) {
        struct net_frame frame = {.data = data,
                                  .length = length,
                                  .offload = {.flags = NET_NEEDS_CHECKSUM,
                                              .checksum_start = (uint16_t)(14 + length % 2),
                                              .checksum_offset = 0}};
        uint32_t start = frame.offload.checksum_start;
        if (length < start + 2)
            continue;
        struct net_plain plain = {0};
        frame.rest = length > NET_HEAD ? data + NET_HEAD : NULL;
        assert_int_equal(net_plain_next(&plain, &frame, packet, length - 1), 0);
        assert_int_equal(net_plain_next(&plain, &frame, packet, length), length);
        assert_false(plain.more);
        /* The field held a number of its own, which is summed as if it were the pseudo-header's. */
        uint16_t held = net_get16(data + start);
        assert_int_equal(ones(packet + start, length - start, held), 0xffff);
    }
}

static void cuts(bool ipv6, bool tagged, uint32_t payload, uint16_t gso)
{
    struct net_frame frame = make(ipv6, tagged, payload, gso);
    struct net_plain plain = {0};
    uint32_t tcp = frame.offload.checksum_start;
    uint32_t ip = tcp - (ipv6 ? 40u : 20u);
    uint32_t at = 0;
    uint32_t length;
    unsigned number = 0;
    /* Only its head is here; its payload is elsewhere. */
    uint8_t head[NET_HEAD];
    memcpy(head, data, sizeof(head));
    frame.data = head;
    frame.rest = data + NET_HEAD;
    do {
        length = net_plain_next(&plain, &frame, packet, sizeof(packet));
        assert_int_not_equal(length, 0);
        uint32_t part = length - tcp - 32;
        bool last = at + part == payload;
        assert_int_equal(part, last ? payload - at : gso);
        assert_memory_equal(packet + tcp + 32, data + tcp + 32 + at, part);
        uint32_t sequence = (uint32_t)net_get16(packet + tcp + 4) << 16;
        sequence |= net_get16(packet + tcp + 6);
        assert_int_equal(sequence, (uint32_t)(0xffffff00u + at));
        if (ipv6) {
            assert_int_equal(net_get16(packet + ip + 4), length - tcp);
        } else {
            assert_int_equal(net_get16(packet + ip + 2), length - ip);
            assert_int_equal(net_get16(packet + ip + 4), (uint16_t)(0xfffe + number));
            assert_int_equal(ones(packet + ip, 20, 0), 0xffff);
        }
        assert_int_equal(ones(packet + tcp, length - tcp, pseudo(packet + ip, ipv6, length - tcp)),
                         0xffff);
        assert_int_equal(packet[tcp + 13], 0x10 | (number == 0 ? 0x80 : 0) | (last ? 0x09 : 0));
        at += part;
        number++;
    } while (plain.more);
    assert_int_equal(at, payload);
}

static void cuts_streams(void **state)
{
    (void)state;
    cuts(false, false, 10000, 1448);
    cuts(true, false, 10000, 1428);
    cuts(false, true, 65000, 1448);
    cuts(true, true, 1, 1428);
    cuts(false, false, 2896, 1448);
    cuts(false, false, 0, 1448);
    cuts(false, false, 5000, NET_GSO_MIN);
}

/* Each lie in the headers is found before anything is computed from it. */
static void lies_are_found(void **state)
{
    (void)state;
    struct net_segmenter s;
    struct net_frame frame = make(false, false, 5000, 1000);
    assert_true(net_segment_begin(&s, &frame));
    frame.offload.gso = NET_GSO_TCP6;
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 5000, 1000);
    frame.offload.gso_size = NET_GSO_MIN - 1;
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 5000, 1000);
    frame.offload.checksum_start = 38;
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 5000, 1000);
    frame.offload.checksum_offset = 6;
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 5000, 1000);
    data[14] = 0x4f; /* an IP header that reaches into TCP's */
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 5000, 1000);
    data[14] = 0x41;
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 5000, 1000);
    data[14 + 9] = 17;
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 5000, 1000);
    data[34 + 12] = 0x10; /* a TCP header of 4 bytes */
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 0, 1000);
    data[34 + 12] = 0xf0; /* longer than the frame */
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 5000, 1000);
    frame.length = 40;
    assert_false(net_segment_begin(&s, &frame));
    frame = make(true, false, 5000, 1000);
    memset(data + 54, 0, 400); /* extension headers without end, then TCP's */
    data[54 + 160 + 12] = 5 << 4;
    frame.offload.checksum_start = 54 + 160;
    assert_false(net_segment_begin(&s, &frame));
    frame = make(false, false, 100, 0);
    frame.offload.checksum_start = UINT16_MAX;
    assert_false(net_frame_valid(&frame));
    frame = make(false, false, 100, 0);
    frame.offload.checksum_offset = UINT16_MAX;
    assert_false(net_frame_valid(&frame));
    frame = make(false, false, 100, 0);
    frame.offload.flags = 0xff;
    assert_false(net_frame_valid(&frame));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finishes_checksums),
        cmocka_unit_test(sums_every_length),
        cmocka_unit_test(cuts_streams),
        cmocka_unit_test(lies_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
