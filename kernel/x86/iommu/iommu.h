/* SPDX-License-Identifier: BSD-2-Clause
 *
 * I/O address spaces (ABI section 14). The objects and their numbers exist; no IOMMU is driven yet,
 * so page tables and frames cannot be mapped: doc/CAVEATS.md.
 */
#ifndef KERNEL_X86_IOMMU_IOMMU_H
#define KERNEL_X86_IOMMU_IOMMU_H

#include "api/call.h"

/* Invocations of IOSpace and IOPageTable capabilities. */
enum result iommu_decode(struct call *c);
/* LABEL_PAGE_MAP_IO, invoked on a frame. */
enum result iommu_map_frame(struct call *c);

#endif
