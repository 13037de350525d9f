/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdatomic.h>
#include <virtio/queue.h>
#include <string.h>

#include "ring.h"

static void build_free_list(struct virtio_queue *queue)
{
    for (uint16_t i = 0; i < queue->size; i++) {
        queue->pending[i] = (struct virtio_pending){.next = (uint16_t)(i + 1)};
        queue->chain[i] = (uint16_t)(i + 1);
    }
    queue->free_head = 0;
    queue->free_count = queue->size;
}

void virtio_queue_restart(struct virtio_queue *queue)
{
    memset(queue->descriptors, 0, (size_t)queue->size * 16);
    memset(queue->driver_area, 0, queue->packed ? 4 : 6 + 2 * (size_t)queue->size);
    memset(queue->device_area, 0, queue->packed ? 4 : 6 + 8 * (size_t)queue->size);
    build_free_list(queue);
    queue->next_available = 0;
    queue->next_used = 0;
    queue->available_wrap = true;
    queue->used_wrap = true;
    queue->added = 0;
}

int virtio_queue_initialize(struct virtio_queue *queue, struct dma *dma, uint16_t size, bool packed,
                            bool event_index, bool indirect)
{
    memset(queue, 0, sizeof(*queue));
    if (size < 2 || size > VIRTIO_QUEUE_MAX || (size & (size - 1)) != 0)
        return VIRTIO_QUEUE_MEMORY;
    queue->size = size;
    queue->packed = packed;
    queue->event_index = event_index;
    queue->descriptors = dma_allocate(dma, size * 16ull, 16);
    queue->driver_area = dma_allocate(dma, packed ? 4 : 6 + 2ull * size, 4);
    queue->device_area = dma_allocate(dma, packed ? 4 : 6 + 8ull * size, 4);
    if (indirect)
        queue->indirect = dma_allocate(dma, size * VIRTIO_QUEUE_SEGMENTS * 16ull, 16);
    if (queue->descriptors == NULL || queue->driver_area == NULL || queue->device_area == NULL ||
        (indirect && queue->indirect == NULL))
        return VIRTIO_QUEUE_MEMORY;
    queue->descriptors_address = dma_address(dma, queue->descriptors);
    queue->driver_address = dma_address(dma, queue->driver_area);
    queue->device_address = dma_address(dma, queue->device_area);
    if (indirect)
        queue->indirect_address = dma_address(dma, queue->indirect);
    virtio_queue_restart(queue);
    return VIRTIO_QUEUE_OK;
}

void ring_store_descriptor(uint8_t *at, uint64_t address, uint32_t length, uint16_t word12,
                           uint16_t word14)
{
    *(volatile uint64_t *)at = address;
    *(volatile uint64_t *)(at + 8) = length | (uint64_t)word12 << 32 | (uint64_t)word14 << 48;
}

/* Descriptors one behind the other, with `word` behind the length, which grows by `step` each time;
 * returns the next word. The loop is most of a large request's way here. */
static uint64_t fill(uint8_t *at, const struct virtio_buffer *buffer, unsigned count, uint64_t word,
                     uint64_t step)
{
    for (const struct virtio_buffer *end = buffer + count; buffer != end; buffer++) {
        *(volatile uint64_t *)at = buffer->address;
        *(volatile uint64_t *)(at + 8) = word | buffer->length;
        at += 16;
        word += step;
    }
    return word;
}

uint64_t ring_fill_indirect(const struct virtio_queue *queue, uint16_t slot,
                            const struct virtio_buffer *buffer, unsigned readable, unsigned count)
{
    uint64_t offset = (uint64_t)slot * VIRTIO_QUEUE_SEGMENTS * 16;
    uint8_t *table = queue->indirect + offset;
    uint8_t *rest = table + 16ull * readable;
    /* Flags and next stand in the other order in a packed descriptor (2.8.13), which has no next in
     * a table (2.8.7). */
    if (queue->packed) {
        fill(table, buffer, readable, 0, 0);
        fill(rest, buffer + readable, count - readable, (uint64_t)RING_WRITE << 48, 0);
    } else {
        const struct virtio_buffer *last = &buffer[count - 1];
        uint64_t one = 1ull << 48; /* of `next` */
        uint64_t word = fill(table, buffer, readable, one | (uint64_t)RING_NEXT << 32, one);
        fill(rest, buffer + readable, count - readable, word | (uint64_t)RING_WRITE << 32, one);
        ring_store_descriptor(table + 16ull * (count - 1), last->address, last->length,
                              count > readable ? RING_WRITE : 0, 0);
    }
    return queue->indirect_address + offset;
}

int virtio_queue_add(struct virtio_queue *queue, const struct virtio_buffer *buffer,
                     unsigned readable, unsigned writeable, uint32_t cookie)
{
    unsigned count = readable + writeable;
    uint64_t bytes = 0;
    if (count == 0 || count > VIRTIO_QUEUE_SEGMENTS)
        return VIRTIO_QUEUE_FULL;
    bool indirect = queue->indirect != NULL && count > 1;
    unsigned needed = indirect ? 1 : count;
    if (queue->free_count < needed)
        return VIRTIO_QUEUE_FULL;
    for (unsigned i = readable; i < count; i++)
        bytes += buffer[i].length;
    uint16_t id = queue->packed ? packed_add(queue, buffer, readable, count, indirect)
                                : split_add(queue, buffer, readable, count, indirect);
    queue->pending[id].used = true;
    queue->pending[id].descriptors = (uint16_t)needed;
    queue->pending[id].cookie = cookie;
    queue->pending[id].writeable = bytes;
    queue->free_count = (uint16_t)(queue->free_count - needed);
    queue->added = (uint16_t)(queue->added + (queue->packed ? needed : 1)); /* ring entries */
    return VIRTIO_QUEUE_OK;
}

bool virtio_queue_must_notify(struct virtio_queue *queue)
{
    uint16_t added = queue->added;
    if (added == 0)
        return false;
    queue->added = 0;
    atomic_thread_fence(memory_order_seq_cst);
    return queue->packed ? packed_must_notify(queue, added) : split_must_notify(queue, added);
}

int virtio_queue_take(struct virtio_queue *queue, uint32_t *cookie, uint32_t *written)
{
    uint16_t id;
    int result = queue->packed ? packed_peek(queue, &id, written) : split_peek(queue, &id, written);
    if (result != 1)
        return result;
    if (id >= queue->size || !queue->pending[id].used || *written > queue->pending[id].writeable)
        return VIRTIO_QUEUE_BROKEN;
    struct virtio_pending *pending = &queue->pending[id];
    *cookie = pending->cookie;
    if (queue->packed)
        packed_release(queue, id);
    else
        split_release(queue, id);
    pending->used = false;
    queue->free_count = (uint16_t)(queue->free_count + pending->descriptors);
    return 1;
}

bool virtio_queue_has_any(const struct virtio_queue *queue)
{
    uint16_t id;
    uint32_t written;
    return (queue->packed ? packed_peek(queue, &id, &written) : split_peek(queue, &id, &written)) !=
           0;
}

void virtio_queue_want_interrupt(struct virtio_queue *queue)
{
    if (queue->packed)
        packed_want_interrupt(queue, true);
    else
        split_want_interrupt(queue, true);
    atomic_thread_fence(memory_order_seq_cst);
}

void virtio_queue_no_interrupt(struct virtio_queue *queue)
{
    if (queue->packed)
        packed_want_interrupt(queue, false);
    else
        split_want_interrupt(queue, false);
}
