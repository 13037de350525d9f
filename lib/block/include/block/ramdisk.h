/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A disk in memory: an image that is never written, and above it the blocks that were. Writes go to
 * a store of fixed size; when it is full they fail, as on a full disk. Without a store the disk is
 * read-only.
 */
#ifndef BLOCK_RAMDISK_H
#define BLOCK_RAMDISK_H

#include <block/device.h>

#define RAMDISK_BLOCK 4096u

struct ramdisk {
    struct block_device device;
    const uint8_t *image;
    uint64_t image_size;
    uint32_t *map; /* of each block: 0, the image's, or 1 + its place in the store */
    uint64_t blocks;
    uint8_t *store;
    uint32_t store_blocks;
    uint32_t store_used;
};

/* Bytes that the map of a disk of `sectors` sectors takes. */
uint64_t ramdisk_map_size(uint64_t sectors);

/*
 * A disk of `sectors` sectors (a multiple of 8) that begins with the image; what is behind it reads
 * as zeroes. `map` is ramdisk_map_size(sectors) bytes, zeroed; `store` is where written blocks go.
 * Both may be NULL: read-only then. The memory stays the caller's.
 */
void ramdisk_initialize(struct ramdisk *disk, const uint8_t *image, uint64_t image_size,
                        uint64_t sectors, uint32_t *map, uint8_t *store, uint64_t store_size);

#endif
