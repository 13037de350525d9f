/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The two ring formats under one driver queue.
 */
#ifndef LIB_VIRTIO_RING_H
#define LIB_VIRTIO_RING_H

#include <virtio/queue.h>

#define RING_NEXT     1u
#define RING_WRITE    2u
#define RING_INDIRECT 4u

static inline uint16_t ring_load16(const uint8_t *at)
{
    return *(const volatile uint16_t *)at;
}

static inline uint32_t ring_load32(const uint8_t *at)
{
    return *(const volatile uint32_t *)at;
}

static inline void ring_store16(uint8_t *at, uint16_t value)
{
    *(volatile uint16_t *)at = value;
}

/* Words 12 and 14 are flags and next (split), or id and flags (packed). */
static inline void ring_store_descriptor(uint8_t *at, uint64_t address, uint32_t length,
                                         uint16_t word12, uint16_t word14)
{
    *(volatile uint64_t *)at = address;
    *(volatile uint64_t *)(at + 8) = length | (uint64_t)word12 << 32 | (uint64_t)word14 << 48;
}

/* Add a request that fits, with the first free ID: as it is, or by an indirect table of `bytes`. */
void split_add(struct virtio_queue *queue, const struct virtio_buffer *buffer, unsigned readable,
               unsigned count);
void split_add_table(struct virtio_queue *queue, uint64_t table, uint32_t bytes);
bool split_must_notify(const struct virtio_queue *queue, uint16_t added);
int split_peek(const struct virtio_queue *queue, uint16_t *id, uint32_t *written);
void split_release(struct virtio_queue *queue, uint16_t id);
void split_want_interrupt(struct virtio_queue *queue, bool wanted);

void packed_add(struct virtio_queue *queue, const struct virtio_buffer *buffer, unsigned readable,
                unsigned count);
void packed_add_table(struct virtio_queue *queue, uint64_t table, uint32_t bytes);
bool packed_must_notify(const struct virtio_queue *queue, uint16_t added);
int packed_peek(const struct virtio_queue *queue, uint16_t *id, uint32_t *written);
void packed_release(struct virtio_queue *queue, uint16_t id);
void packed_want_interrupt(struct virtio_queue *queue, bool wanted);

#endif
