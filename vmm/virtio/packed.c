/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Packed virtqueues (virtio 1.2, section 2.8).
 */
#include "vmm/virtio/queue_internal.h"

#define FLAG_AVAILABLE 0x0080u
#define FLAG_USED      0x8000u

/* Event suppression (2.8.14): offset and wrap counter, flags. */
#define EVENT_FLAGS   2u
#define EVENT_DISABLE 1u
#define EVENT_AT      2u
#define EVENT_WRAP    0x8000u

static uint8_t *slot(const struct virtqueue *queue, uint16_t position)
{
    return queue->descriptor_area + (uint64_t)position * DESCRIPTOR_SIZE;
}

/* Everything but the flags, which the caller has read. */
static struct packed_descriptor load(const uint8_t *at)
{
    return (struct packed_descriptor){
        .address = shared_load64(at),
        .length = shared_load32(at + 8),
        .id = shared_load16(at + 12),
    };
}

/* 2.8.19: of an indirect table's entries only address, length and the write flag count. A function
 * of its own: its loop is most of a large request's way here, and wants the registers. */
static __attribute__((noinline)) bool walk_indirect(const struct virtqueue *queue,
                                                    const struct packed_descriptor *outer,
                                                    struct virtqueue_chain *chain)
{
    uint32_t entries;
    const uint8_t *table = chain_indirect(queue, outer->address, outer->length, &entries);
    if (table == NULL)
        return false;
    /* What chain_add does for one descriptor, which is the chain's only one here, for all of them.
     */
    uint64_t lengths[2] = {0, 0}; /* of what the device reads, and writes */
    uint32_t readable = 0;
    struct memory_region region = {0}; /* that the last of them lay in */
    for (uint32_t i = 0; i < entries; i++) {
        const uint8_t *at = table + (uint64_t)i * DESCRIPTOR_SIZE;
        uint64_t address = shared_load64(at);
        uint32_t length = shared_load32(at + 8);
        uint16_t flags = shared_load16(at + 14);
        bool writeable = (flags & DESCRIPTOR_WRITE) != 0;
        if (address - region.start >= region.size) {
            const struct memory_region *found = memory_region_of(queue->memory, gpa(address));
            if (found == NULL)
                return false;
            region = *found;
        }
        uint64_t offset = address - region.start;
        if ((flags & DESCRIPTOR_INDIRECT) != 0 || length == 0 || length > region.size - offset ||
            (!writeable && readable != i))
            return false;
        chain->segment[i] = (struct virtqueue_segment){region.host + offset, length};
        lengths[writeable] += length;
        readable += !writeable;
    }
    chain->count = entries;
    chain->readable = readable;
    chain->readable_length = lengths[0];
    chain->writeable_length = lengths[1];
    return lengths[0] + lengths[1] <= UINT32_MAX;
}

int packed_pop(struct virtqueue *queue, struct virtqueue_chain *chain)
{
    uint16_t position = queue->next_available;
    bool wrap = queue->available_wrap;
    uint16_t flags = shared_load16(slot(queue, position) + 14);
    bool available = (flags & FLAG_AVAILABLE) != 0;
    bool used = (flags & FLAG_USED) != 0;
    if (available != wrap || used == wrap)
        return 0;
    /* 2.8.21.1: the rest of a descriptor is written before the first one's flags. */
    atomic_thread_fence(memory_order_acquire);
    for (uint16_t taken = 1; taken <= queue->size; taken++) {
        struct packed_descriptor descriptor = load(slot(queue, position));
        bool next = (flags & DESCRIPTOR_NEXT) != 0;
        if ((flags & DESCRIPTOR_INDIRECT) != 0) {
            /* 2.8.5: an indirect descriptor is the only one of its list. */
            if (next || taken != 1 || !walk_indirect(queue, &descriptor, chain))
                return VIRTQUEUE_ERROR_CHAIN;
        } else if (!chain_add(queue, chain, descriptor.address, descriptor.length,
                              (flags & DESCRIPTOR_WRITE) != 0)) {
            return VIRTQUEUE_ERROR_CHAIN;
        }
        position++;
        if (position == queue->size) {
            position = 0;
            wrap = !wrap;
        }
        if (!next) {
            /* The last descriptor holds the buffer ID (2.8.6). */
            chain->token = (struct virtqueue_token){descriptor.id, taken};
            queue->next_available = position;
            queue->available_wrap = wrap;
            return 1;
        }
        flags = shared_load16(slot(queue, position) + 14);
    }
    return VIRTQUEUE_ERROR_CHAIN; /* longer than the ring */
}

void packed_unpop(struct virtqueue *queue, uint16_t descriptors)
{
    if (queue->next_available < descriptors) {
        queue->next_available = (uint16_t)(queue->next_available + queue->size);
        queue->available_wrap = !queue->available_wrap;
    }
    queue->next_available = (uint16_t)(queue->next_available - descriptors);
}

void packed_push(struct virtqueue *queue, const struct virtqueue_used *done, unsigned count)
{
    uint8_t *first = NULL;
    uint16_t first_flags = 0;
    for (unsigned i = 0; i < count; i++) {
        uint8_t *at = slot(queue, queue->next_used);
        uint16_t flags = done[i].written != 0 ? DESCRIPTOR_WRITE : 0;
        if (queue->used_wrap)
            flags |= FLAG_AVAILABLE | FLAG_USED;
        shared_store32(at + 8, done[i].written);
        shared_store16(at + 12, done[i].token.id);
        if (first == NULL) {
            first = at;
            first_flags = flags;
        } else {
            shared_store16(at + 14, flags);
        }
        queue->next_used = (uint16_t)(queue->next_used + done[i].token.descriptors);
        if (queue->next_used >= queue->size) {
            queue->next_used = (uint16_t)(queue->next_used - queue->size);
            queue->used_wrap = !queue->used_wrap;
        }
        queue->unsignalled += done[i].token.descriptors;
    }
    /* The driver looks at used descriptors in order, so the first one's flags announce them all. */
    atomic_thread_fence(memory_order_release);
    shared_store16(first + 14, first_flags);
}

bool packed_must_interrupt(struct virtqueue *queue, uint32_t pushed)
{
    uint16_t flags = shared_load16(queue->driver_area + EVENT_FLAGS) & 3;
    if (flags == EVENT_DISABLE)
        return false;
    if (flags != EVENT_AT || !queue->event_index || pushed >= queue->size)
        return true;
    atomic_thread_fence(memory_order_acquire);
    uint16_t event = shared_load16(queue->driver_area);
    bool wrap = (event & EVENT_WRAP) != 0;
    int32_t at = event & (EVENT_WRAP - 1u);
    if (wrap != queue->used_wrap)
        at -= queue->size;
    /* Was the descriptor at `at` among the last `pushed` ones? */
    return at < queue->next_used && at >= (int32_t)queue->next_used - (int32_t)pushed;
}

void packed_enable_notification(struct virtqueue *queue)
{
    if (!queue->event_index)
        return; /* flags stay 0: notify always */
    uint16_t wrap = queue->available_wrap ? EVENT_WRAP : 0;
    shared_store16(queue->device_area, queue->next_available | wrap);
    atomic_thread_fence(memory_order_release);
    shared_store16(queue->device_area + EVENT_FLAGS, EVENT_AT);
}
