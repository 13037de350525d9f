/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that devices may reach, where the kernel drives an IOMMU: mapped for a device at the
 * address that it has in the machine's memory.
 */
#ifndef INIT_DMA_H
#define INIT_DMA_H

#include <stdbool.h>

#include "region.h"

/* Says whether there is an IOMMU. */
void dma_init(const seL4_BootInfo *info);

/* An IOMMU keeps devices from what they were not given by dma_map. */
bool dma_is_confined(void);

/* Lets the device (bus, device and function as a requester ID) reach the region, which is
 * contiguous. Without an IOMMU it does so anyway. The tables are made in the arena. */
seL4_Error dma_map(const struct region *region, uint16_t device, struct arena *arena);

#endif
