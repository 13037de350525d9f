/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The device's side of a virtqueue (virtio 1.2, sections 2.7 split and 2.8 packed), with indirect
 * descriptors and event indices. All of it lies in guest memory and is distrusted: every field is
 * read once, a chain is checked completely before its first byte is used, and after that only the
 * checked copy counts, whatever the guest does to its tables meanwhile.
 */
#ifndef VMM_VIRTIO_QUEUE_H
#define VMM_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/memory/memory.h"

#define VIRTQUEUE_MAX_SIZE     256u
#define VIRTQUEUE_MAX_SEGMENTS 128u

struct virtqueue {
    const struct memory *memory;
    uint16_t size; /* 1 to VIRTQUEUE_MAX_SIZE; a power of two where the ring is split */
    bool enabled;
    bool packed;      /* VIRTIO_F_RING_PACKED was negotiated */
    bool event_index; /* VIRTIO_F_EVENT_IDX was negotiated */
    bool indirect;    /* VIRTIO_F_INDIRECT_DESC was negotiated */
    /* Guest-physical addresses as the driver wrote them ... */
    uint64_t descriptors;
    uint64_t available; /* driver area: available ring, or the driver's event suppression */
    uint64_t used;      /* device area: used ring, or the device's event suppression */
    /* ... and where these stand here, checked by virtqueue_enable. */
    uint8_t *descriptor_area;
    uint8_t *driver_area;
    uint8_t *device_area;
    /* Split: indices that run freely. Packed: positions in the ring, with their wrap counters. */
    uint16_t next_available;
    uint16_t next_used;
    bool available_wrap;
    bool used_wrap;
    uint32_t unsignalled; /* entries (packed: descriptors) given back since the last interrupt */
};

struct virtqueue_segment {
    uint8_t *data;
    uint32_t length;
};

/* What names a request to virtqueue_push. */
struct virtqueue_token {
    uint16_t id;          /* split: index of the head; packed: buffer ID */
    uint16_t descriptors; /* ring descriptors that it takes (packed) */
};

/* A request: what the device reads, then what it writes. */
struct virtqueue_chain {
    struct virtqueue_token token;
    unsigned readable;         /* segments that the device reads; they come first */
    unsigned count;            /* all segments */
    uint64_t readable_length;  /* bytes */
    uint64_t writeable_length; /* bytes */
    struct virtqueue_segment segment[VIRTQUEUE_MAX_SEGMENTS];
};

/* A request that is done. */
struct virtqueue_used {
    struct virtqueue_token token;
    uint32_t written; /* bytes from the first writeable one on */
};

enum virtqueue_error {
    VIRTQUEUE_ERROR_RING = -1,  /* a ring stands outside RAM or its indices are impossible */
    VIRTQUEUE_ERROR_CHAIN = -2, /* a loop, a bad index, a bad address, too many segments */
};

void virtqueue_reset(struct virtqueue *queue, const struct memory *memory);

/* Checks the three areas (in RAM, aligned) and starts the queue; 0 or VIRTQUEUE_ERROR_RING. */
int virtqueue_enable(struct virtqueue *queue);

/* Takes the next request: 1, or 0 when there is none, or an error: the device needs a reset. */
int virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain);

/* Puts the last request taken back, so that it is taken again. */
void virtqueue_unpop(struct virtqueue *queue, struct virtqueue_token token);

/* Gives a request back with the number of bytes written. Requests may go back in any order. */
void virtqueue_push(struct virtqueue *queue, struct virtqueue_token token, uint32_t written);

/* Gives several back such that the driver sees all of them or none. */
void virtqueue_push_all(struct virtqueue *queue, const struct virtqueue_used *done, unsigned count);

/* Must the driver be interrupted for what has been pushed since the last call? */
bool virtqueue_must_interrupt(struct virtqueue *queue);

/*
 * Asks the driver to notify when it makes the next request available. What it made available before
 * it saw this must be looked for afterwards.
 */
void virtqueue_enable_notification(struct virtqueue *queue);

/*
 * Copies between a buffer and the segments [first, first + count) from byte `offset` of these on;
 * returns how many bytes there were, at most `length`.
 */
uint32_t virtqueue_gather(const struct virtqueue_segment *segment, unsigned count, uint64_t offset,
                          void *to, uint32_t length);
uint32_t virtqueue_scatter(const struct virtqueue_segment *segment, unsigned count, uint64_t offset,
                           const void *from, uint32_t length);

#endif
