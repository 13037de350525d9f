/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/block/scan.h"

#include <string.h>

/* ECMA-119, 8.4: the primary volume descriptor stands in block 16 of 2048 bytes. */
#define VOLUME_SECTOR  64u
#define VOLUME_SECTORS 4u
#define VOLUME_NAME    40u
#define VOLUME_LENGTH  32u

static void next(struct block_scan *scan);

static uint32_t unit(const struct block_scan *scan)
{
    return scan->device->block_size / BLOCK_SECTOR;
}

static void finish(struct block_scan *scan)
{
    scan->state = SCAN_DONE;
    scan->done(scan->context);
}

static bool is_boot_volume(const uint8_t *block)
{
    char name[VOLUME_LENGTH];
    memset(name, ' ', sizeof(name));
    memcpy(name, SCAN_BOOT_VOLUME, sizeof(SCAN_BOOT_VOLUME) - 1);
    return memcmp(block + 1, "CD001", 5) == 0 &&
           memcmp(block + VOLUME_NAME, name, sizeof(name)) == 0;
}

/* The other header is tried once; a disk without a table is used as a whole. */
static void try_backup(struct block_scan *scan)
{
    if (scan->backup) {
        finish(scan);
        return;
    }
    scan->backup = true;
    scan->state = SCAN_HEADER;
    next(scan);
}

static uint64_t header_block(const struct block_scan *scan)
{
    return scan->backup ? scan->device->sectors / unit(scan) - 1 : 1;
}

static void read_header(struct block_scan *scan)
{
    uint32_t block_size = scan->device->block_size;
    int error = gpt_read_header(scan->buffer, block_size, header_block(scan),
                                scan->device->sectors / unit(scan), &scan->header);
    if (error != GPT_OK || gpt_entry_blocks(&scan->header, block_size) * block_size > SCAN_BUFFER) {
        try_backup(scan);
        return;
    }
    scan->state = SCAN_ENTRIES;
    next(scan);
}

static void completed(struct block_request *request, enum block_status status)
{
    struct block_scan *scan = request->owner;
    switch (scan->state) {
    case SCAN_MEDIUM:
        if (status != BLOCK_OK) {
            finish(scan); /* a disk that cannot be read is offered to nobody */
            return;
        }
        scan->boot_medium = is_boot_volume(scan->buffer);
        scan->usable = true;
        scan->state = SCAN_HEADER;
        next(scan);
        break;
    case SCAN_HEADER:
        if (status == BLOCK_OK)
            read_header(scan);
        else
            try_backup(scan);
        break;
    case SCAN_ENTRIES:
        scan->partitioned = status == BLOCK_OK &&
                            gpt_read_entries(&scan->header, scan->buffer, &scan->gpt) == GPT_OK;
        if (scan->partitioned)
            finish(scan);
        else
            try_backup(scan);
        break;
    default:
        break;
    }
}

static void read(struct block_scan *scan, uint64_t sector, uint64_t count)
{
    scan->segment = (struct block_segment){{scan->buffer}, (uint32_t)(count * BLOCK_SECTOR)};
    scan->request = (struct block_request){
        .operation = BLOCK_READ,
        .sector = sector,
        .count = count,
        .segment = &scan->segment,
        .segments = 1,
        .complete = completed,
        .owner = scan,
    };
    block_submit(scan->device, &scan->request);
}

static void next(struct block_scan *scan)
{
    uint32_t each = unit(scan);
    if (scan->state == SCAN_MEDIUM)
        read(scan, VOLUME_SECTOR, VOLUME_SECTORS < each ? each : VOLUME_SECTORS);
    else if (scan->state == SCAN_HEADER)
        read(scan, header_block(scan) * each, each);
    else
        read(scan, scan->header.entries * each,
             gpt_entry_blocks(&scan->header, scan->device->block_size) * each);
}

void scan_start(struct block_scan *scan, struct block_device *device, uint8_t *buffer,
                void (*done)(void *), void *context)
{
    memset(scan, 0, sizeof(*scan));
    scan->device = device;
    scan->buffer = buffer;
    scan->done = done;
    scan->context = context;
    scan->state = SCAN_MEDIUM;
    next(scan);
}

/* UUIDs of the image for an installed disk begin so (tool/command/disk.py): "QUOIN" and zeroes. */
static bool is_of_boot_image(const struct gpt_uuid *uuid)
{
    /* 51554f49-4e00-4000-80..., the first three groups as they stand on the disk. */
    static const uint8_t start[9] = {0x49, 0x4f, 0x55, 0x51, 0x00, 0x4e, 0x00, 0x40, 0x80};
    return memcmp(uuid->bytes, start, sizeof(start)) == 0;
}

static bool has_boot_partition(const struct block_scan *scan)
{
    if (!scan->partitioned)
        return false;
    for (unsigned i = 0; i < scan->gpt.count; i++) {
        if (is_of_boot_image(&scan->gpt.partition[i].uuid))
            return true;
    }
    return is_of_boot_image(&scan->gpt.disk);
}

/* Does the boot image at the disk's beginning lie wholly in partitions that are known as its own?
 */
static bool image_is_fenced(const struct block_scan *scan)
{
    uint64_t block = VOLUME_SECTOR / unit(scan);
    for (unsigned i = 0; scan->partitioned && i < scan->gpt.count; i++) {
        const struct gpt_partition *partition = &scan->gpt.partition[i];
        if (is_of_boot_image(&partition->uuid) && partition->first <= block &&
            partition->last >= block)
            return true;
    }
    return false;
}

bool scan_whole(const struct block_scan *scan, const struct gpt_uuid *uuid, bool read_only,
                struct block_offer *offer)
{
    if (scan->state != SCAN_DONE || !scan->usable || scan->boot_medium || has_boot_partition(scan))
        return false;
    if (uuid != NULL && (!scan->partitioned || !gpt_same(uuid, &scan->gpt.disk)))
        return false;
    *offer = (struct block_offer){
        .device = scan->device, .sectors = scan->device->sectors, .read_only = read_only};
    return true;
}

bool scan_find(const struct block_scan *scan, const struct gpt_uuid *uuid, bool read_only,
               struct block_offer *offer)
{
    if (scan->state != SCAN_DONE || !scan->usable || !scan->partitioned || is_of_boot_image(uuid) ||
        (scan->boot_medium && !image_is_fenced(scan)))
        return false;
    const struct gpt_partition *partition = gpt_find(&scan->gpt, uuid);
    if (partition == NULL)
        return false;
    *offer = (struct block_offer){
        .device = scan->device,
        .first = partition->first * unit(scan),
        .sectors = (partition->last - partition->first + 1) * unit(scan),
        .read_only = read_only,
    };
    return true;
}
