/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdatomic.h>

#include "ring.h"

#define INDEX        2u
#define ENTRY        4u
#define NO_NOTIFY    1u
#define NO_INTERRUPT 1u

static void make_available(struct virtio_queue *queue, uint16_t head)
{
    unsigned slot = queue->next_available & (queue->size - 1u);
    ring_store16(queue->driver_area + ENTRY + 2 * slot, head);
    queue->next_available++;
    atomic_thread_fence(memory_order_release);
    ring_store16(queue->driver_area + INDEX, queue->next_available);
}

void split_add(struct virtio_queue *queue, const struct virtio_buffer *buffer, unsigned readable,
               unsigned count)
{
    uint16_t head = queue->free_head;
    uint16_t at = head;
    for (unsigned i = 0; i < count; i++) {
        bool last = i + 1 == count;
        uint16_t flags = (uint16_t)((i < readable ? 0 : RING_WRITE) | (last ? 0 : RING_NEXT));
        uint16_t next = queue->chain[at];
        ring_store_descriptor(queue->descriptors + 16ull * at, buffer[i].address, buffer[i].length,
                              flags, last ? 0 : next);
        at = next;
    }
    queue->free_head = at;
    make_available(queue, head);
}

void split_add_table(struct virtio_queue *queue, uint64_t table, uint32_t bytes)
{
    uint16_t head = queue->free_head;
    ring_store_descriptor(queue->descriptors + 16ull * head, table, bytes, RING_INDIRECT, 0);
    queue->free_head = queue->chain[head];
    make_available(queue, head);
}

bool split_must_notify(const struct virtio_queue *queue, uint16_t added)
{
    if (!queue->event_index)
        return (ring_load16(queue->device_area) & NO_NOTIFY) == 0;
    uint16_t event = ring_load16(queue->device_area + ENTRY + 8 * queue->size);
    return (uint16_t)(queue->next_available - event - 1) < added;
}

int split_peek(const struct virtio_queue *queue, uint16_t *id, uint32_t *written)
{
    uint16_t index = ring_load16(queue->device_area + INDEX);
    uint16_t waiting = (uint16_t)(index - queue->next_used);
    if (waiting == 0)
        return 0;
    if (waiting > queue->size)
        return VIRTIO_QUEUE_BROKEN;
    atomic_thread_fence(memory_order_acquire);
    const uint8_t *element =
        queue->device_area + ENTRY + 8 * (queue->next_used & (queue->size - 1u));
    uint32_t number = ring_load32(element);
    *written = ring_load32(element + 4);
    *id = number < queue->size ? (uint16_t)number : UINT16_MAX;
    return 1;
}

void split_release(struct virtio_queue *queue, uint16_t id)
{
    /* The chain as it was built, not as the device may have changed the table since. */
    uint16_t last = id;
    for (unsigned i = 1; i < queue->pending[id].descriptors; i++)
        last = queue->chain[last];
    queue->chain[last] = queue->free_head;
    queue->free_head = id;
    queue->next_used++;
}

void split_want_interrupt(struct virtio_queue *queue, bool wanted)
{
    if (!queue->event_index)
        ring_store16(queue->driver_area, (uint16_t)(wanted ? 0 : NO_INTERRUPT));
    else if (wanted)
        ring_store16(queue->driver_area + ENTRY + 2 * queue->size, queue->next_used);
}
