/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/block/disks.h"

#include <block/bounce.h>
#include <rt/log.h>
#include <string.h>

#include "service/block/scan.h"

/* Bytes of the DMA memory that are a disk's buffers for what lies elsewhere. */
#define BOUNCE_BUFFER 0x8000u
#define BOUNCE_SIZE   (16 * BOUNCE_BUFFER)
#define BOUNCE_LEAST  (2 * BOUNCE_BUFFER) /* where several disks share a controller's memory */

struct disk {
    const char *kind;
    uint16_t requester;
    struct bounce bounce;
    struct block_scan scan;
    void (*changed)(void);
};

static struct disk disks[DISKS_MAX];
static unsigned count;

static void scanned(void *context)
{
    struct disk *disk = context;
    const struct block_scan *scan = &disk->scan;
    const struct block_device *device = scan->device;
    unsigned number = (unsigned)(disk - disks);

    log_info("disk %u: %s disk of %lu MiB, %s", number, disk->kind, device->sectors >> 11,
             device->read_only ? "read-only" : "writable");
    if (scan->boot_medium)
        log_info("disk %u: this is a medium that the system is started from: it is not offered",
                 number);
    if (!scan->usable)
        log_error("disk %u: it cannot be read", number);
    else if (scan->partitioned)
        log_info("disk %u: %u partitions%s", number, scan->gpt.count,
                 scan->backup ? ", from the backup table" : "");
    else
        log_info("disk %u: no partitions", number);
    disk->changed();
}

bool disks_add(struct block_device *device, const char *kind, uint16_t requester, struct dma *dma,
               void (*changed)(void))
{
    struct disk *disk = &disks[count];
    uint64_t left = dma->size - dma->used;
    uint64_t size = BOUNCE_SIZE;
    while (size > BOUNCE_LEAST && size + SCAN_BUFFER > left / 2)
        size /= 2;
    uint8_t *buffers = dma_allocate(dma, size, 4096);
    uint8_t *table = dma_allocate(dma, SCAN_BUFFER, 4096);

    if (count == DISKS_MAX || buffers == NULL || table == NULL)
        return false;
    count++;
    disk->kind = kind;
    disk->requester = requester;
    disk->changed = changed;
    bounce_initialize(&disk->bounce, device, buffers, size, BOUNCE_BUFFER);
    scan_start(&disk->scan, &disk->bounce.device, table, scanned, disk);
    return true;
}

bool disks_known(void)
{
    bool known = true;
    for (unsigned i = 0; i < count; i++)
        known = known && disks[i].scan.state == SCAN_DONE;
    return known;
}

struct block_device *disks_uncopied(struct block_device *device)
{
    for (unsigned i = 0; i < count; i++) {
        if (device == &disks[i].bounce.device)
            return disks[i].bounce.lower;
    }
    return device;
}

uint16_t disks_requester(const struct block_device *device)
{
    unsigned i = 0;
    while (i + 1 < count && device != &disks[i].bounce.device)
        i++;
    return disks[i].requester;
}

static bool has_serial(const struct block_device *device, const char *serial)
{
    char padded[BLOCK_SERIAL_SIZE] = {0};
    size_t length = strlen(serial);
    if (length == 0 || length > sizeof(padded))
        return false;
    memcpy(padded, serial, length);
    return memcmp(device->serial, padded, sizeof(padded)) == 0;
}

static bool find_on(const struct disk *disk, const struct vmconfig_disk *wanted,
                    struct block_offer *offer)
{
    switch (wanted->source) {
    case VMCONFIG_SOURCE_SERIAL:
        return has_serial(disk->scan.device, wanted->serial) &&
               scan_whole(&disk->scan, NULL, wanted->read_only, offer);
    case VMCONFIG_SOURCE_DISK:
        return scan_whole(&disk->scan, &wanted->uuid, wanted->read_only, offer);
    case VMCONFIG_SOURCE_PARTITION:
        return scan_find(&disk->scan, &wanted->uuid, wanted->read_only, offer);
    default:
        return false;
    }
}

bool disks_find(const struct vmconfig_disk *wanted, struct block_offer *offer)
{
    for (unsigned i = 0; i < count; i++) {
        if (find_on(&disks[i], wanted, offer))
            return true;
    }
    return false;
}
