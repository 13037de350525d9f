/* SPDX-License-Identifier: BSD-2-Clause */
#include <block/device.h>
#include <string.h>

static bool moves_data(enum block_operation operation)
{
    return operation == BLOCK_READ || operation == BLOCK_WRITE;
}

static bool segments_hold(const struct block_request *request, uint64_t bytes)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < request->segments; i++) {
        if (request->segment[i].length == 0)
            return false;
        sum += request->segment[i].length;
    }
    return sum == bytes;
}

bool block_lending_suits(const struct block_lending *lending, const struct block_segment *segment,
                         unsigned segments)
{
    if (segments == 0 || segments > lending->segments)
        return false;
    uint64_t end = segment[0].address + segment[0].length;
    uint64_t edges = segment[0].address | end; /* bits of where segments begin and end */
    uint64_t borders = 0;                      /* and of where one ends and the next begins */
    for (unsigned i = 1; i < segments; i++) {
        borders |= end | segment[i].address;
        end = segment[i].address + segment[i].length;
        edges |= end;
    }
    return (((edges | borders) & (lending->alignment - 1)) | (borders & (lending->boundary - 1))) ==
           0;
}

enum block_status block_check_range(const struct block_device *device,
                                    const struct block_request *request)
{
    if ((unsigned)request->operation >= BLOCK_OPERATION_COUNT)
        return BLOCK_UNSUPPORTED;
    if (request->operation == BLOCK_FLUSH)
        return BLOCK_OK;
    if (request->operation != BLOCK_READ && device->read_only)
        return BLOCK_READ_ONLY;
    if ((request->operation == BLOCK_DISCARD && !device->can_discard) ||
        (request->operation == BLOCK_WRITE_ZEROES && !device->can_zero))
        return BLOCK_UNSUPPORTED;
    uint64_t inside = device->block_size / BLOCK_SECTOR - 1; /* a block: bits of a sector */
    if (request->count == 0 || request->sector > device->sectors ||
        request->count > device->sectors - request->sector ||
        ((request->sector | request->count) & inside) != 0)
        return BLOCK_INVALID;
    return moves_data(request->operation) && request->count > device->max_sectors ? BLOCK_INVALID
                                                                                  : BLOCK_OK;
}

enum block_status block_check(const struct block_device *device,
                              const struct block_request *request)
{
    enum block_status status = block_check_range(device, request);
    if (status != BLOCK_OK)
        return status;
    if (!moves_data(request->operation))
        return request->segments == 0 ? BLOCK_OK : BLOCK_INVALID;
    if (request->lent &&
        !block_lending_suits(&device->lending, request->segment, request->segments))
        return BLOCK_INVALID;
    if ((!request->lent && request->segments > device->max_segments) ||
        !segments_hold(request, request->count * BLOCK_SECTOR))
        return BLOCK_INVALID;
    return BLOCK_OK;
}

void block_submit(struct block_device *device, struct block_request *request)
{
    enum block_status status = block_check(device, request);
    if (status != BLOCK_OK)
        request->complete(request, status);
    else if (request->operation == BLOCK_FLUSH && !device->can_flush)
        request->complete(request, BLOCK_OK);
    else
        device->submit(device, request);
}

void block_submit_sound(struct block_device *device, struct block_request *request)
{
    enum block_status status = block_check_range(device, request);
    if (status == BLOCK_OK && request->segments > device->max_segments)
        status = BLOCK_INVALID;
    if (status != BLOCK_OK)
        request->complete(request, status);
    else
        device->submit(device, request);
}

/* One pass for both directions: `to` is a buffer, or `from` is. */
static uint32_t copy(const struct block_request *request, uint64_t offset, uint8_t *to,
                     const uint8_t *from, uint32_t length)
{
    uint32_t done = 0;
    for (unsigned i = 0; i < request->segments && done < length; i++) {
        const struct block_segment *segment = &request->segment[i];
        if (offset >= segment->length) {
            offset -= segment->length;
            continue;
        }
        uint32_t part = segment->length - (uint32_t)offset;
        if (part > length - done)
            part = length - done;
        if (to != NULL)
            memcpy(to + done, segment->data + offset, part);
        else
            memcpy(segment->data + offset, from + done, part);
        done += part;
        offset = 0;
    }
    return done;
}

uint32_t block_gather(const struct block_request *request, uint64_t offset, uint8_t *to,
                      uint32_t length)
{
    return copy(request, offset, to, NULL, length);
}

uint32_t block_scatter(const struct block_request *request, uint64_t offset, const uint8_t *from,
                       uint32_t length)
{
    return copy(request, offset, NULL, from, length);
}
