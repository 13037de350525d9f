/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The device's side of a split virtqueue (virtio 1.2, section 2.7), with indirect descriptors and
 * event indices. All of it lies in guest memory and is distrusted: a chain is checked completely
 * before its first byte is used.
 */
#ifndef VMM_VIRTIO_QUEUE_H
#define VMM_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/memory/memory.h"

#define VIRTQUEUE_MAX_SIZE     256u
#define VIRTQUEUE_MAX_SEGMENTS 64u

struct virtqueue {
    const struct memory *memory;
    uint16_t size; /* a power of two, at most VIRTQUEUE_MAX_SIZE */
    bool enabled;
    bool event_index; /* VIRTIO_F_EVENT_IDX was negotiated */
    bool indirect;    /* VIRTIO_F_INDIRECT_DESC was negotiated */
    uint64_t descriptors;
    uint64_t available;
    uint64_t used;
    uint16_t next_available; /* the next entry of the available ring to look at */
    uint16_t next_used;
    uint16_t signalled; /* next_used when the driver was last interrupted */
};

struct virtqueue_segment {
    uint8_t *data;
    uint32_t length;
};

/* A request: what the device reads, then what it writes. */
struct virtqueue_chain {
    uint16_t head;
    unsigned readable;
    unsigned count;
    struct virtqueue_segment segment[VIRTQUEUE_MAX_SEGMENTS];
};

enum virtqueue_error {
    VIRTQUEUE_ERROR_RING = -1,  /* a ring stands outside RAM or its indices are impossible */
    VIRTQUEUE_ERROR_CHAIN = -2, /* a loop, a bad index, a bad address, too many segments */
};

/* Takes the next request: 1, or 0 when there is none, or an error: the device needs a reset. */
int virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain);

/* Puts the last request taken back, so that it is taken again. */
void virtqueue_unpop(struct virtqueue *queue);

/* Gives a request back with the number of bytes written. */
int virtqueue_push(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written);

/* Must the driver be interrupted for what has been pushed since the last call? */
bool virtqueue_must_interrupt(struct virtqueue *queue);

/* Asks the driver to notify when it makes the next request available. */
void virtqueue_enable_notification(struct virtqueue *queue);

void virtqueue_reset(struct virtqueue *queue, const struct memory *memory);

#endif
