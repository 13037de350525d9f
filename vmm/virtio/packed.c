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

/* Behind the length of a descriptor, in one word with it. */
#define WORD_WRITE    ((uint64_t)DESCRIPTOR_WRITE << 48)
#define WORD_INDIRECT ((uint64_t)DESCRIPTOR_INDIRECT << 48)

/* A list of one descriptor, whose ID names it (2.8.6), is taken. */
static inline int taken_alone(struct virtqueue *queue, struct virtqueue_chain *chain, uint16_t id)
{
    uint16_t position = (uint16_t)(queue->next_available + 1);
    chain->token = (struct virtqueue_token){id, 1};
    if (position == queue->size) {
        position = 0;
        queue->available_wrap = !queue->available_wrap;
    }
    queue->next_available = position;
    return 1;
}

/*
 * A list that is an indirect table, which the descriptor `outer` names alone (2.8.5). 2.8.19: of
 * its entries only address, length and the write flag count. Does what chain_add does for one
 * descriptor for all of them. A function of its own, and all that its loop uses in variables of its
 * own: it is most of a large request's way here, and wants the registers.
 */
static __attribute__((noinline)) int take_indirect(struct virtqueue *queue, const uint8_t *outer,
                                                   struct virtqueue_chain *chain)
{
    uint32_t entries;
    struct packed_descriptor table = load(outer);
    const uint8_t *at = chain_indirect(queue, table.address, table.length, &entries);
    if (at == NULL)
        return VIRTQUEUE_ERROR_CHAIN;
    struct virtqueue_segment *to = chain->segment;
    const struct virtqueue_segment *end = to + entries;
    struct memory_region region = queue->memory->region[0]; /* that the last of them lay in */
    uint64_t direction = 0; /* WORD_WRITE behind the first that the device writes */
    uint64_t bytes = 0;
    chain->readable = entries;
    for (;; at += DESCRIPTOR_SIZE) {
        uint64_t address = shared_load64(at);
        uint64_t word = shared_load64(at + 8);
        if ((word & (WORD_WRITE | WORD_INDIRECT)) != direction) {
            if (direction != 0 || (word & WORD_INDIRECT) != 0)
                return VIRTQUEUE_ERROR_CHAIN;
            direction = WORD_WRITE;
            chain->readable = (unsigned)(to - chain->segment);
            chain->readable_length = bytes;
        }
        uint64_t offset = address - region.start;
        if (offset >= region.size) {
            const struct memory_region *found = memory_region_of(queue->memory, gpa(address));
            if (found == NULL)
                return VIRTQUEUE_ERROR_CHAIN;
            region = *found;
            offset = address - region.start;
        }
        uint64_t length = (uint32_t)word;
        if (length - 1 >= region.size - offset) /* 0 is too long, too */
            return VIRTQUEUE_ERROR_CHAIN;
        *to = (struct virtqueue_segment){region.host + offset, (uint32_t)length};
        bytes += length;
        if (++to == end)
            break;
    }
    chain->count = entries;
    if (direction == 0)
        chain->readable_length = bytes;
    chain->writeable_length = bytes - chain->readable_length;
    return bytes > UINT32_MAX ? VIRTQUEUE_ERROR_CHAIN : taken_alone(queue, chain, table.id);
}

/* A list of one descriptor: what chain_add does for that. */
static __attribute__((noinline)) int take_single(struct virtqueue *queue, const uint8_t *at,
                                                 bool writeable, struct virtqueue_chain *chain)
{
    struct packed_descriptor one = load(at);
    uint8_t *data = one.length == 0 ? NULL : memory_at(queue->memory, gpa(one.address), one.length);
    if (data == NULL)
        return VIRTQUEUE_ERROR_CHAIN;
    chain->segment[0] = (struct virtqueue_segment){data, one.length};
    chain->count = 1;
    chain->readable = writeable ? 0 : 1;
    chain->readable_length = writeable ? 0 : one.length;
    chain->writeable_length = writeable ? one.length : 0;
    return taken_alone(queue, chain, one.id);
}

/* A list of several descriptors; the flags of the first have been read. */
static __attribute__((noinline)) int take_list(struct virtqueue *queue, uint16_t flags,
                                               struct virtqueue_chain *chain)
{
    uint16_t position = queue->next_available;
    bool wrap = queue->available_wrap;
    chain_begin(chain);
    for (uint16_t taken = 1; taken <= queue->size; taken++) {
        struct packed_descriptor descriptor = load(slot(queue, position));
        if ((flags & DESCRIPTOR_INDIRECT) != 0 || /* 2.8.5: it would be the only one */
            !chain_add(queue, chain, descriptor.address, descriptor.length,
                       (flags & DESCRIPTOR_WRITE) != 0))
            return VIRTQUEUE_ERROR_CHAIN;
        position++;
        if (position == queue->size) {
            position = 0;
            wrap = !wrap;
        }
        if ((flags & DESCRIPTOR_NEXT) == 0) {
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

int packed_pop(struct virtqueue *queue, struct virtqueue_chain *chain)
{
    const uint8_t *at = slot(queue, queue->next_available);
    uint16_t flags = shared_load16(at + 14);
    bool available = (flags & FLAG_AVAILABLE) != 0;
    bool used = (flags & FLAG_USED) != 0;
    if (available != queue->available_wrap || used == available)
        return 0;
    /* 2.8.21.1: the rest of a descriptor is written before the first one's flags. */
    atomic_thread_fence(memory_order_acquire);
    if ((flags & DESCRIPTOR_NEXT) != 0)
        return take_list(queue, flags, chain);
    if ((flags & DESCRIPTOR_INDIRECT) != 0)
        return take_indirect(queue, at, chain);
    return take_single(queue, at, (flags & DESCRIPTOR_WRITE) != 0, chain);
}

void packed_unpop(struct virtqueue *queue, uint16_t descriptors)
{
    if (queue->next_available < descriptors) {
        queue->next_available = (uint16_t)(queue->next_available + queue->size);
        queue->available_wrap = !queue->available_wrap;
    }
    queue->next_available = (uint16_t)(queue->next_available - descriptors);
}

/* Gives one back but for its flags, which announce it: *flags, to be stored at the returned place.
 */
static inline uint8_t *put_used(struct virtqueue *queue, const struct virtqueue_used *done,
                                uint16_t *flags)
{
    uint8_t *at = slot(queue, queue->next_used);
    *flags = done->written != 0 ? DESCRIPTOR_WRITE : 0;
    if (queue->used_wrap)
        *flags |= FLAG_AVAILABLE | FLAG_USED;
    shared_store32(at + 8, done->written);
    shared_store16(at + 12, done->token.id);
    queue->next_used = (uint16_t)(queue->next_used + done->token.descriptors);
    if (queue->next_used >= queue->size) {
        queue->next_used = (uint16_t)(queue->next_used - queue->size);
        queue->used_wrap = !queue->used_wrap;
    }
    queue->unsignalled += done->token.descriptors;
    return at;
}

void packed_push(struct virtqueue *queue, const struct virtqueue_used *done, unsigned count)
{
    uint16_t first_flags;
    uint8_t *first = put_used(queue, &done[0], &first_flags);
    for (unsigned i = 1; i < count; i++) {
        uint16_t flags;
        uint8_t *at = put_used(queue, &done[i], &flags);
        shared_store16(at + 14, flags);
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
