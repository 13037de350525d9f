/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How frames pass between two components: two rings (lib/ring), one each way, of records: a header
 * and the frame's bytes, in one piece. Records begin at multiples of their header's size; one that
 * would not fit before the ring's end begins at its start, behind a header that says so. The
 * receiver copies what it looks at. A frame that finds no room is refused, so a peer that does not
 * read harms itself alone. The indices stand between records at any time, so a side that is started
 * anew goes on where its predecessor was.
 *
 * The region that both map: the ring towards the network in its first half, the ring from it in the
 * second.
 */
#ifndef NET_RING_H
#define NET_RING_H

#include <net/frame.h>
#include <ring/ring.h>

struct net_record {
    uint32_t length; /* of the frame, NET_HEADER to NET_FRAME_MAX; 0: nothing up to the end */
    struct net_offload offload;
    uint16_t zero;
};

_Static_assert(offsetof(struct net_record, offload.flags) == 4, "net protocol 2");
_Static_assert(offsetof(struct net_record, offload.gso) == 5, "net protocol 2");
_Static_assert(offsetof(struct net_record, offload.header_length) == 6, "net protocol 2");
_Static_assert(offsetof(struct net_record, offload.gso_size) == 8, "net protocol 2");
_Static_assert(offsetof(struct net_record, offload.checksum_start) == 10, "net protocol 2");
_Static_assert(offsetof(struct net_record, offload.checksum_offset) == 12, "net protocol 2");
_Static_assert(sizeof(struct net_record) == 16, "net protocol 2");

/* The smallest region: room each way for one of the largest frames, wherever it begins. */
#define NET_REGION_LEAST 0x82000u

enum net_ring_error {
    NET_RING_BROKEN = -1, /* the peer's index or record is impossible: nothing more is read */
};

struct net_ring {
    struct ring out;
    struct ring in;
    uint32_t skip; /* bytes up to the end that the next frame leaves out */
    bool broken;
    uint8_t *promised; /* by net_ring_room, until a frame is sent; or NULL */
    uint32_t promised_length;
};

/* Attaches to the region (page-aligned); `network` is the side of the network service. */
int net_ring_attach(struct net_ring *ring, uint8_t *region, uint64_t size, bool network);

/* false: no room now, or broken. net_ring_must_wake tells whether to notify the peer afterwards. */
bool net_ring_send(struct net_ring *ring, const struct net_frame *frame);
bool net_ring_must_wake(struct net_ring *ring);

/*
 * Where the next frame of this length will stand, or NULL: no room now, or broken. One that is
 * there already is not copied by net_ring_send.
 */
uint8_t *net_ring_room(struct net_ring *ring, uint32_t length);

/*
 * The same for a frame of at least this length that may grow up to *most bytes while it is put
 * together there. net_ring_publish sends it.
 */
uint8_t *net_ring_begin(struct net_ring *ring, uint32_t length, uint32_t *most);
void net_ring_publish(struct net_ring *ring, const struct net_offload *offload, uint32_t length);

/*
 * After a frame was refused: announces that its sender waits. Returns false when it fits by now. A
 * broken ring never has room.
 */
bool net_ring_prepare_wait(struct net_ring *ring, const struct net_frame *frame);

/*
 * Copies the next frame into `buffer` of NET_FRAME_MAX bytes: 1, 0 when there is none, or
 * NET_RING_BROKEN. The frame is valid (net_frame_valid) or left out.
 */
int net_ring_receive(struct net_ring *ring, uint8_t *buffer, struct net_frame *frame);

/*
 * The same without copying more than its head, into `buffer` of NET_HEAD bytes: the rest stays
 * where it is. The frame is to be taken by net_ring_done; until then it is the next one.
 */
int net_ring_look(struct net_ring *ring, uint8_t *buffer, struct net_frame *frame);

/* The same for whoever looks at nothing of it: `data` is in the ring, where the peer may change it
 * (as in memory that a device can write, it is copied once). */
int net_ring_pass(struct net_ring *ring, struct net_frame *frame);
void net_ring_done(struct net_ring *ring, const struct net_frame *frame);

/* After receiving: does the peer wait for room, so that it must be notified? */
bool net_ring_must_tell(struct net_ring *ring);

/* Before waiting for a notification; false: frames have arrived meanwhile. */
bool net_ring_prepare_sleep(struct net_ring *ring);

#endif
