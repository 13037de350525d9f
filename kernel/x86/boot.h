/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the loader handed over, and the memory that booting divides up. All of it is used by the
 * boot core alone, before the first thread runs.
 */
#ifndef KERNEL_X86_BOOT_H
#define KERNEL_X86_BOOT_H

#include <sel4/quoin.h>

#include "types.h"

/* Physical memory from start up to but not including end. */
struct region {
    uint64_t start, end;
};

enum { MAX_REGIONS = 256, MAX_MODULES = 16, MAX_COMMAND_LINE = 512, MAX_MULTIBOOT1_MMAP = 50 };

/* Sorted, disjoint, not adjacent. */
struct region_list {
    unsigned count;
    bool overflow; /* something was left out for want of room */
    struct region at[MAX_REGIONS];
};

/* Adds or takes away a range; parts that do not fit into the list are dropped (when adding) or,
 * when taking away splits a region, the smaller half is. */
void region_add(struct region_list *list, uint64_t start, uint64_t end);
void region_remove(struct region_list *list, uint64_t start, uint64_t end);
/* Cuts bytes aligned to alignment (a power of two) out of the lowest region below limit that holds
 * them: false if there is none. */
bool region_cut(struct region_list *list, uint64_t bytes, uint64_t alignment, uint64_t limit,
                uint64_t *start);
bool region_contains(const struct region_list *list, uint64_t start, uint64_t end);

/* The largest piece at start that is naturally aligned, at most 2^max_bits, and ends by end. */
unsigned region_piece_bits(uint64_t start, uint64_t end, unsigned max_bits);

struct boot_framebuffer {
    bool present;
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bpp, type;
};

/* As in the ABI's bootinfo chunk (Multiboot 1, 3.3). */
struct multiboot1_mmap {
    uint32_t size;
    uint64_t base, length;
    uint32_t type;
} __attribute__((packed));

struct boot_info {
    struct region_list ram;     /* usable, whole pages, at or above 1 MiB, below the window's end */
    struct region_list kept;    /* RAM of other types (ACPI tables...): not RAM to us, not holes */
    struct region_list low_ram; /* usable, whole pages, from 4 KiB to 640 KiB */
    unsigned module_count;
    struct region modules[MAX_MODULES];
    char command_line[MAX_COMMAND_LINE];
    struct boot_framebuffer framebuffer;
    uint8_t rsdp[36]; /* ACPI 2 structure, or the first 20 bytes of it */
    unsigned rsdp_length;
    uint8_t mcfg[QUOIN_MCFG_BYTES]; /* the beginning of ACPI's MCFG, which user mode reads */
    unsigned mcfg_length;           /* 0: there is none */
    bool vbe;                       /* Multiboot 1, 3.3: VBE information is there */
    uint8_t vbe_control[512], vbe_mode_info[256];
    uint16_t vbe_mode, vbe_segment, vbe_offset, vbe_length;
    bool multiboot1;
    unsigned mmap_count;
    struct multiboot1_mmap mmap[MAX_MULTIBOOT1_MMAP];
};

/* How the parsers see physical memory: bytes at address as a pointer, or null if any of them is
 * out of reach. */
struct memory_view {
    const void *(*at)(const struct memory_view *view, uint64_t address, uint64_t bytes);
};

/* Numbers in tables, at any address, least significant byte first. */
static inline uint16_t load16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t load32(const uint8_t *p)
{
    return (uint32_t)load16(p) | (uint32_t)load16(p + 2) << 16;
}
static inline uint64_t load64(const uint8_t *p)
{
    return load32(p) | (uint64_t)load32(p + 4) << 32;
}

/* Parses what the loader left (multiboot.c). Null, or what is wrong. */
const char *multiboot_parse(const struct memory_view *view, uint32_t magic, uint32_t address,
                            struct boot_info *info);

/* The value of "name=" in a command line, or null. */
const char *boot_option(const char *command_line, const char *name);
/* True if the word stands in the command line. */
bool boot_flag(const char *command_line, const char *word);
uint64_t boot_number(const char *text); /* decimal or 0x..., stops at the first other character */

/* --- Memory while booting (boot_memory.c) ---------------------------------------------------- */

extern struct boot_info boot_info;
extern struct region_list boot_free;     /* RAM nobody has */
extern struct region_list boot_reserved; /* device memory that user mode never gets */

/* Cleared, physically contiguous pages, aligned to their number rounded up to a power of two if
 * aligned is set. Booting ends with a message if there are none. */
void *boot_alloc_pages(unsigned count, bool aligned);
/* The pages of a physical range (registers of an interrupt controller or IOMMU) are withheld from
 * the device untypeds. */
void boot_reserve(struct paddr base, uint64_t bytes);

/* The machine cannot run this kernel, or the loader's data are unusable: message and halt. */
_Noreturn void boot_fail(const char *what);

#endif
