/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/kspace.h"

#include "config.h"
#include "x86/arch.h"
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/cpu.h"

enum { TABLE_ENTRIES = 512, KERNEL_SLOT = 511 };

/* Devices' registers in the dynamic part, behind the stacks. */
#define DEVICE_BASE (KERNEL_DYNAMIC_BASE + 0x10000000ull)
#define DEVICE_END  (KERNEL_DYNAMIC_BASE + 0x20000000ull)

static uint64_t *kernel_pml4;
static uint64_t *kernel_pdpt;
static uint64_t *isolated_pdpt; /* null without isolation */
static uint64_t next_device = DEVICE_BASE;

static uint64_t *table_of(uint64_t entry)
{
    return arch_window((struct paddr){entry & PTE_ADDRESS});
}

static uint64_t *next_table(uint64_t *entry)
{
    if (!(*entry & PTE_PRESENT)) {
        *entry = arch_paddr(boot_alloc_pages(1, true)).v | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
    }
    return table_of(*entry);
}

/* The entry of a 4 KiB page in the tables below a PDPT. */
static uint64_t *page_entry(uint64_t *pdpt, uint64_t address)
{
    uint64_t *pd = next_table(&pdpt[address >> 30 & 511]);
    uint64_t *pt = next_table(&pd[address >> 21 & 511]);
    return &pt[address >> 12 & 511];
}

/* Kernel translations may only be global if user page tables hold them as well. */
static uint64_t global_flag(void)
{
    return cpu.pge && !cpu.meltdown ? PTE_GLOBAL : 0;
}

static void map_image_part(uint64_t *pdpt, const void *start, const void *end, uint64_t flags)
{
    for (uint64_t a = (uint64_t)(uintptr_t)start; a < (uint64_t)(uintptr_t)end; a += PAGE_SIZE) {
        *page_entry(pdpt, a) = (a - KERNEL_BASE) | flags | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;
    }
}

/* The window: the GiB that holds the image by 2 MiB and 4 KiB pages, so that text and constants are
 * read-only there too; the rest by the largest pages there are. */
static void map_window(uint64_t ram_top)
{
    uint64_t flags = PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_ACCESSED | PTE_DIRTY | global_flag();
    uint64_t image_start = (uint64_t)(uintptr_t)kernel_text_start - KERNEL_BASE;
    uint64_t image_end = (uint64_t)(uintptr_t)kernel_rodata_end - KERNEL_BASE;
    for (uint64_t gib = 0; gib < ram_top; gib += BIT(30)) {
        uint64_t *entry = &kernel_pdpt[gib >> 30];
        if (cpu.page_1g && gib != 0) {
            *entry = gib | flags | PTE_LARGE;
            continue;
        }
        uint64_t *pd = next_table(entry);
        for (uint64_t a = gib; a < gib + BIT(30); a += BIT(21)) {
            if (a + BIT(21) <= image_start || a >= image_end) {
                pd[a >> 21 & 511] = a | flags | PTE_LARGE;
                continue;
            }
            uint64_t *pt = next_table(&pd[a >> 21 & 511]);
            for (uint64_t p = a; p < a + BIT(21); p += PAGE_SIZE) {
                bool read_only = p >= image_start && p < image_end;
                pt[p >> 12 & 511] = p | (read_only ? flags & ~PTE_WRITE : flags);
            }
        }
    }
}

void kspace_share(const void *start, uint64_t bytes, bool writable, bool executable)
{
    if (isolated_pdpt == NULL) {
        return;
    }
    uint64_t first = (uint64_t)(uintptr_t)start & ~MASK(PAGE_BITS);
    uint64_t end = ((uint64_t)(uintptr_t)start + bytes + PAGE_SIZE - 1) & ~MASK(PAGE_BITS);
    map_image_part(isolated_pdpt, (const void *)(uintptr_t)first, (const void *)(uintptr_t)end,
                   (writable ? PTE_WRITE : 0) | (executable ? 0 : PTE_NX));
}

void kspace_map_memory(uint64_t address, unsigned pages, bool in_user)
{
    for (unsigned i = 0; i < pages; i++, address += PAGE_SIZE) {
        uint64_t entry = arch_paddr(boot_alloc_pages(1, true)).v | PTE_PRESENT | PTE_WRITE |
                         PTE_NX | PTE_ACCESSED | PTE_DIRTY | global_flag();
        *page_entry(kernel_pdpt, address) = entry;
        if (in_user && isolated_pdpt != NULL) {
            *page_entry(isolated_pdpt, address) = entry;
        }
    }
}

volatile void *kspace_map_device(struct paddr base, uint64_t bytes)
{
    uint64_t offset = base.v & MASK(PAGE_BITS);
    uint64_t pages = (offset + bytes + PAGE_SIZE - 1) >> PAGE_BITS;
    if (pages > (DEVICE_END - next_device) >> PAGE_BITS) {
        boot_fail("too many device registers to map");
    }
    uint64_t address = next_device;
    for (uint64_t i = 0; i < pages; i++) {
        *page_entry(kernel_pdpt, address + i * PAGE_SIZE) =
            (base.v - offset + i * PAGE_SIZE) | PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_PCD |
            PTE_PWT | PTE_ACCESSED | PTE_DIRTY | global_flag();
    }
    next_device += pages * PAGE_SIZE;
    return (volatile void *)(uintptr_t)(address + offset);
}

void kspace_init(uint64_t ram_top)
{
    kernel_pml4 = boot_alloc_pages(1, true);
    kernel_pdpt = boot_alloc_pages(1, true);
    kernel_pml4[KERNEL_SLOT] = arch_paddr(kernel_pdpt).v | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
    map_window(ram_top);
    uint64_t g = global_flag();
    map_image_part(kernel_pdpt, kernel_text_start, kernel_text_end, g);
    map_image_part(kernel_pdpt, kernel_text_end, kernel_rodata_end, PTE_NX | g);
    map_image_part(kernel_pdpt, kernel_rodata_end, kernel_end, PTE_NX | PTE_WRITE | g);
    if (cpu.meltdown) {
        isolated_pdpt = boot_alloc_pages(1, true);
        kspace_share(entry_text_start, (uint64_t)(entry_text_end - entry_text_start), false, true);
    }
    kspace_init_core();
}

void kspace_init_core(void)
{
    asm_write_cr3(arch_paddr(kernel_pml4).v);
    if (cpu.pcid) { /* with CR3's low bits zero (SDM vol. 3, 4.10.1) */
        asm_write_cr4(asm_read_cr4() | CR4_PCIDE);
    }
}

struct paddr kspace_root(void)
{
    return arch_paddr(kernel_pml4);
}

uint64_t kspace_cr3(void)
{
    /* The kernel's own translations never change after booting: they stay. */
    return arch_paddr(kernel_pml4).v | (cpu.pcid ? CR3_KEEP : 0);
}

uint64_t kspace_user_entry(void)
{
    uint64_t *pdpt = isolated_pdpt != NULL ? isolated_pdpt : kernel_pdpt;
    return arch_paddr(pdpt).v | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
}
