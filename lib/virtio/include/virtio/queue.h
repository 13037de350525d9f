/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The driver's side of a virtqueue (virtio 1.2, sections 2.7 split and 2.8 packed) in DMA memory.
 * The device is distrusted: what it gives back is checked against what it was given, and nothing of
 * the driver's own bookkeeping lies where the device can write.
 */
#ifndef VIRTIO_QUEUE_H
#define VIRTIO_QUEUE_H

#include <pci/dma.h>

#define VIRTIO_QUEUE_MAX      256u
#define VIRTIO_QUEUE_SEGMENTS 128u /* of one request, where descriptors are indirect */

/* Drivers may pass lists of another type that is laid out in the same way. */
struct virtio_buffer {
    uint64_t address; /* as the device sees it */
    uint32_t length;  /* not 0 */
} __attribute__((may_alias));

/* What a disk's request looks like (5.2.6): a header that the device reads, data that it reads or
 * writes, and a status that it writes. */
struct virtio_request {
    struct virtio_buffer header;
    const struct virtio_buffer *data;
    unsigned count; /* of the data's buffers; may be 0 */
    bool writeable; /* of the data */
    struct virtio_buffer status;
};

enum virtio_queue_error {
    VIRTIO_QUEUE_OK = 0,
    VIRTIO_QUEUE_FULL = -1,   /* no room now; nothing was changed */
    VIRTIO_QUEUE_BROKEN = -2, /* the device gave back what it does not have: reset it */
    VIRTIO_QUEUE_MEMORY = -3, /* not enough DMA memory */
};

/* A request under way. */
struct virtio_pending {
    bool used;
    uint16_t descriptors;
    uint16_t next; /* free list */
    uint32_t cookie;
    uint64_t writeable; /* bytes that the device may write */
};

struct virtio_queue {
    uint16_t size;
    bool packed;
    bool event_index;
    uint8_t *descriptors;
    uint8_t *driver_area;
    uint8_t *device_area;
    uint8_t *indirect; /* a table for each request, or NULL */
    uint64_t descriptors_address;
    uint64_t driver_address;
    uint64_t device_address;
    uint64_t indirect_address;
    uint16_t free_head; /* split: a descriptor; packed: a buffer ID */
    uint16_t free_count;
    uint16_t next_available;
    uint16_t next_used;
    bool available_wrap;
    bool used_wrap;
    uint16_t added; /* since the last look at whether to notify */
    uint16_t index; /* its number and its notification register, set by virtio_start_queue */
    uint64_t notify_offset;
    struct virtio_pending pending[VIRTIO_QUEUE_MAX];
    uint16_t chain[VIRTIO_QUEUE_MAX]; /* split: the descriptor that follows, kept from the device */
};

/*
 * Builds an empty queue of `size` entries (a power of two, 2 to VIRTIO_QUEUE_MAX). Its memory is
 * taken from the region; a queue that is built again after a reset takes virtio_queue_restart.
 */
int virtio_queue_initialize(struct virtio_queue *queue, struct dma *dma, uint16_t size, bool packed,
                            bool event_index, bool indirect);

/* Empties it and forgets all requests, in the memory it has. */
void virtio_queue_restart(struct virtio_queue *queue);

/*
 * Makes a request available: `readable` buffers, then `writeable` ones. The cookie names it when it
 * comes back.
 */
int virtio_queue_add(struct virtio_queue *queue, const struct virtio_buffer *buffer,
                     unsigned readable, unsigned writeable, uint32_t cookie);

/* The same of such a request. */
int virtio_queue_add_request(struct virtio_queue *queue, const struct virtio_request *request,
                             uint32_t cookie);

/* Does the device want to be notified of what was added since the last call? */
bool virtio_queue_must_notify(struct virtio_queue *queue);

/* Takes a request that the device is done with: 1, 0 when there is none, or an error. */
int virtio_queue_take(struct virtio_queue *queue, uint32_t *cookie, uint32_t *written);

/* Has the device given anything back, or nonsense? */
bool virtio_queue_has_any(const struct virtio_queue *queue);

/* Asks for an interrupt at the next request that comes back; look again after it. */
void virtio_queue_want_interrupt(struct virtio_queue *queue);

/* Asks for none. */
void virtio_queue_no_interrupt(struct virtio_queue *queue);

#endif
