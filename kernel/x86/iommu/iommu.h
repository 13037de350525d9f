/* SPDX-License-Identifier: BSD-2-Clause
 *
 * I/O address spaces (ABI section 14): IOSpace capabilities, I/O page tables and frames in them.
 *
 * The capability of a mapped table or frame holds the device (bus, device, function) in w1 [63:48]
 * and the I/O address in [47:12]; a table's detail [0] says that it is mapped, [3:1] its level.
 */
#ifndef KERNEL_X86_IOMMU_IOMMU_H
#define KERNEL_X86_IOMMU_IOMMU_H

#include "api/call.h"

/* Invocations of IOSpace and IOPageTable capabilities. */
enum result iommu_decode(struct call *c);
/* LABEL_PAGE_MAP_IO, invoked on a frame. */
enum result iommu_map_frame(struct call *c);
/* A frame mapped as MAP_IOSPACE goes out of its space. */
void iommu_unmap_frame(struct cap frame);
/* The last capability of an IOSpace or I/O page table goes. */
void iommu_cap_finalise(struct cap cap);

#endif
