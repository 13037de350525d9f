/* SPDX-License-Identifier: BSD-2-Clause */
#include <net/frame.h>
#include <string.h>

#include "checksum.h"

#define TYPE_VLAN 0x8100u
#define TYPE_IP4  0x0800u
#define TYPE_IP6  0x86ddu

#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

uint64_t checksum_add(const uint8_t *data, uint32_t length, uint64_t total)
{
    for (; length >= CHECKSUM_BLOCK; length -= CHECKSUM_BLOCK, data += CHECKSUM_BLOCK)
        total = checksum_block(data, total);
    for (; length >= 8; length -= 8, data += 8) {
        uint64_t word;
        memcpy(&word, data, sizeof(word));
        total += word;
        total += total < word;
    }
    uint64_t rest = 0;
    for (uint32_t i = 0; i < length; i++)
        rest |= (uint64_t)data[i] << 8 * i;
    total += rest;
    return total + (total < rest);
}

bool net_frame_valid(const struct net_frame *frame)
{
    const struct net_offload *o = &frame->offload;
    if (frame->length < NET_HEADER || frame->length > NET_FRAME_MAX)
        return false;
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

bool net_segment_begin(struct net_segmenter *s, const struct net_frame *frame)
{
    const uint8_t *data = frame->data;
    uint32_t ip = NET_HEADER;
    *s = (struct net_segmenter){.frame = frame};
    if (!net_frame_valid(frame) || frame->offload.gso == NET_GSO_NONE)
        return false;
    uint16_t type = net_get16(data + 12);
    if (type == TYPE_VLAN) {
        if (frame->length < NET_HEADER + NET_TAG)
            return false;
        type = net_get16(data + 16);
        ip += NET_TAG;
    }
    s->ipv6 = (frame->offload.gso & ~NET_GSO_ECN) == NET_GSO_TCP6;
    if (type != (s->ipv6 ? TYPE_IP6 : TYPE_IP4) || frame->length < ip + 20)
        return false;
    /* Extension headers of IPv6 lie before checksum_start; they are copied as they are. */
    uint32_t tcp = frame->offload.checksum_start;
    uint32_t least = s->ipv6 ? 40 : (data[ip] & 15u) * 4u;
    if (least < 20 || tcp < ip + least || (!s->ipv6 && tcp != ip + least) ||
        frame->length < tcp + 20 || frame->offload.checksum_offset != TCP_CHECKSUM)
        return false;
    if (!s->ipv6 && data[ip + 9] != PROTOCOL_TCP)
        return false;
    uint32_t tcp_header = (data[tcp + 12] >> 4) * 4u;
    if (tcp_header < 20 || frame->length < tcp + tcp_header)
        return false;
    s->ip = ip;
    s->tcp = tcp;
    s->headers = tcp + tcp_header;
    return true;
}

/* The TCP checksum over header, payload and pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1). */
static void checksum_tcp(const struct net_segmenter *s, uint8_t *packet, uint32_t length)
{
    uint32_t tcp_length = length - s->tcp;
    uint64_t total = checksum_number(PROTOCOL_TCP + tcp_length);
    if (s->ipv6)
        total = checksum_add(packet + s->ip + 8, 32, total);
    else
        total = checksum_add(packet + s->ip + 12, 8, total);
    net_put16(packet + s->tcp + TCP_CHECKSUM, 0);
    net_put16(packet + s->tcp + TCP_CHECKSUM,
              checksum_of(checksum_add(packet + s->tcp, tcp_length, total)));
}

static void set_ip(const struct net_segmenter *s, uint8_t *packet, uint32_t length)
{
    uint8_t *ip = packet + s->ip;
    if (s->ipv6) {
        net_put16(ip + 4, (uint16_t)(length - s->ip - 40));
        return;
    }
    net_put16(ip + 2, (uint16_t)(length - s->ip));
    net_put16(ip + 4, (uint16_t)(net_get16(ip + 4) + s->number));
    net_put16(ip + 10, 0);
    net_put16(ip + 10, checksum_of(checksum_add(ip, s->tcp - s->ip, 0)));
}

uint32_t net_segment_next(struct net_segmenter *s, uint8_t *packet, uint32_t room)
{
    const struct net_frame *frame = s->frame;
    uint32_t payload = frame->length - s->headers;
    uint32_t part = payload - s->offset;
    bool first = s->number == 0;
    if (part == 0 && !first)
        return 0;
    if (part > frame->offload.gso_size)
        part = frame->offload.gso_size;
    uint32_t length = s->headers + part;
    if (length > room)
        return 0;
    bool last = s->offset + part == payload;
    memcpy(packet, frame->data, s->headers);
    memcpy(packet + s->headers, frame->data + s->headers + s->offset, part);
    set_ip(s, packet, length);
    uint8_t *tcp = packet + s->tcp;
    uint32_t sequence = (uint32_t)net_get16(tcp + 4) << 16 | net_get16(tcp + 6);
    sequence += s->offset;
    net_put16(tcp + 4, (uint16_t)(sequence >> 16));
    net_put16(tcp + 6, (uint16_t)sequence);
    if (!last)
        tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (!first)
        tcp[13] &= (uint8_t)~TCP_CWR; /* RFC 3168, 6.1.2: once */
    checksum_tcp(s, packet, length);
    s->offset += part;
    s->number++;
    return length;
}

bool net_deliver_plain(const struct net_sink *sink, const struct net_frame *frame, uint8_t *scratch)
{
    if (frame->offload.gso == NET_GSO_NONE) {
        if ((frame->offload.flags & NET_NEEDS_CHECKSUM) == 0)
            return sink->deliver(sink->context, frame);
        struct net_frame finished = *frame;
        memcpy(scratch, frame->data, frame->length);
        finished.data = scratch;
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
