/* SPDX-License-Identifier: BSD-2-Clause
 *
 * QEMU's device "edu" (QEMU docs/specs/edu.rst), which copies memory and raises interrupts as it is
 * told.
 */
#ifndef TEST_KERNEL_EDU_H
#define TEST_KERNEL_EDU_H

#include "test.h"

#define EDU_REGISTERS 0x30000000

/* Finds the device and maps its registers at EDU_REGISTERS; skips the test if there is none.
 * Returns its PCI address: device and function on bus 0. */
seL4_Word edu_open(void);

/* Copies 64 bytes between the device's buffer and an I/O address, and waits for the end of that. */
void edu_copy(seL4_Word address, bool to_memory);

/* Configuration space, after edu_open(); reg is a multiple of 4. */
uint32_t pci_read(seL4_Word device, seL4_Word reg);
void pci_write(seL4_Word device, seL4_Word reg, uint32_t value);

void map_page(seL4_CPtr frame, volatile seL4_Word *address);
/* The page table for the 2 MiB around address. */
void map_page_table(volatile seL4_Word *address);

#endif
