/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Puts the packets of a TCP stream over IPv4 that come right behind each other into one large frame
 * on their way into a ring, so that everybody behind it has one frame's work: the opposite of
 * net_segment_next, which makes the same packets of it again. What is not such a packet passes as
 * it is, and nothing overtakes anything.
 */
#ifndef NET_MERGE_H
#define NET_MERGE_H

#include <net/ring.h>

#define NET_MERGE_HEADERS 94u /* at most: Ethernet, IPv4 without options, TCP */

struct net_merge {
    struct net_ring *ring;
    uint8_t headers[NET_MERGE_HEADERS]; /* of the first packet */
    uint32_t header_length;             /* 0: nothing is being put together */
    uint8_t *place;                     /* of the large frame, in the ring */
    uint32_t most;                      /* bytes that it can have there */
    uint32_t payload;                   /* bytes of it so far, in their place */
    uint32_t size;                      /* payload of each packet but the last */
    uint32_t packets;
};

/*
 * A frame for the ring. Its data may be memory that a device can still write: its headers are
 * copied before they are looked at. false: it is lost, there was no room.
 */
bool net_merge_add(struct net_merge *merge, const struct net_frame *frame);

/* Sends what is being put together. To be called when no more frames are there. */
void net_merge_flush(struct net_merge *merge);

#endif
