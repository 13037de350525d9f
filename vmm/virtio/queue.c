/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/virtio/queue.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define DESCRIPTOR_NEXT     1u
#define DESCRIPTOR_WRITE    2u
#define DESCRIPTOR_INDIRECT 4u
#define NO_INTERRUPT        1u

/* virtio 1.2, 2.7.5 */
struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

_Static_assert(sizeof(struct descriptor) == 16, "virtio 1.2, 2.7.5");

void virtqueue_reset(struct virtqueue *queue, const struct memory *memory)
{
    *queue = (struct virtqueue){.memory = memory, .size = VIRTQUEUE_MAX_SIZE};
}

static bool read16(const struct virtqueue *queue, uint64_t address, uint16_t *value)
{
    return memory_read(queue->memory, gpa(address), value, sizeof(*value)) == MEMORY_OK;
}

static bool write16(const struct virtqueue *queue, uint64_t address, uint16_t value)
{
    return memory_write(queue->memory, gpa(address), &value, sizeof(value)) == MEMORY_OK;
}

/* Adds one descriptor's memory to the chain. */
static bool add_segment(const struct virtqueue *queue, const struct descriptor *descriptor,
                        struct virtqueue_chain *chain)
{
    bool writable = (descriptor->flags & DESCRIPTOR_WRITE) != 0;
    if (chain->count >= VIRTQUEUE_MAX_SEGMENTS)
        return false;
    /* 2.7.4.2: what the device writes comes behind what it reads. */
    if (!writable && chain->readable != chain->count)
        return false;
    uint8_t *data = memory_at(queue->memory, gpa(descriptor->address), descriptor->length);
    if (data == NULL || descriptor->length == 0)
        return false;
    chain->segment[chain->count++] = (struct virtqueue_segment){data, descriptor->length};
    if (!writable)
        chain->readable = chain->count;
    return true;
}

/* Walks a descriptor table of `size` entries; an indirect table has no further indirection. */
static bool walk(const struct virtqueue *queue, uint64_t table, uint32_t size, uint16_t index,
                 bool outer, struct virtqueue_chain *chain)
{
    for (uint32_t steps = 0; steps < size; steps++) {
        struct descriptor descriptor;
        if (index >= size || memory_read(queue->memory, gpa(table + index * 16ull), &descriptor,
                                         sizeof(descriptor)) != MEMORY_OK)
            return false;
        if ((descriptor.flags & DESCRIPTOR_INDIRECT) != 0) {
            uint32_t entries = descriptor.length / 16;
            if (!outer || !queue->indirect || (descriptor.flags & DESCRIPTOR_NEXT) != 0 ||
                descriptor.length % 16 != 0 || entries == 0 || entries > VIRTQUEUE_MAX_SEGMENTS)
                return false;
            return walk(queue, descriptor.address, entries, 0, false, chain);
        }
        if (!add_segment(queue, &descriptor, chain))
            return false;
        if ((descriptor.flags & DESCRIPTOR_NEXT) == 0)
            return true;
        index = descriptor.next;
    }
    return false; /* a loop */
}

int virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain)
{
    uint16_t index;
    uint16_t head;
    if (!queue->enabled)
        return 0;
    if (!read16(queue, queue->available + 2, &index))
        return VIRTQUEUE_ERROR_RING;
    uint16_t waiting = (uint16_t)(index - queue->next_available);
    if (waiting == 0)
        return 0;
    if (waiting > queue->size)
        return VIRTQUEUE_ERROR_RING;
    /* 2.7.13.3.1: entries are read after the index that announces them. */
    atomic_thread_fence(memory_order_acquire);
    uint64_t slot = queue->next_available & (queue->size - 1u);
    if (!read16(queue, queue->available + 4 + 2 * slot, &head))
        return VIRTQUEUE_ERROR_RING;
    chain->head = head;
    chain->count = 0;
    chain->readable = 0;
    if (!walk(queue, queue->descriptors, queue->size, head, true, chain))
        return VIRTQUEUE_ERROR_CHAIN;
    queue->next_available++;
    return 1;
}

void virtqueue_unpop(struct virtqueue *queue)
{
    queue->next_available--;
}

int virtqueue_push(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written)
{
    const uint32_t element[2] = {chain->head, written};
    uint64_t slot = queue->next_used & (queue->size - 1u);
    if (memory_write(queue->memory, gpa(queue->used + 4 + 8 * slot), element, sizeof(element)) !=
        MEMORY_OK)
        return VIRTQUEUE_ERROR_RING;
    queue->next_used++;
    atomic_thread_fence(memory_order_release);
    return write16(queue, queue->used + 2, queue->next_used) ? 0 : VIRTQUEUE_ERROR_RING;
}

bool virtqueue_must_interrupt(struct virtqueue *queue)
{
    uint16_t before = queue->signalled;
    uint16_t now = queue->next_used;
    uint16_t word;
    if (before == now)
        return false;
    queue->signalled = now;
    atomic_thread_fence(memory_order_seq_cst);
    if (queue->event_index) {
        /* used_event behind the available ring (2.7.10). */
        if (!read16(queue, queue->available + 4 + 2ull * queue->size, &word))
            return false;
        return (uint16_t)(now - word - 1) < (uint16_t)(now - before);
    }
    return read16(queue, queue->available, &word) && (word & NO_INTERRUPT) == 0;
}

void virtqueue_enable_notification(struct virtqueue *queue)
{
    /* avail_event behind the used ring. Without event indices the flag is never set. */
    if (queue->event_index)
        write16(queue, queue->used + 4 + 8ull * queue->size, queue->next_available);
    atomic_thread_fence(memory_order_seq_cst);
}
