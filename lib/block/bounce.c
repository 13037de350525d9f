/* SPDX-License-Identifier: BSD-2-Clause */
#include <block/bounce.h>
#include <string.h>

static bool moves_data(const struct block_request *request)
{
    return request->operation == BLOCK_READ || request->operation == BLOCK_WRITE;
}

static void piece_done(struct block_request *lower, enum block_status status)
{
    struct bounce_slot *slot = lower->owner;
    struct bounce *bounce = slot->bounce;
    struct block_request *upper = slot->upper;
    if (status == BLOCK_OK && lower->operation == BLOCK_READ && !upper->cancelled)
        block_scatter(upper, slot->offset, slot->buffer, slot->segment.length);
    slot->next_free = bounce->free;
    bounce->free = slot;
    parts_done(&bounce->parts, upper, status);
}

static bool hand_down(void *context, struct block_request *upper)
{
    struct bounce *bounce = context;
    struct bounce_slot *slot = bounce->free;
    if (slot == NULL)
        return false;
    bool data = moves_data(upper);
    uint64_t left = upper->count - upper->progress / BLOCK_SECTOR;
    uint64_t count = data && left > bounce->piece ? bounce->piece : left;
    bounce->free = slot->next_free;
    slot->upper = upper;
    slot->offset = upper->progress;
    slot->segment =
        (struct block_segment){{slot->buffer}, (uint32_t)(data ? count * BLOCK_SECTOR : 0)};
    slot->lower = (struct block_request){
        .operation = upper->operation,
        .force_unit_access = upper->force_unit_access,
        .sector = upper->sector + upper->progress / BLOCK_SECTOR,
        .count = count,
        .segment = &slot->segment,
        .segments = data ? 1 : 0,
        .complete = piece_done,
        .owner = slot,
    };
    if (upper->operation == BLOCK_WRITE)
        block_gather(upper, upper->progress, slot->buffer, slot->segment.length);
    upper->progress += count * BLOCK_SECTOR;
    upper->parts++;
    block_submit(bounce->lower, &slot->lower);
    return true;
}

static void submit(struct block_device *device, struct block_request *request)
{
    struct bounce *bounce = device->context;
    parts_submit(&bounce->parts, request);
}

void bounce_initialize(struct bounce *bounce, struct block_device *lower, uint8_t *memory,
                       uint64_t size, uint32_t buffer_size)
{
    memset(bounce, 0, sizeof(*bounce));
    parts_initialize(&bounce->parts, hand_down, bounce);
    bounce->lower = lower;
    bounce->piece = buffer_size / BLOCK_SECTOR;
    for (unsigned i = 0; i < BOUNCE_SLOTS && size >= buffer_size; i++, size -= buffer_size) {
        bounce->slot[i].bounce = bounce;
        bounce->slot[i].buffer = memory + (uint64_t)i * buffer_size;
        bounce->slot[i].next_free = bounce->free;
        bounce->free = &bounce->slot[i];
    }
    bounce->device = *lower;
    bounce->device.max_segments = UINT32_MAX;
    bounce->device.lending = (struct block_lending){0};
    bounce->device.max_sectors = UINT32_MAX / BLOCK_SECTOR;
    bounce->device.submit = submit;
    bounce->device.context = bounce;
}
