/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the two ring formats share.
 */
#ifndef VMM_VIRTIO_QUEUE_INTERNAL_H
#define VMM_VIRTIO_QUEUE_INTERNAL_H

#include <stdatomic.h>
#include <stddef.h>

#include "vmm/virtio/queue.h"

#define DESCRIPTOR_NEXT     1u
#define DESCRIPTOR_WRITE    2u
#define DESCRIPTOR_INDIRECT 4u
#define DESCRIPTOR_SIZE     16u

/* 2.7.5, and 2.8.13 with id and flags in the other order. */
struct split_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct packed_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t id;
    uint16_t flags;
};

_Static_assert(sizeof(struct split_descriptor) == DESCRIPTOR_SIZE, "virtio 1.2, 2.7.5");
_Static_assert(offsetof(struct split_descriptor, flags) == 12, "virtio 1.2, 2.7.5");
_Static_assert(sizeof(struct packed_descriptor) == DESCRIPTOR_SIZE, "virtio 1.2, 2.8.13");
_Static_assert(offsetof(struct packed_descriptor, flags) == 14, "virtio 1.2, 2.8.13");

/*
 * Fields of areas that virtqueue_enable has checked; `at` is aligned. Volatile: each of them is one
 * access, which the guest may race with.
 */
static inline uint16_t shared_load16(const uint8_t *at)
{
    return *(const volatile uint16_t *)at;
}

static inline uint32_t shared_load32(const uint8_t *at)
{
    return *(const volatile uint32_t *)at;
}

static inline uint64_t shared_load64(const uint8_t *at)
{
    return *(const volatile uint64_t *)at;
}

static inline void shared_store16(uint8_t *at, uint16_t value)
{
    *(volatile uint16_t *)at = value;
}

static inline void shared_store32(uint8_t *at, uint32_t value)
{
    *(volatile uint32_t *)at = value;
}

static inline void chain_begin(struct virtqueue_chain *chain)
{
    chain->token = (struct virtqueue_token){0, 0};
    chain->count = 0;
    chain->readable = 0;
    chain->readable_length = 0;
    chain->writeable_length = 0;
}

/* Adds one descriptor's memory; false when it is not RAM, empty, or out of order. */
bool chain_add(const struct virtqueue *queue, struct virtqueue_chain *chain, uint64_t address,
               uint32_t length, bool writeable);

/* An indirect table's entries, or NULL: not RAM, not a whole number, too many. */
const uint8_t *chain_indirect(const struct virtqueue *queue, uint64_t address, uint32_t length,
                              uint32_t *entries);

int split_pop(struct virtqueue *queue, struct virtqueue_chain *chain);
void split_push(struct virtqueue *queue, const struct virtqueue_used *done, unsigned count);
bool split_must_interrupt(struct virtqueue *queue, uint32_t pushed);
void split_enable_notification(struct virtqueue *queue);

int packed_pop(struct virtqueue *queue, struct virtqueue_chain *chain);
void packed_unpop(struct virtqueue *queue, uint16_t descriptors);
void packed_push(struct virtqueue *queue, const struct virtqueue_used *done, unsigned count);
bool packed_must_interrupt(struct virtqueue *queue, uint32_t pushed);
void packed_enable_notification(struct virtqueue *queue);

#endif
