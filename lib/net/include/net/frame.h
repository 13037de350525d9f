/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An Ethernet frame with what is still to be done to it: a checksum that the sender left to its
 * hardware, or a TCP stream that is to be cut into packets. The fields mean what virtio 1.2,
 * section 5.1.6, makes of them, so a frame passes between two guests as it is; whoever has no such
 * hardware calls net_finish_checksum or net_segment_next.
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_MAC_SIZE  6u
#define NET_HEADER    14u /* Ethernet header without VLAN tag */
#define NET_TAG       4u
#define NET_MTU       1500u
#define NET_GSO_MIN   40u    /* smaller pieces would be an attack on whoever has to cut */
#define NET_FRAME_MAX 65556u /* 65535 bytes of IP behind a tagged header, rounded up */

/* net_offload.flags */
#define NET_NEEDS_CHECKSUM 1u /* from checksum_start to the end, stored at checksum_offset */
#define NET_CHECKSUM_GOOD  2u /* has been checked already */

enum net_gso { NET_GSO_NONE = 0, NET_GSO_TCP4 = 1, NET_GSO_TCP6 = 4, NET_GSO_ECN = 0x80 };

struct net_offload {
    uint8_t flags;
    uint8_t gso;            /* enum net_gso; ECN is or-ed to a TCP kind */
    uint16_t header_length; /* a hint, not relied on */
    uint16_t gso_size;      /* payload of each packet */
    uint16_t checksum_start;
    uint16_t checksum_offset; /* from checksum_start */
};

#define NET_HEAD 64u /* bytes of a frame in which whoever passes it on may look */

/* What `data` points to is private memory of whoever calls, unless he says otherwise: nobody
 * changes it meanwhile. */
struct net_frame {
    const uint8_t *data;
    uint32_t length;
    struct net_offload offload;
    /* NULL: all of the frame is at `data`. Else only NET_HEAD bytes are, and here are those behind
     * them, in memory that somebody else may change: they are copied and not looked at. */
    const uint8_t *rest;
};

/* Where frames go: false when there is no room now; whoever refuses calls back when there is. */
struct net_sink {
    bool (*deliver)(void *context, const struct net_frame *frame);
    void *context;
    /* May be NULL: a place where a frame of this length may be put before it is delivered, with
     * `data` pointing there, which spares a copy; or NULL. Others may see what is put there. */
    uint8_t *(*room)(void *context, uint32_t length);
};

/* Copies bytes of the frame, which has as many. */
void net_frame_copy(const struct net_frame *frame, uint32_t offset, uint8_t *to, uint32_t length);

/* Copies all of it to private memory of `length` bytes, where it is from then on. */
void net_frame_own(struct net_frame *frame, uint8_t *buffer);

/* The same of a frame that has something still to be done to it. */
bool net_offload_valid(const struct net_frame *frame);

/* Is this a frame that can be passed on: sizes, checksum range, segmentation fields? */
static inline bool net_frame_valid(const struct net_frame *frame)
{
    if (frame->length < NET_HEADER || frame->length > NET_FRAME_MAX)
        return false;
    return ((frame->offload.flags & ~NET_CHECKSUM_GOOD) | frame->offload.gso) == 0 ||
           net_offload_valid(frame);
}

/*
 * Computes the checksum that the frame needs, in `data`, which is the frame's own memory. The
 * frame's offload fields are cleared of it. The frame is valid and is not to be cut.
 */
void net_finish_checksum(struct net_frame *frame, uint8_t *data);

#define NET_SEGMENT_HEADERS 192u /* at most, of a frame that can be cut */

/* Cutting a TCP frame (gso != NET_GSO_NONE) into packets. */
struct net_segmenter {
    const struct net_frame *frame;
    uint8_t header[NET_SEGMENT_HEADERS]; /* of a packet: Ethernet, IP and TCP */
    uint32_t headers;                    /* bytes of it */
    uint32_t ip;                         /* offset of the IP header */
    uint32_t tcp;
    uint32_t payload;
    uint32_t offset; /* of the payload handed out so far */
    uint32_t sequence;
    uint16_t ip_sum; /* of what is the same in each packet */
    uint16_t tcp_sum;
    uint16_t id;
    uint16_t number;
    uint8_t flags;
    bool ipv6;
};

/*
 * false: what the frame says of itself does not agree with its headers, or these are too long; it
 * is to be dropped. The headers are copied from the frame, its payload is copied into the packets.
 */
bool net_segment_begin(struct net_segmenter *segmenter, const struct net_frame *frame);

/*
 * The next packet with all its checksums, in `packet` of `room` bytes; its length, or 0 at the end
 * or when the room is too small. `packet` may be memory that a device can change: what is summed is
 * what has been copied there, and nothing of it decides anything.
 */
uint32_t net_segment_next(struct net_segmenter *segmenter, uint8_t *packet, uint32_t room);

/* Making packets that need nothing more done of any frame, one at a time, for hardware without
 * offloads; all zeroes at first. */
struct net_plain {
    struct net_segmenter segmenter;
    bool more; /* the frame has further packets: the next call has to be with the same */
};

/* Like net_segment_next for any valid frame; 0: the frame, or what is left of it, is dropped. */
uint32_t net_plain_next(struct net_plain *plain, const struct net_frame *frame, uint8_t *packet,
                        uint32_t room);

/*
 * Delivers the frame as packets that need nothing more done, to whoever takes no others: `scratch`
 * is NET_FRAME_MAX bytes. false when the sink refused the first packet; what it refuses later is
 * lost, as on a full wire.
 */
bool net_deliver_plain(const struct net_sink *sink, const struct net_frame *frame,
                       uint8_t *scratch);

/* Big-endian fields. */
static inline uint16_t net_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void net_put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

#endif
