/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory of machines that disks' devices reach, where an IOMMU keeps them from everything else:
 * mapped for the device that has a machine's disk, at the address that it has in the machine's
 * memory, and taken away before it is used for something else.
 *
 * What a mapping takes (a capability for each frame, and tables where the IOMMU has no large pages)
 * is one block of the pool, which goes back with it.
 */
#ifndef INIT_LEND_H
#define INIT_LEND_H

#include "memory.h"

/*
 * Maps the memory of the machine in a slot for a device, in its address space. kind: of the
 * connection (enum connection_kind) by which its driver asks. Without an IOMMU, or if it is mapped,
 * nothing is done. On an error nothing is mapped.
 */
seL4_Error lend_memory(unsigned kind, unsigned slot, uint16_t device, seL4_CPtr space,
                       const struct memory_runs *memory);

/* What was lent of this machine, or to devices of this kind's driver, is not any more: what they
 * had begun there has ended. */
void lend_end_machine(unsigned slot);
void lend_end_kind(unsigned kind);

#endif
