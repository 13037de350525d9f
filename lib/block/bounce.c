/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Of an upper request `progress` counts the bytes handed down, `parts` the pieces under way, plus
 * one for as long as the request stands in the queue.
 */
#include <block/bounce.h>
#include <string.h>

static void pump(struct bounce *bounce);

static bool moves_data(const struct block_request *request)
{
    return request->operation == BLOCK_READ || request->operation == BLOCK_WRITE;
}

/* Has all of it been handed down, or is no more of it wanted? */
static bool is_cut(const struct block_request *upper)
{
    return upper->progress == upper->count * BLOCK_SECTOR || upper->status != BLOCK_OK ||
           upper->cancelled;
}

static void drop_part(struct block_request *upper)
{
    if (--upper->parts == 0)
        upper->complete(upper, upper->status);
}

static void piece_done(struct block_request *lower, enum block_status status)
{
    struct bounce_slot *slot = lower->owner;
    struct bounce *bounce = slot->bounce;
    struct block_request *upper = slot->upper;
    if (status != BLOCK_OK && upper->status == BLOCK_OK)
        upper->status = status;
    if (status == BLOCK_OK && lower->operation == BLOCK_READ && !upper->cancelled)
        block_scatter(upper, slot->offset, slot->buffer, slot->segment.length);
    slot->next_free = bounce->free;
    bounce->free = slot;
    drop_part(upper);
    pump(bounce);
}

/* Hands the next piece of a request down. */
static void hand_down(struct bounce *bounce, struct block_request *upper)
{
    struct bounce_slot *slot = bounce->free;
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
}

static void pump(struct bounce *bounce)
{
    /* A piece that completes at once comes back here from inside. */
    if (bounce->pumping)
        return;
    bounce->pumping = true;
    while (bounce->first != NULL && bounce->free != NULL) {
        struct block_request *upper = bounce->first;
        if (!upper->cancelled && upper->status == BLOCK_OK)
            hand_down(bounce, upper);
        if (!is_cut(upper))
            continue;
        bounce->first = upper->next;
        if (bounce->first == NULL)
            bounce->last = NULL;
        drop_part(upper);
    }
    bounce->pumping = false;
}

static void submit(struct block_device *device, struct block_request *request)
{
    struct bounce *bounce = device->context;
    request->next = NULL;
    request->progress = 0;
    request->parts = 1;
    request->status = BLOCK_OK;
    if (bounce->last != NULL)
        bounce->last->next = request;
    else
        bounce->first = request;
    bounce->last = request;
    pump(bounce);
}

void bounce_initialize(struct bounce *bounce, struct block_device *lower, uint8_t *memory,
                       uint64_t size, uint32_t buffer_size)
{
    memset(bounce, 0, sizeof(*bounce));
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
