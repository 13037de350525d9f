/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's own address space, PML4 slot 511 of every address space:
 *
 *   PHYS_WINDOW_BASE    all RAM, read and write, never executable
 *   KERNEL_BASE         the image: text r-x, rodata r--, data rw-
 *   KERNEL_DYNAMIC_BASE stacks with guard pages, registers of devices
 *
 * With Meltdown isolation user address spaces get another slot 511, which maps the entry text and
 * the data it needs, and nothing else.
 */
#ifndef KERNEL_X86_KSPACE_H
#define KERNEL_X86_KSPACE_H

#include "types.h"

#define KERNEL_DYNAMIC_BASE 0xffffffffc0000000ull

/* Page table entry bits (SDM vol. 3, 4.5). */
#define PTE_PRESENT   BIT(0)
#define PTE_WRITE     BIT(1)
#define PTE_USER      BIT(2)
#define PTE_PWT       BIT(3)
#define PTE_PCD       BIT(4)
#define PTE_ACCESSED  BIT(5)
#define PTE_DIRTY     BIT(6)
#define PTE_LARGE     BIT(7) /* in a PD or PDPT */
#define PTE_PAT       BIT(7) /* in a PT */
#define PTE_GLOBAL    BIT(8)
#define PTE_PAT_LARGE BIT(12)
#define PTE_NX        BIT(63)
#define PTE_ADDRESS   0x000ffffffffff000ull

/* Boot core: builds the tables and switches to them. ram_top: end of RAM. */
void kspace_init(uint64_t ram_top);
/* Other cores: switches to them. */
void kspace_init_core(void);

/* While booting: maps a device's registers, uncached, for the kernel. bytes any, base any. */
volatile void *kspace_map_device(struct paddr base, uint64_t bytes);
/* While booting: maps fresh cleared memory at an address of the dynamic part. in_user: also in the
 * isolated tables. */
void kspace_map_memory(uint64_t address, unsigned pages, bool in_user);
/* Makes pages of the kernel image visible in the isolated tables too. */
void kspace_share(const void *start, uint64_t bytes, bool writable, bool executable);

#define CR3_KEEP BIT(63) /* with CR4.PCIDE: keep the PCID's translations */

/* The kernel's own PML4. */
struct paddr kspace_root(void);
/* CR3 for it (PCID 0). */
uint64_t kspace_cr3(void);
/* Entry 511 for a new user PML4. */
uint64_t kspace_user_entry(void);

extern const char kernel_text_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];
extern const char entry_text_start[], entry_text_end[];

#endif
