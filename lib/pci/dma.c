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

uint64_t dma_address(const struct dma *dma, const uint8_t *memory)
{
    return dma->address + (uint64_t)(memory - dma->memory);
}

bool dma_holds(const struct dma *dma, const uint8_t *memory, uint64_t size)
{
    uintptr_t start = (uintptr_t)dma->memory;
    uintptr_t at = (uintptr_t)memory;
    return at >= start && at - start <= dma->size && size <= dma->size - (at - start);
}
