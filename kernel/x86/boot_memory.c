/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"
#include "x86/arch.h"
#include "x86/boot.h"

struct boot_info boot_info;
struct region_list boot_free;
struct region_list boot_reserved;

/* Early page tables reach this far. */
#define BOOT_LIMIT BIT(32)

void *boot_alloc_pages(unsigned count, bool aligned)
{
    uint64_t bytes = (uint64_t)count << PAGE_BITS;
    uint64_t alignment = PAGE_SIZE;
    while (aligned && alignment < bytes) {
        alignment <<= 1;
    }
    uint64_t start;
    if (!region_cut(&boot_free, bytes, alignment, BOOT_LIMIT, &start)) {
        boot_fail("not enough memory below 4 GiB");
    }
    void *p = arch_window((struct paddr){start});
    memory_clear(p, bytes);
    return p;
}

void boot_reserve(struct paddr base, uint64_t bytes)
{
    region_add(&boot_reserved, base.v & ~MASK(PAGE_BITS),
               (base.v + bytes + PAGE_SIZE - 1) & ~MASK(PAGE_BITS));
}

void boot_fail(const char *what)
{
    console_printf("quoin: cannot start: %s\n", what);
    arch_halt();
}
