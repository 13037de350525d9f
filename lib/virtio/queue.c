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

/* What stands behind the length in the descriptors of an indirect table. */
struct table_words {
    uint64_t first; /* of one that is read, with another one behind it */
    uint64_t step;  /* from one to the next */
    uint64_t write; /* more where the device writes */
};

/* Flags and next stand in the other order in a packed descriptor (2.8.13), which has no next in a
 * table (2.8.7). */
static struct table_words words_of(const struct virtio_queue *queue)
{
    if (queue->packed)
        return (struct table_words){0, 0, (uint64_t)RING_WRITE << 48};
    return (struct table_words){1ull << 48 | (uint64_t)RING_NEXT << 32, 1ull << 48,
                                (uint64_t)RING_WRITE << 32};
}

static void fill_one(uint8_t *at, const struct virtio_buffer *buffer, uint64_t word)
{
    *(volatile uint64_t *)at = buffer->address;
    *(volatile uint64_t *)(at + 8) = word | buffer->length;
}

/* Descriptors one behind the other, with `word` behind the length, which grows by `step` each time;
 * returns how many bytes they are. The loop is most of a large request's way here. */
static uint64_t fill(uint8_t *at, const struct virtio_buffer *buffer, unsigned count, uint64_t word,
                     uint64_t step)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct virtio_buffer one = buffer[i];
        fill_one(at, &one, word);
        at += 16;
        word += step;
        bytes += one.length;
    }
    return bytes;
}

static uint64_t table_offset(uint16_t id)
{
    return (uint64_t)id * VIRTIO_QUEUE_SEGMENTS * 16;
}

/* Makes the table with the first free ID available. */
static void add_table(struct virtio_queue *queue, unsigned count)
{
    uint64_t table = queue->indirect_address + table_offset(queue->free_head);
    if (queue->packed)
        packed_add_table(queue, table, count * 16);
    else
        split_add_table(queue, table, count * 16);
}

/* Notes what was made available. */
static void note(struct virtio_queue *queue, uint16_t id, unsigned descriptors, uint64_t writeable,
                 uint32_t cookie)
{
    struct virtio_pending *pending = &queue->pending[id];
    pending->used = true;
    pending->descriptors = (uint16_t)descriptors;
    pending->cookie = cookie;
    pending->writeable = writeable;
    queue->free_count = (uint16_t)(queue->free_count - descriptors);
    queue->added = (uint16_t)(queue->added + (queue->packed ? descriptors : 1)); /* ring entries */
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
    uint16_t id = queue->free_head;
    for (unsigned i = readable; i < count; i++)
        bytes += buffer[i].length;
    if (indirect) {
        const struct table_words words = words_of(queue);
        uint8_t *table = queue->indirect + table_offset(id);
        fill(table, buffer, readable, words.first, words.step);
        fill(table + 16ull * readable, buffer + readable, writeable,
             (words.first + readable * words.step) | words.write, words.step);
        fill_one(table + 16ull * (count - 1), &buffer[count - 1], writeable != 0 ? words.write : 0);
        add_table(queue, count);
    } else if (queue->packed) {
        packed_add(queue, buffer, readable, count);
    } else {
        split_add(queue, buffer, readable, count);
    }
    note(queue, id, needed, bytes, cookie);
    return VIRTIO_QUEUE_OK;
}

/* A request as one list. */
static int add_flat(struct virtio_queue *queue, const struct virtio_request *request,
                    uint32_t cookie)
{
    struct virtio_buffer buffer[VIRTIO_QUEUE_SEGMENTS];
    unsigned readable = request->writeable ? 1 : 1 + request->count;
    buffer[0] = request->header;
    for (unsigned i = 0; i < request->count; i++)
        buffer[1 + i] = request->data[i];
    buffer[1 + request->count] = request->status;
    return virtio_queue_add(queue, buffer, readable, request->count + 2 - readable, cookie);
}

int virtio_queue_add_request(struct virtio_queue *queue, const struct virtio_request *request,
                             uint32_t cookie)
{
    unsigned count = request->count;
    if (count > VIRTIO_QUEUE_SEGMENTS - 2 || queue->free_count == 0)
        return VIRTIO_QUEUE_FULL;
    if (queue->indirect == NULL)
        return add_flat(queue, request, cookie);
    const struct table_words words = words_of(queue);
    uint16_t id = queue->free_head;
    uint8_t *table = queue->indirect + table_offset(id);
    fill_one(table, &request->header, words.first);
    uint64_t bytes =
        fill(table + 16, request->data, count,
             (words.first + words.step) | (request->writeable ? words.write : 0), words.step);
    fill_one(table + 16 + 16ull * count, &request->status, words.write);
    add_table(queue, count + 2);
    note(queue, id, 1, request->status.length + (request->writeable ? bytes : 0), cookie);
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
