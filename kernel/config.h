/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's one configuration: limits and the fixed addresses of its address space.
 */
#ifndef KERNEL_CONFIG_H
#define KERNEL_CONFIG_H

#define CONFIG_MAX_CORES           16
#define CONFIG_PRIORITIES          256
#define CONFIG_DOMAINS             16
#define CONFIG_DOMAIN_ENTRIES      100 /* of the schedule; the last one is always its end */
#define CONFIG_ROOT_CNODE_BITS     13 /* as many as upstream; more where the image needs them ... */
#define CONFIG_ROOT_CNODE_MAX_BITS 16 /* ... up to these: an image of 252 MiB */
#define CONFIG_MAX_UNTYPEDS        230
#define CONFIG_FAN_OUT_LIMIT       256
#define CONFIG_MIN_BUDGET_US       20 /* twice the kernel's worst-case execution time, ABI section 15 */
#define CONFIG_KERNEL_WCET_US      10
#define CONFIG_BOOT_SLICE_US       5000
/* Units of work (slots emptied, KiB cleared) before a long operation lets interrupts in. */
#define CONFIG_PREEMPTION_UNITS 128

#define CONFIG_MAX_IOAPICS 8

/* Vectors (ABI section 16). */
#define VECTOR_ISA_FIRST  0x20
#define VECTOR_USER_FIRST 0x30
#define VECTOR_USER_LAST  0x9b
#define VECTOR_IOMMU      0x9c
#define VECTOR_TIMER      0x9d
#define VECTOR_CORE_CALL  0x9e
#define VECTOR_RESCHEDULE 0x9f
#define VECTOR_SPURIOUS   0xff
#define IRQ_COUNT         (VECTOR_USER_LAST - VECTOR_USER_FIRST + 1) /* user interrupts 0..107 */

/* PML4 slot 511 holds both: all physical memory, and the kernel image in the last 2 GiB. */
#define PHYS_WINDOW_BASE 0xffffff8000000000ull
#define PHYS_WINDOW_SIZE 0x7f80000000ull /* 510 GiB */
#define KERNEL_LOAD      0x100000ull
#ifdef __ASSEMBLER__
#define KERNEL_BASE 0xffffffff80000000
#else
#define KERNEL_BASE 0xffffffff80000000ull
#endif
/* First address that no user mapping may reach: one page below the canonical hole, so that the
 * address behind a SYSCALL instruction is always canonical (SYSRET faults in the kernel if not). */
#define USER_TOP       0x00007ffffffff000ull
#define PADDR_TOP_BITS 47 /* device untypeds end here */

#define PAGE_BITS 12
#define PAGE_SIZE 4096ull

#ifndef QUOIN_DEBUG
#define QUOIN_DEBUG 0
#endif

#endif
