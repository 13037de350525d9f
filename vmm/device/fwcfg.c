/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/fwcfg.h"

#include <string.h>

#define DMA_ERROR  (1u << 0)
#define DMA_READ   (1u << 1)
#define DMA_SKIP   (1u << 2)
#define DMA_SELECT (1u << 3)
#define DMA_WRITE  (1u << 4)

static void put_be32(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 24);
    bytes[1] = (uint8_t)(value >> 16);
    bytes[2] = (uint8_t)(value >> 8);
    bytes[3] = (uint8_t)value;
}

static uint32_t get_be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static const struct fwcfg_item *find(const struct fwcfg *fwcfg, uint16_t key)
{
    for (unsigned i = 0; i < fwcfg->count; i++) {
        if (fwcfg->item[i].key == key)
            return &fwcfg->item[i];
    }
    return NULL;
}

bool fwcfg_add(struct fwcfg *fwcfg, uint16_t key, const uint8_t *data, uint32_t size)
{
    if (fwcfg->count >= FWCFG_MAX_ITEMS || find(fwcfg, key) != NULL)
        return false;
    fwcfg->item[fwcfg->count++] = (struct fwcfg_item){key, data, size, NULL};
    return true;
}

bool fwcfg_add_number(struct fwcfg *fwcfg, uint16_t key, uint64_t value, unsigned size)
{
    if (fwcfg->word_count >= sizeof(fwcfg->words) / sizeof(fwcfg->words[0]))
        return false;
    uint8_t *bytes = fwcfg->words[fwcfg->word_count++];
    for (unsigned i = 0; i < size && i < 8; i++)
        bytes[i] = (uint8_t)(value >> (i * 8));
    return fwcfg_add(fwcfg, key, bytes, size);
}

bool fwcfg_add_file(struct fwcfg *fwcfg, const char *name, const uint8_t *data, uint32_t size)
{
    size_t length = strlen(name);
    if (fwcfg->files >= FWCFG_MAX_FILES || length >= FWCFG_NAME_SIZE)
        return false;
    uint16_t key = (uint16_t)(FWCFG_FILES + fwcfg->files);
    if (!fwcfg_add(fwcfg, key, data, size))
        return false;
    struct fwcfg_file *file = &fwcfg->directory.file[fwcfg->files++];
    put_be32(file->size, size);
    file->select[0] = (uint8_t)(key >> 8);
    file->select[1] = (uint8_t)key;
    memcpy(file->name, name, length);
    put_be32(fwcfg->directory.count, fwcfg->files);
    return true;
}

bool fwcfg_add_secret(struct fwcfg *fwcfg, const char *name, uint8_t *data, uint32_t size)
{
    if (!fwcfg_add_file(fwcfg, name, data, size))
        return false;
    fwcfg->item[fwcfg->count - 1].wiped = data;
    return true;
}

void fwcfg_initialize(struct fwcfg *fwcfg, const struct memory *memory)
{
    static const uint8_t signature[4] = {'Q', 'E', 'M', 'U'};
    memset(fwcfg, 0, sizeof(*fwcfg));
    fwcfg->memory = memory;
    fwcfg_add(fwcfg, FWCFG_SIGNATURE, signature, sizeof(signature));
    fwcfg_add_number(fwcfg, FWCFG_ID, 3, 4); /* traditional interface and DMA */
    fwcfg_add(fwcfg, FWCFG_DIRECTORY, (const uint8_t *)&fwcfg->directory, sizeof(fwcfg->directory));
}

static void select_item(struct fwcfg *fwcfg, uint16_t key)
{
    fwcfg->selected = key;
    fwcfg->offset = 0;
}

/* The item's next bytes; zeros behind its end. */
static void read_item(struct fwcfg *fwcfg, uint8_t *buffer, uint32_t size)
{
    const struct fwcfg_item *item = find(fwcfg, fwcfg->selected);
    uint32_t available = 0;
    if (item != NULL && fwcfg->offset < item->size)
        available = item->size - fwcfg->offset;
    if (available > size)
        available = size;
    if (available != 0)
        memcpy(buffer, item->data + fwcfg->offset, available);
    memset(buffer + available, 0, size - available);
    fwcfg->offset = size > UINT32_MAX - fwcfg->offset ? UINT32_MAX : fwcfg->offset + size;
    if (item != NULL && item->wiped != NULL && available != 0 && fwcfg->offset >= item->size) {
        volatile uint8_t *bytes = item->wiped;
        for (uint32_t i = 0; i < item->size; i++)
            bytes[i] = 0;
    }
}

/* The DMA descriptor: control, length, address, all big-endian. */
static void run_dma(struct fwcfg *fwcfg)
{
    uint8_t *descriptor = memory_at(fwcfg->memory, gpa(fwcfg->dma_address), 16);
    fwcfg->dma_address = 0;
    if (descriptor == NULL)
        return;
    uint32_t control = get_be32(descriptor);
    uint32_t length = get_be32(descriptor + 4);
    uint64_t address = (uint64_t)get_be32(descriptor + 8) << 32 | get_be32(descriptor + 12);
    uint32_t result = 0;
    if ((control & DMA_SELECT) != 0)
        select_item(fwcfg, (uint16_t)(control >> 16));
    if ((control & DMA_READ) != 0) {
        uint8_t *target = memory_at(fwcfg->memory, gpa(address), length);
        if (target != NULL)
            read_item(fwcfg, target, length);
        else
            result = DMA_ERROR;
    } else if ((control & DMA_SKIP) != 0) {
        fwcfg->offset = length > UINT32_MAX - fwcfg->offset ? UINT32_MAX : fwcfg->offset + length;
    } else if ((control & DMA_WRITE) != 0) {
        result = DMA_ERROR;
    }
    put_be32(descriptor, result);
}

static uint64_t fwcfg_read(void *device, uint64_t offset, unsigned size)
{
    struct fwcfg *fwcfg = device;
    static const uint8_t dma_signature[8] = {'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G'};
    if (offset == 0 || offset == 1) {
        uint8_t byte = 0;
        if (offset == 1 && size == 1)
            read_item(fwcfg, &byte, 1);
        return byte;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size && offset >= 4 && offset - 4 + i < 8; i++)
        value |= (uint64_t)dma_signature[offset - 4 + i] << (i * 8);
    return value;
}

static uint32_t swap32(uint64_t value)
{
    return __builtin_bswap32((uint32_t)value);
}

static void fwcfg_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct fwcfg *fwcfg = device;
    if (offset == 0 && size == 2) {
        select_item(fwcfg, (uint16_t)value);
    } else if (offset == 4 && size == 4) {
        fwcfg->dma_address = (fwcfg->dma_address & 0xffffffff) | (uint64_t)swap32(value) << 32;
    } else if (offset == 8 && size == 4) {
        fwcfg->dma_address = (fwcfg->dma_address & ~0xffffffffull) | swap32(value);
        run_dma(fwcfg);
    }
}

const struct bus_operations fwcfg_operations = {fwcfg_read, fwcfg_write, 4};
