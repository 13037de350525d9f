/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Split virtqueues (virtio 1.2, section 2.7).
 */
#include "vmm/virtio/queue_internal.h"

#define NO_INTERRUPT 1u

/* Available ring: flags, index, entries of 2 bytes, used_event. */
#define RING_INDEX 2u
#define RING_ENTRY 4u

static struct split_descriptor load(const uint8_t *table, uint32_t index)
{
    const uint8_t *at = table + (uint64_t)index * DESCRIPTOR_SIZE;
    return (struct split_descriptor){
        .address = shared_load64(at),
        .length = shared_load32(at + 8),
        .flags = shared_load16(at + 12),
        .next = shared_load16(at + 14),
    };
}

/* Walks a table of `size` entries from `index` on; an indirect table has no further indirection. */
static bool walk(const struct virtqueue *queue, const uint8_t *table, uint32_t size, uint16_t index,
                 bool outer, struct virtqueue_chain *chain)
{
    for (uint32_t steps = 0; steps < size; steps++) {
        if (index >= size)
            return false;
        struct split_descriptor descriptor = load(table, index);
        bool next = (descriptor.flags & DESCRIPTOR_NEXT) != 0;
        if ((descriptor.flags & DESCRIPTOR_INDIRECT) != 0) {
            uint32_t entries;
            if (!outer || next) /* 2.7.5.3.1 */
                return false;
            const uint8_t *indirect =
                chain_indirect(queue, descriptor.address, descriptor.length, &entries);
            return indirect != NULL && walk(queue, indirect, entries, 0, false, chain);
        }
        if (!chain_add(queue, chain, descriptor.address, descriptor.length,
                       (descriptor.flags & DESCRIPTOR_WRITE) != 0))
            return false;
        if (!next)
            return true;
        index = descriptor.next;
    }
    return false; /* a loop */
}

int split_pop(struct virtqueue *queue, struct virtqueue_chain *chain)
{
    uint16_t index = shared_load16(queue->driver_area + RING_INDEX);
    uint16_t waiting = (uint16_t)(index - queue->next_available);
    if (waiting == 0)
        return 0;
    if (waiting > queue->size)
        return VIRTQUEUE_ERROR_RING;
    /* 2.7.13.3.1: entries are read after the index that announces them. */
    atomic_thread_fence(memory_order_acquire);
    chain_begin(chain);
    unsigned slot = queue->next_available & (queue->size - 1u);
    uint16_t head = shared_load16(queue->driver_area + RING_ENTRY + 2 * slot);
    chain->token = (struct virtqueue_token){head, 1};
    if (!walk(queue, queue->descriptor_area, queue->size, head, true, chain))
        return VIRTQUEUE_ERROR_CHAIN;
    queue->next_available++;
    return 1;
}

void split_push(struct virtqueue *queue, const struct virtqueue_used *done, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned slot = queue->next_used & (queue->size - 1u);
        uint8_t *element = queue->device_area + RING_ENTRY + 8 * slot;
        shared_store32(element, done[i].token.id);
        shared_store32(element + 4, done[i].written);
        queue->next_used++;
    }
    queue->unsignalled += count;
    atomic_thread_fence(memory_order_release);
    shared_store16(queue->device_area + RING_INDEX, queue->next_used);
}

bool split_must_interrupt(struct virtqueue *queue, uint32_t pushed)
{
    if (!queue->event_index)
        return (shared_load16(queue->driver_area) & NO_INTERRUPT) == 0;
    /* used_event behind the available ring (2.7.10). */
    uint16_t event = shared_load16(queue->driver_area + RING_ENTRY + 2 * queue->size);
    return (uint16_t)(queue->next_used - event - 1) < pushed;
}

void split_enable_notification(struct virtqueue *queue)
{
    /* avail_event behind the used ring. Without event indices the flag is never set. */
    if (queue->event_index)
        shared_store16(queue->device_area + RING_ENTRY + 8 * queue->size, queue->next_available);
}
