/* SPDX-License-Identifier: BSD-2-Clause */
#include <net/frame.h>
#include <string.h>

#include "checksum.h"

#define TYPE_VLAN 0x8100u
#define TYPE_IP4  0x0800u
#define TYPE_IP6  0x86ddu
#define IP6_SIZE  40u

#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

uint64_t checksum_add(const uint8_t *data, uint32_t length, uint64_t total)
{
    uint64_t eight;
    uint32_t four;
    uint16_t two;
    for (; length >= CHECKSUM_MANY; length -= CHECKSUM_MANY, data += CHECKSUM_MANY)
        total = checksum_many(data, total);
    for (; length >= CHECKSUM_BLOCK; length -= CHECKSUM_BLOCK, data += CHECKSUM_BLOCK)
        total = checksum_block(data, total);
    for (; length >= 8; length -= 8, data += 8) {
        memcpy(&eight, data, sizeof(eight));
        total = checksum_word(eight, total);
    }
    if ((length & 4) != 0) {
        memcpy(&four, data, sizeof(four));
        total = checksum_word(four, total);
        data += sizeof(four);
    }
    if ((length & 2) != 0) {
        memcpy(&two, data, sizeof(two));
        total = checksum_word(two, total);
        data += sizeof(two);
    }
    return (length & 1) != 0 ? checksum_word(*data, total) : total;
}

bool net_offload_valid(const struct net_frame *frame)
{
    const struct net_offload *o = &frame->offload;
    if ((o->flags & ~(NET_NEEDS_CHECKSUM | NET_CHECKSUM_GOOD)) != 0)
        return false;
    if ((o->flags & NET_NEEDS_CHECKSUM) != 0) {
        uint32_t field = (uint32_t)o->checksum_start + o->checksum_offset;
        if (o->checksum_start < NET_HEADER || field + 2 > frame->length)
            return false;
    }
    uint8_t kind = o->gso & (uint8_t)~NET_GSO_ECN;
    if (o->gso == NET_GSO_NONE)
        return true;
    return (kind == NET_GSO_TCP4 || kind == NET_GSO_TCP6) && o->gso_size >= NET_GSO_MIN &&
           (o->flags & NET_NEEDS_CHECKSUM) != 0;
}

void net_frame_copy(const struct net_frame *frame, uint32_t offset, uint8_t *to, uint32_t length)
{
    uint32_t head = frame->rest == NULL ? frame->length : NET_HEAD;
    uint32_t first = offset >= head ? 0 : head - offset;
    if (first > length)
        first = length;
    if (first != 0)
        memcpy(to, frame->data + offset, first);
    if (first != length)
        memcpy(to + first, frame->rest + (offset + first - NET_HEAD), length - first);
}

void net_frame_own(struct net_frame *frame, uint8_t *buffer)
{
    net_frame_copy(frame, 0, buffer, frame->length);
    frame->data = buffer;
    frame->rest = NULL;
}

void net_finish_checksum(struct net_frame *frame, uint8_t *data)
{
    struct net_offload *o = &frame->offload;
    if ((o->flags & NET_NEEDS_CHECKSUM) == 0)
        return;
    /* The field holds the pseudo-header's sum already. */
    uint8_t *field = data + o->checksum_start + o->checksum_offset;
    uint16_t value =
        checksum_of(checksum_add(data + o->checksum_start, frame->length - o->checksum_start, 0));
    /* RFC 768: a UDP checksum of zero means none; all ones is the same number. */
    net_put16(field, value == 0 ? 0xffff : value);
    *o = (struct net_offload){.flags = NET_CHECKSUM_GOOD};
}

/* The headers agree with what the frame says of itself; finds where they stand. */
static bool find_headers(struct net_segmenter *s, uint32_t available)
{
    const struct net_frame *frame = s->frame;
    const uint8_t *h = s->header;
    uint32_t ip = NET_HEADER;
    uint16_t type = net_get16(h + 12);
    if (type == TYPE_VLAN) {
        if (available < NET_HEADER + NET_TAG)
            return false;
        type = net_get16(h + 16);
        ip += NET_TAG;
    }
    s->ipv6 = (frame->offload.gso & ~NET_GSO_ECN) == NET_GSO_TCP6;
    if (type != (s->ipv6 ? TYPE_IP6 : TYPE_IP4) || available < ip + 20)
        return false;
    /* Extension headers of IPv6 lie before checksum_start; they are copied as they are. */
    uint32_t tcp = frame->offload.checksum_start;
    uint32_t least = s->ipv6 ? IP6_SIZE : (h[ip] & 15u) * 4u;
    if (least < 20 || tcp < ip + least || (!s->ipv6 && tcp != ip + least) || available < tcp + 20 ||
        frame->offload.checksum_offset != TCP_CHECKSUM)
        return false;
    if (!s->ipv6 && h[ip + 9] != PROTOCOL_TCP)
        return false;
    uint32_t tcp_header = (h[tcp + 12] >> 4) * 4u;
    if (tcp_header < 20 || available < tcp + tcp_header)
        return false;
    s->ip = ip;
    s->tcp = tcp;
    s->headers = tcp + tcp_header;
    return true;
}

/* Sums what is the same in each packet, with zeroes where it is not: of TCP with the addresses of
 * the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1). */
static void sum_headers(struct net_segmenter *s)
{
    uint8_t *ip = s->header + s->ip;
    uint8_t *tcp = s->header + s->tcp;
    uint64_t total = checksum_number(PROTOCOL_TCP);
    s->sequence = (uint32_t)net_get16(tcp + 4) << 16 | net_get16(tcp + 6);
    s->flags = tcp[13];
    memset(tcp + 4, 0, 4);
    tcp[13] = 0;
    net_put16(tcp + TCP_CHECKSUM, 0);
    if (s->ipv6) {
        total = checksum_add(ip + 8, 32, total);
    } else {
        s->id = net_get16(ip + 4);
        net_put16(ip + 2, 0);
        net_put16(ip + 4, 0);
        net_put16(ip + 10, 0);
        s->ip_sum = checksum_fold(checksum_add(ip, s->tcp - s->ip, 0));
        total = checksum_add(ip + 12, 8, total);
    }
    s->tcp_sum = checksum_fold(checksum_add(tcp, s->headers - s->tcp, total));
}

bool net_segment_begin(struct net_segmenter *s, const struct net_frame *frame)
{
    uint32_t available = frame->length < NET_SEGMENT_HEADERS ? frame->length : NET_SEGMENT_HEADERS;
    if (!net_frame_valid(frame) || frame->offload.gso == NET_GSO_NONE)
        return false;
    s->frame = frame;
    s->offset = 0;
    s->number = 0;
    net_frame_copy(frame, 0, s->header, available);
    if (!find_headers(s, available))
        return false;
    s->payload = frame->length - s->headers;
    sum_headers(s);
    return true;
}

static void set_ip(struct net_segmenter *s, uint32_t length)
{
    uint8_t *ip = s->header + s->ip;
    uint16_t inside = (uint16_t)(length - s->ip);
    if (s->ipv6) {
        net_put16(ip + 4, (uint16_t)(inside - IP6_SIZE));
        return;
    }
    uint16_t id = (uint16_t)(s->id + s->number);
    net_put16(ip + 2, inside);
    net_put16(ip + 4, id);
    net_put16(ip + 10, checksum_of(s->ip_sum + checksum_number((uint32_t)inside << 16 | id)));
}

static void set_tcp(struct net_segmenter *s, uint32_t length, const uint8_t *data, uint32_t part)
{
    uint8_t *tcp = s->header + s->tcp;
    uint32_t sequence = s->sequence + s->offset;
    uint8_t flags = s->flags;
    if (s->offset + part != s->payload)
        flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (s->number != 0)
        flags &= (uint8_t)~TCP_CWR; /* RFC 3168, 6.1.2: once */
    net_put16(tcp + 4, (uint16_t)(sequence >> 16));
    net_put16(tcp + 6, (uint16_t)sequence);
    tcp[13] = flags;
    uint64_t total = s->tcp_sum + checksum_number(sequence) + checksum_number(flags) +
                     checksum_number(length - s->tcp);
    net_put16(tcp + TCP_CHECKSUM, checksum_of(checksum_add(data, part, total)));
}

uint32_t net_segment_next(struct net_segmenter *s, uint8_t *packet, uint32_t room)
{
    uint32_t part = s->payload - s->offset;
    if (part == 0 && s->number != 0)
        return 0;
    if (part > s->frame->offload.gso_size)
        part = s->frame->offload.gso_size;
    uint32_t length = s->headers + part;
    if (length > room)
        return 0;
    net_frame_copy(s->frame, s->headers + s->offset, packet + s->headers, part);
    set_ip(s, length);
    set_tcp(s, length, packet + s->headers, part);
    memcpy(packet, s->header, s->headers);
    s->offset += part;
    s->number++;
    return length;
}

uint32_t net_plain_next(struct net_plain *plain, const struct net_frame *frame, uint8_t *packet,
                        uint32_t room)
{
    if (frame->offload.gso == NET_GSO_NONE) {
        struct net_frame finished = *frame;
        plain->more = false;
        if (frame->length > room)
            return 0;
        net_frame_copy(frame, 0, packet, frame->length);
        net_finish_checksum(&finished, packet);
        return frame->length;
    }
    if (!plain->more && !net_segment_begin(&plain->segmenter, frame))
        return 0;
    uint32_t length = net_segment_next(&plain->segmenter, packet, room);
    plain->more = length != 0 && plain->segmenter.offset != plain->segmenter.payload;
    return length;
}

bool net_deliver_plain(const struct net_sink *sink, const struct net_frame *frame, uint8_t *scratch)
{
    if (frame->offload.gso == NET_GSO_NONE) {
        if ((frame->offload.flags & NET_NEEDS_CHECKSUM) == 0)
            return sink->deliver(sink->context, frame);
        struct net_frame finished = *frame;
        net_frame_own(&finished, scratch);
        net_finish_checksum(&finished, scratch);
        return sink->deliver(sink->context, &finished);
    }
    struct net_segmenter segmenter;
    uint32_t length;
    if (!net_segment_begin(&segmenter, frame))
        return true; /* what it says of itself is wrong: dropped */
    while ((length = net_segment_next(&segmenter, scratch, NET_FRAME_MAX)) != 0) {
        const struct net_frame packet = {
            .data = scratch, .length = length, .offload = {.flags = NET_CHECKSUM_GOOD}};
        if (!sink->deliver(sink->context, &packet))
            return segmenter.number > 1;
    }
    return true;
}
