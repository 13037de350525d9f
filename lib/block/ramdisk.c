/* SPDX-License-Identifier: BSD-2-Clause */
#include <block/ramdisk.h>
#include <string.h>

#define SECTORS_PER_BLOCK (RAMDISK_BLOCK / BLOCK_SECTOR)

static const uint8_t zeroes[RAMDISK_BLOCK];

uint64_t ramdisk_map_size(uint64_t sectors)
{
    return sectors / SECTORS_PER_BLOCK * sizeof(uint32_t);
}

/* Bytes of the image in block `block`. */
static uint32_t image_part(const struct ramdisk *disk, uint64_t block)
{
    uint64_t start = block * RAMDISK_BLOCK;
    if (start >= disk->image_size)
        return 0;
    uint64_t left = disk->image_size - start;
    return left < RAMDISK_BLOCK ? (uint32_t)left : RAMDISK_BLOCK;
}

static uint8_t *stored(const struct ramdisk *disk, uint64_t block)
{
    uint32_t place = disk->map == NULL ? 0 : disk->map[block];
    return place == 0 ? NULL : disk->store + (uint64_t)(place - 1) * RAMDISK_BLOCK;
}

static void read_part(const struct ramdisk *disk, const struct block_request *request,
                      uint64_t block, uint32_t within, uint64_t offset, uint32_t length)
{
    const uint8_t *source = stored(disk, block);
    if (source != NULL) {
        block_scatter(request, offset, source + within, length);
        return;
    }
    uint32_t have = image_part(disk, block);
    uint32_t from_image = within >= have ? 0 : have - within;
    if (from_image > length)
        from_image = length;
    if (from_image != 0)
        block_scatter(request, offset, disk->image + block * RAMDISK_BLOCK + within, from_image);
    block_scatter(request, offset + from_image, zeroes, length - from_image);
}

/* The block's place in the store, with what it holds now; NULL when the store is full. */
static uint8_t *place(struct ramdisk *disk, uint64_t block)
{
    uint8_t *old = stored(disk, block);
    if (old != NULL)
        return old;
    if (disk->store_used == disk->store_blocks)
        return NULL;
    uint8_t *to = disk->store + (uint64_t)disk->store_used * RAMDISK_BLOCK;
    uint32_t have = image_part(disk, block);
    if (have != 0)
        memcpy(to, disk->image + block * RAMDISK_BLOCK, have);
    memset(to + have, 0, RAMDISK_BLOCK - have);
    disk->map[block] = ++disk->store_used;
    return to;
}

static bool write_part(struct ramdisk *disk, const struct block_request *request, uint64_t block,
                       uint32_t within, uint64_t offset, uint32_t length)
{
    /* Zeroes where nothing was ever written need no place. */
    bool zero = request->operation == BLOCK_WRITE_ZEROES;
    if (zero && stored(disk, block) == NULL && image_part(disk, block) == 0)
        return true;
    uint8_t *to = place(disk, block);
    if (to == NULL)
        return false;
    if (zero)
        memset(to + within, 0, length);
    else
        block_gather(request, offset, to + within, length);
    return true;
}

static void submit(struct block_device *device, struct block_request *request)
{
    struct ramdisk *disk = device->context;
    enum block_status status = BLOCK_OK;
    uint64_t start = request->sector * BLOCK_SECTOR;
    uint64_t bytes = request->count * BLOCK_SECTOR;
    /* A discard may leave everything as it is. */
    bool nothing = request->operation == BLOCK_FLUSH || request->operation == BLOCK_DISCARD;
    for (uint64_t done = 0; !nothing && done < bytes && status == BLOCK_OK;) {
        uint64_t block = (start + done) / RAMDISK_BLOCK;
        uint32_t within = (uint32_t)((start + done) % RAMDISK_BLOCK);
        uint32_t length = RAMDISK_BLOCK - within;
        if (length > bytes - done)
            length = (uint32_t)(bytes - done);
        if (request->operation == BLOCK_READ)
            read_part(disk, request, block, within, done, length);
        else if (!write_part(disk, request, block, within, done, length))
            status = BLOCK_ERROR;
        done += length;
    }
    request->complete(request, status);
}

void ramdisk_initialize(struct ramdisk *disk, const uint8_t *image, uint64_t image_size,
                        uint64_t sectors, uint32_t *map, uint8_t *store, uint64_t store_size)
{
    memset(disk, 0, sizeof(*disk));
    uint64_t store_blocks = store_size / RAMDISK_BLOCK;
    bool writeable = map != NULL && store_blocks != 0;
    disk->image = image;
    disk->image_size = image_size;
    disk->blocks = sectors / SECTORS_PER_BLOCK;
    disk->map = writeable ? map : NULL;
    disk->store = writeable ? store : NULL;
    if (writeable)
        disk->store_blocks = store_blocks < UINT32_MAX ? (uint32_t)store_blocks : UINT32_MAX - 1;
    disk->device = (struct block_device){
        .sectors = disk->blocks * SECTORS_PER_BLOCK,
        .block_size = BLOCK_SECTOR,
        .read_only = !writeable,
        .can_flush = true,
        .can_discard = writeable,
        .can_zero = writeable,
        .max_segments = UINT32_MAX,
        .max_sectors = UINT32_MAX / BLOCK_SECTOR,
        .submit = submit,
        .context = disk,
    };
    memcpy(disk->device.serial, "quoin-ramdisk", 13);
}
