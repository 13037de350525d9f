/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that a driver and its device share. The device reaches this memory and nothing else: with
 * an IOMMU because nothing else is mapped, without one because the driver names no other address.
 * What the device writes there is read once and checked.
 */
#ifndef PCI_DMA_H
#define PCI_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory beside it in which a driver's users have their data, mapped by the driver too. */
struct dma_range {
    uint8_t *memory;
    uint64_t address;
    uint64_t size;
};

/* One contiguous range: `memory` here is `address` for the device. */
struct dma {
    uint8_t *memory;  /* aligned like address to 4096 bytes */
    uint64_t address; /* as the device sees it */
    uint64_t size;
    uint64_t used; /* bytes given out by dma_allocate */
    const struct dma_range *more;
    unsigned more_count;
};

/*
 * Takes `size` zeroed bytes aligned to `alignment` (a power of two, at most 4096) for good. NULL:
 * there is not enough left.
 */
uint8_t *dma_allocate(struct dma *dma, uint64_t size, uint64_t alignment);

/* The device's address of memory that dma_allocate gave out, or that dma_holds. */
uint64_t dma_address(const struct dma *dma, const uint8_t *memory);

/* Do these bytes lie wholly in the region, or in one of those beside it? */
bool dma_holds(const struct dma *dma, const uint8_t *memory, uint64_t size);

#endif
