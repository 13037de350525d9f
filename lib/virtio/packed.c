/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdatomic.h>

#include "ring.h"

#define FLAG_AVAILABLE 0x0080u
#define FLAG_USED      0x8000u
#define EVENT_ENABLE   0u
#define EVENT_DISABLE  1u
#define EVENT_AT       2u
#define EVENT_WRAP     0x8000u

/* 2.8.1: available is the driver's wrap counter, used its inverse. */
static uint16_t available_flags(bool wrap)
{
    return wrap ? FLAG_AVAILABLE : FLAG_USED;
}

static void advance(const struct virtio_queue *queue, uint16_t *position, bool *wrap, uint16_t by)
{
    *position = (uint16_t)(*position + by);
    if (*position >= queue->size) {
        *position = (uint16_t)(*position - queue->size);
        *wrap = !*wrap;
    }
}

void packed_add(struct virtio_queue *queue, const struct virtio_buffer *buffer, unsigned readable,
                unsigned count)
{
    uint16_t id = queue->free_head;
    uint8_t *first = queue->descriptors + 16ull * queue->next_available;
    uint16_t first_flags = 0;
    queue->free_head = queue->pending[id].next;
    for (unsigned i = 0; i < count; i++) {
        uint8_t *at = queue->descriptors + 16ull * queue->next_available;
        uint16_t flags = available_flags(queue->available_wrap);
        flags = (uint16_t)(flags | (i < readable ? 0 : RING_WRITE));
        flags = (uint16_t)(flags | (i + 1 < count ? RING_NEXT : 0));
        /* The first descriptor's flags stay as they are until the rest is there. */
        if (i == 0)
            first_flags = flags;
        ring_store_descriptor(at, buffer[i].address, buffer[i].length, id,
                              i == 0 ? ring_load16(at + 14) : flags);
        advance(queue, &queue->next_available, &queue->available_wrap, 1);
    }
    atomic_thread_fence(memory_order_release);
    ring_store16(first + 14, first_flags);
}

void packed_add_table(struct virtio_queue *queue, uint64_t table, uint32_t bytes)
{
    uint16_t id = queue->free_head;
    uint8_t *at = queue->descriptors + 16ull * queue->next_available;
    uint16_t flags = available_flags(queue->available_wrap) | RING_INDIRECT;
    queue->free_head = queue->pending[id].next;
    ring_store_descriptor(at, table, bytes, id, ring_load16(at + 14));
    advance(queue, &queue->next_available, &queue->available_wrap, 1);
    atomic_thread_fence(memory_order_release);
    ring_store16(at + 14, flags);
}

bool packed_must_notify(const struct virtio_queue *queue, uint16_t added)
{
    uint16_t flags = ring_load16(queue->device_area + 2) & 3;
    if (flags != EVENT_AT)
        return flags != EVENT_DISABLE;
    atomic_thread_fence(memory_order_acquire);
    uint16_t event = ring_load16(queue->device_area);
    int32_t at = event & (EVENT_WRAP - 1u);
    if (((event & EVENT_WRAP) != 0) != queue->available_wrap)
        at -= queue->size;
    return at < queue->next_available && at >= (int32_t)queue->next_available - (int32_t)added;
}

int packed_peek(const struct virtio_queue *queue, uint16_t *id, uint32_t *written)
{
    const uint8_t *at = queue->descriptors + 16ull * queue->next_used;
    uint16_t flags = ring_load16(at + 14);
    bool available = (flags & FLAG_AVAILABLE) != 0;
    bool used = (flags & FLAG_USED) != 0;
    if (available != used || used != queue->used_wrap)
        return 0;
    atomic_thread_fence(memory_order_acquire);
    *id = ring_load16(at + 12);
    *written = ring_load32(at + 8);
    return 1;
}

void packed_release(struct virtio_queue *queue, uint16_t id)
{
    queue->pending[id].next = queue->free_head;
    queue->free_head = id;
    advance(queue, &queue->next_used, &queue->used_wrap, queue->pending[id].descriptors);
}

void packed_want_interrupt(struct virtio_queue *queue, bool wanted)
{
    if (wanted && queue->event_index) {
        uint16_t wrap = queue->used_wrap ? EVENT_WRAP : 0;
        ring_store16(queue->driver_area, queue->next_used | wrap);
        atomic_thread_fence(memory_order_release);
        ring_store16(queue->driver_area + 2, EVENT_AT);
    } else {
        uint16_t flags = (uint16_t)(wanted ? EVENT_ENABLE : EVENT_DISABLE);
        ring_store16(queue->driver_area + 2, flags);
    }
}
