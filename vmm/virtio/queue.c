/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "vmm/virtio/queue_internal.h"

void virtqueue_reset(struct virtqueue *queue, const struct memory *memory)
{
    *queue = (struct virtqueue){.memory = memory, .size = VIRTQUEUE_MAX_SIZE};
}

static uint8_t *area(const struct virtqueue *queue, uint64_t address, uint64_t size,
                     uint64_t alignment)
{
    return address % alignment != 0 ? NULL : memory_at(queue->memory, gpa(address), size);
}

int virtqueue_enable(struct virtqueue *queue)
{
    uint64_t size = queue->size;
    /* 2.7 and 2.8.10: alignment and size of each part. */
    queue->descriptor_area = area(queue, queue->descriptors, size * DESCRIPTOR_SIZE, 16);
    if (queue->packed) {
        queue->driver_area = area(queue, queue->available, 4, 4);
        queue->device_area = area(queue, queue->used, 4, 4);
    } else {
        queue->driver_area = area(queue, queue->available, 6 + 2 * size, 2);
        queue->device_area = area(queue, queue->used, 6 + 8 * size, 4);
    }
    if (queue->descriptor_area == NULL || queue->driver_area == NULL || queue->device_area == NULL)
        return VIRTQUEUE_ERROR_RING;
    if (!queue->packed && (size & (size - 1)) != 0)
        return VIRTQUEUE_ERROR_RING;
    queue->next_available = 0;
    queue->next_used = 0;
    queue->available_wrap = true;
    queue->used_wrap = true;
    queue->unsignalled = 0;
    queue->enabled = true;
    return 0;
}

bool chain_add(const struct virtqueue *queue, struct virtqueue_chain *chain, uint64_t address,
               uint32_t length, bool writeable)
{
    if (chain->count >= VIRTQUEUE_MAX_SEGMENTS || length == 0)
        return false;
    /* 2.7.4.2: what the device writes comes behind what it reads. */
    if (!writeable && chain->readable != chain->count)
        return false;
    /* 2.7.5: a chain is no longer than 2^32 bytes. */
    if (chain->readable_length + chain->writeable_length + length > UINT32_MAX)
        return false;
    uint8_t *data = memory_at(queue->memory, gpa(address), length);
    if (data == NULL)
        return false;
    chain->segment[chain->count++] = (struct virtqueue_segment){data, length};
    if (writeable) {
        chain->writeable_length += length;
    } else {
        chain->readable = chain->count;
        chain->readable_length += length;
    }
    return true;
}

const uint8_t *chain_indirect(const struct virtqueue *queue, uint64_t address, uint32_t length,
                              uint32_t *entries)
{
    *entries = length / DESCRIPTOR_SIZE;
    if (!queue->indirect || length % DESCRIPTOR_SIZE != 0 || *entries == 0 ||
        *entries > VIRTQUEUE_MAX_SEGMENTS)
        return NULL;
    /* Nothing asks for an aligned table (2.7.5.3), but 8 bytes let each field be one access. */
    return address % 8 != 0 ? NULL : memory_at(queue->memory, gpa(address), length);
}

int virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain)
{
    if (!queue->enabled)
        return 0;
    return queue->packed ? packed_pop(queue, chain) : split_pop(queue, chain);
}

void virtqueue_unpop(struct virtqueue *queue, struct virtqueue_token token)
{
    if (queue->packed)
        packed_unpop(queue, token.descriptors);
    else
        queue->next_available--;
}

void virtqueue_push_all(struct virtqueue *queue, const struct virtqueue_used *done, unsigned count)
{
    if (!queue->enabled || count == 0)
        return;
    if (queue->packed)
        packed_push(queue, done, count);
    else
        split_push(queue, done, count);
}

void virtqueue_push(struct virtqueue *queue, struct virtqueue_token token, uint32_t written)
{
    const struct virtqueue_used done = {token, written};
    virtqueue_push_all(queue, &done, 1);
}

bool virtqueue_must_interrupt(struct virtqueue *queue)
{
    uint32_t pushed = queue->unsignalled;
    if (!queue->enabled || pushed == 0)
        return false;
    queue->unsignalled = 0;
    /* What was given back is visible before the driver's wishes are read (2.7.7.2, 2.8.10). */
    atomic_thread_fence(memory_order_seq_cst);
    return queue->packed ? packed_must_interrupt(queue, pushed)
                         : split_must_interrupt(queue, pushed);
}

void virtqueue_enable_notification(struct virtqueue *queue)
{
    if (!queue->enabled)
        return;
    if (queue->packed)
        packed_enable_notification(queue);
    else
        split_enable_notification(queue);
    atomic_thread_fence(memory_order_seq_cst);
}

/* One pass for both directions: `to` is a buffer, or `from` is. */
static uint32_t copy(const struct virtqueue_segment *segment, unsigned count, uint64_t offset,
                     uint8_t *to, const uint8_t *from, uint32_t length)
{
    uint32_t done = 0;
    for (unsigned i = 0; i < count && done < length; i++) {
        if (offset >= segment[i].length) {
            offset -= segment[i].length;
            continue;
        }
        uint32_t part = segment[i].length - (uint32_t)offset;
        if (part > length - done)
            part = length - done;
        if (to != NULL)
            memcpy(to + done, segment[i].data + offset, part);
        else
            memcpy(segment[i].data + offset, from + done, part);
        done += part;
        offset = 0;
    }
    return done;
}

uint32_t virtqueue_gather(const struct virtqueue_segment *segment, unsigned count, uint64_t offset,
                          void *to, uint32_t length)
{
    if (count != 0 && offset + length <= segment->length) {
        memcpy(to, segment->data + offset, length);
        return length;
    }
    return copy(segment, count, offset, to, NULL, length);
}

uint32_t virtqueue_scatter(const struct virtqueue_segment *segment, unsigned count, uint64_t offset,
                           const void *from, uint32_t length)
{
    if (count != 0 && offset + length <= segment->length) {
        memcpy(segment->data + offset, from, length);
        return length;
    }
    return copy(segment, count, offset, NULL, from, length);
}
