/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that devices may reach, where the kernel drives an IOMMU: mapped for a device at the
 * address that it has in the machine's memory.
 */
#ifndef INIT_DMA_H
#define INIT_DMA_H

#include <stdbool.h>

#include "region.h"

/* Says whether there is an IOMMU, and where memory is. features: QUOIN_FEATURE_*. */
void dma_init(const seL4_BootInfo *info, uint64_t features);

/* An IOMMU keeps devices from what they were not given. */
bool dma_is_confined(void);

/* How many tables a large page takes of who maps it for a device, 1 or none; and can a huge page be
 * mapped at all? */
unsigned dma_tables_of_large(void);
bool dma_takes_huge(void);

/*
 * The address space of a device (bus, device and function as a requester ID), or 0. Its tables down
 * to those of 1 GiB, wherever there is memory, are made in the arena with the space, for good: no
 * mapping needs further ones but, of each 2 MiB, the last.
 */
seL4_CPtr dma_space(uint16_t device, struct arena *arena);

/* Lets the device reach the region. Without an IOMMU it does so anyway. The tables, and the
 * device's space if it is the first time, are made in the arena. */
seL4_Error dma_map(const struct region *region, uint16_t device, struct arena *arena);

#endif
