/* SPDX-License-Identifier: BSD-2-Clause */
#include <pci/dma.h>
#include <string.h>

uint8_t *dma_allocate(struct dma *dma, uint64_t size, uint64_t alignment)
{
    uint64_t start = (dma->used + alignment - 1) & ~(alignment - 1);
    if (start < dma->used || start > dma->size || size > dma->size - start)
        return NULL;
    dma->used = start + size;
    memset(dma->memory + start, 0, size);
    return dma->memory + start;
}

static bool inside(const uint8_t *base, uint64_t length, const uint8_t *memory, uint64_t size)
{
    uintptr_t start = (uintptr_t)base;
    uintptr_t at = (uintptr_t)memory;
    return at >= start && at - start <= length && size <= length - (at - start);
}

/* The range beside the region that these bytes lie in, or NULL. */
static const struct dma_range *find(const struct dma *dma, const uint8_t *memory, uint64_t size)
{
    for (unsigned i = 0; i < dma->more_count; i++) {
        if (inside(dma->more[i].memory, dma->more[i].size, memory, size))
            return &dma->more[i];
    }
    return NULL;
}

uint64_t dma_address(const struct dma *dma, const uint8_t *memory)
{
    if (!inside(dma->memory, dma->size, memory, 0)) {
        const struct dma_range *range = find(dma, memory, 0);
        if (range != NULL)
            return range->address + (uint64_t)(memory - range->memory);
    }
    return dma->address + (uint64_t)(memory - dma->memory);
}

bool dma_holds(const struct dma *dma, const uint8_t *memory, uint64_t size)
{
    return inside(dma->memory, dma->size, memory, size) || find(dma, memory, size) != NULL;
}
