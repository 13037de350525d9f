/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packets are merged only if cutting the result gives each of them back, bit for bit but for the
 * PSH flag, which then stands in the last one alone.
 */
#include <net/merge.h>
#include <string.h>

#include "checksum.h"

#define TYPE_IP4 0x0800u
#define IP       NET_HEADER
#define IP_SIZE  20u
#define TCP      (IP + IP_SIZE)

/* Offsets in the headers (RFC 791, 3.1; RFC 9293, 3.1). */
#define IP_TOTAL       (IP + 2)
#define IP_ID          (IP + 4)
#define IP_FRAGMENT    (IP + 6)
#define IP_PROTOCOL    (IP + 9)
#define IP_CHECKSUM    (IP + 10)
#define IP_ADDRESSES   (IP + 12)
#define TCP_SEQUENCE   (TCP + 4)
#define TCP_ACKNOWLEDG (TCP + 8)
#define TCP_OFFSET     (TCP + 12)
#define TCP_FLAGS      (TCP + 13)
#define TCP_WINDOW     (TCP + 14)

#define FRAGMENT_BITS 0x3fffu /* more fragments, offset */
#define DONT_FRAGMENT 0x4000u
#define FLAG_PSH      0x08u
#define FLAG_ACK      0x10u
#define LARGEST       65535u /* of an IP packet */

/* A packet that could be part of a larger one. */
struct packet {
    uint8_t headers[NET_MERGE_HEADERS];
    uint32_t header_length;
    const uint8_t *data;
    uint32_t payload;
};

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)net_get16(at) << 16 | net_get16(at + 2);
}

/* The pseudo-header's sum (RFC 9293, 3.1). */
static uint64_t pseudo_sum(const uint8_t *headers, uint32_t tcp_length)
{
    return checksum_add(headers + IP_ADDRESSES, 8, checksum_number(PROTOCOL_TCP + tcp_length));
}

/* Both checksums are right, so that a merged frame need not carry those of its packets. */
static bool sums_are_right(const struct packet *packet, bool checked)
{
    if (checksum_fold(checksum_add(packet->headers + IP, IP_SIZE, 0)) != 0xffff)
        return false;
    if (checked)
        return true;
    uint32_t header = packet->header_length - TCP;
    uint64_t total = pseudo_sum(packet->headers, header + packet->payload);
    total = checksum_add(packet->headers + TCP, header, total);
    return checksum_fold(checksum_add(packet->data, packet->payload, total)) == 0xffff;
}

/* Nothing but data and an acknowledgement, in one piece, without options of IP. */
static bool read_packet(const struct net_frame *frame, struct packet *packet)
{
    uint8_t *h = packet->headers;
    if (frame->length <= TCP + 20 || frame->offload.gso != NET_GSO_NONE ||
        (frame->offload.flags & NET_NEEDS_CHECKSUM) != 0)
        return false;
    if (frame->length >= NET_MERGE_HEADERS)
        memcpy(h, frame->data, NET_MERGE_HEADERS);
    else
        memcpy(h, frame->data, frame->length);
    if (net_get16(h + 12) != TYPE_IP4 || h[IP] != 0x45 || h[IP_PROTOCOL] != PROTOCOL_TCP ||
        net_get16(h + IP_TOTAL) != frame->length - IP ||
        (net_get16(h + IP_FRAGMENT) & FRAGMENT_BITS) != 0)
        return false;
    uint32_t tcp_header = (h[TCP_OFFSET] >> 4) * 4u;
    packet->header_length = TCP + tcp_header;
    if (tcp_header < 20 || frame->length <= packet->header_length ||
        (h[TCP_FLAGS] & ~FLAG_PSH) != FLAG_ACK)
        return false;
    packet->data = frame->data + packet->header_length;
    packet->payload = frame->length - packet->header_length;
    return packet->payload >= NET_GSO_MIN &&
           sums_are_right(packet, (frame->offload.flags & NET_CHECKSUM_GOOD) != 0);
}

/* The compiler makes few instructions of it where it knows the size. */
static inline __attribute__((always_inline)) bool same(const uint8_t *a, const uint8_t *b,
                                                       uint32_t from, uint32_t to)
{
    return __builtin_memcmp(a + from, b + from, to - from) == 0;
}

/* Would cutting give it back behind those that are there? */
static bool continues(const struct net_merge *merge, const struct packet *packet)
{
    const uint8_t *first = merge->headers;
    const uint8_t *next = packet->headers;
    uint16_t id = net_get16(first + IP_ID);
    if (packet->header_length != merge->header_length || packet->payload > merge->size ||
        merge->header_length + merge->payload + packet->payload > merge->most)
        return false;
    /* The segments are numbered, as net_segment_next does it. */
    if (net_get16(next + IP_ID) != (uint16_t)(id + merge->packets) ||
        get32(next + TCP_SEQUENCE) != get32(first + TCP_SEQUENCE) + merge->payload)
        return false;
    return same(first, next, 0, IP_TOTAL) && same(first, next, IP_FRAGMENT, IP_CHECKSUM) &&
           same(first, next, IP_ADDRESSES, TCP_SEQUENCE) &&
           same(first, next, TCP_ACKNOWLEDG, TCP_FLAGS) &&
           same(first, next, TCP_WINDOW, TCP + TCP_CHECKSUM) &&
           same(first, next, TCP + TCP_CHECKSUM + 2, merge->header_length);
}

/* The headers of all together, for whoever cuts or checks them. */
static struct net_offload finish(struct net_merge *merge)
{
    uint8_t *h = merge->headers;
    uint32_t length = merge->header_length + merge->payload;
    if (merge->packets == 1)
        return (struct net_offload){.flags = NET_CHECKSUM_GOOD};
    net_put16(h + IP_TOTAL, (uint16_t)(length - IP));
    net_put16(h + IP_CHECKSUM, 0);
    net_put16(h + IP_CHECKSUM, checksum_of(checksum_add(h + IP, IP_SIZE, 0)));
    net_put16(h + TCP + TCP_CHECKSUM, (uint16_t)~checksum_of(pseudo_sum(h, length - TCP)));
    return (struct net_offload){
        .flags = NET_NEEDS_CHECKSUM,
        .gso = NET_GSO_TCP4,
        .header_length = (uint16_t)merge->header_length,
        .gso_size = (uint16_t)merge->size,
        .checksum_start = TCP,
        .checksum_offset = TCP_CHECKSUM,
    };
}

void net_merge_flush(struct net_merge *merge)
{
    if (merge->header_length == 0)
        return;
    const struct net_offload offload = finish(merge);
    memcpy(merge->place, merge->headers, merge->header_length);
    net_ring_publish(merge->ring, &offload, merge->header_length + merge->payload);
    merge->header_length = 0;
}

static bool begin(struct net_merge *merge, const struct packet *packet)
{
    merge->place =
        net_ring_begin(merge->ring, packet->header_length + packet->payload, &merge->most);
    if (merge->place == NULL)
        return false;
    if (merge->most > LARGEST + IP)
        merge->most = LARGEST + IP;
    memcpy(merge->headers, packet->headers, packet->header_length);
    merge->header_length = packet->header_length;
    merge->size = packet->payload;
    merge->payload = 0;
    merge->packets = 0;
    return true;
}

bool net_merge_add(struct net_merge *merge, const struct net_frame *frame)
{
    struct packet packet;
    bool mergeable = read_packet(frame, &packet);
    if (merge->header_length != 0 && !(mergeable && continues(merge, &packet)))
        net_merge_flush(merge);
    if (!mergeable)
        return net_ring_send(merge->ring, frame);
    if (merge->header_length == 0 && !begin(merge, &packet))
        return false;
    memcpy(merge->place + merge->header_length + merge->payload, packet.data, packet.payload);
    merge->payload += packet.payload;
    merge->packets++;
    merge->headers[TCP_FLAGS] |= packet.headers[TCP_FLAGS];
    /* Behind a shorter one or a push nothing can follow. */
    if (packet.payload < merge->size || (packet.headers[TCP_FLAGS] & FLAG_PSH) != 0)
        net_merge_flush(merge);
    return true;
}
