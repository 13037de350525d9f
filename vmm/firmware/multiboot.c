/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Multiboot 1 (Multiboot Specification 0.6.96): an ELF file with the header's magic number among
 * its first 8192 bytes is entered in 32-bit protected mode with EBX at the boot information.
 */
#include <stddef.h>
#include <string.h>

#include "vmm/firmware/elf.h"

#define HEADER_MAGIC   0x1badb002u
#define HEADER_SEARCH  8192u
#define HEADER_REFUSED 0xfffcu /* required features other than page alignment and memory size */
#define LOADER_MAGIC   0x2badb002u

#define INFO_MEMORY       (1u << 0)
#define INFO_COMMAND_LINE (1u << 2)
#define INFO_MODULES      (1u << 3)
#define INFO_MAP          (1u << 6)

struct multiboot_info {
    uint32_t flags;
    uint32_t memory_lower; /* KiB */
    uint32_t memory_upper; /* KiB above 1 MiB */
    uint32_t boot_device;
    uint32_t command_line;
    uint32_t module_count;
    uint32_t modules;
    uint32_t symbols[4];
    uint32_t map_length;
    uint32_t map;
    uint32_t drives_length;
    uint32_t drives;
    uint32_t configuration;
    uint32_t loader_name;
    uint32_t apm;
};

struct multiboot_module {
    uint32_t start;
    uint32_t end;
    uint32_t text;
    uint32_t reserved;
};

struct multiboot_range {
    uint32_t size; /* of what follows */
    uint32_t start[2];
    uint32_t length[2];
    uint32_t type;
};

struct multiboot_block {
    struct multiboot_info info;
    struct multiboot_module module;
    struct multiboot_range range[BOOT_MAX_RANGES];
};

_Static_assert(offsetof(struct multiboot_info, map_length) == 44, "3.3 of the specification");
_Static_assert(sizeof(struct multiboot_range) == 24, "3.3 of the specification");

bool boot_is_multiboot(const struct boot_blob *kernel)
{
    uint64_t limit = kernel->size < HEADER_SEARCH ? kernel->size : HEADER_SEARCH;
    for (uint64_t at = 0; at + 12 <= limit; at += 4) {
        const uint8_t *header = kernel->data + at;
        uint32_t flags = (uint32_t)elf_get(header + 4, 4);
        uint32_t sum = HEADER_MAGIC + flags + (uint32_t)elf_get(header + 8, 4);
        if (elf_get(header, 4) == HEADER_MAGIC && sum == 0)
            return (flags & HEADER_REFUSED) == 0;
    }
    return false;
}

static void fill_map(const struct vm *vm, struct multiboot_block *block)
{
    struct boot_range ranges[BOOT_MAX_RANGES];
    unsigned count = boot_memory_map(vm, ranges);
    for (unsigned i = 0; i < count; i++) {
        block->range[i] = (struct multiboot_range){
            .size = sizeof(struct multiboot_range) - 4,
            .start = {(uint32_t)ranges[i].start, (uint32_t)(ranges[i].start >> 32)},
            .length = {(uint32_t)ranges[i].size, (uint32_t)(ranges[i].size >> 32)},
            .type = ranges[i].type,
        };
    }
    block->info.map = (uint32_t)(BOOT_START_INFO + offsetof(struct multiboot_block, range));
    block->info.map_length = (uint32_t)(count * sizeof(struct multiboot_range));
}

int boot_multiboot(struct vm *vm, const struct boot_image *image)
{
    struct elf elf;
    struct multiboot_block block;
    uint64_t end;
    uint64_t initrd;
    int error = elf_open(&image->kernel, &elf);
    if (error == BOOT_OK && elf.entry > 0xffffffff)
        error = BOOT_ERROR_FORMAT;
    if (error == BOOT_OK)
        error = elf_check(vm, &elf, &end);
    if (error == BOOT_OK)
        error = elf_place(vm, &elf, end, image, &initrd);
    if (error != BOOT_OK)
        return error;

    uint64_t low = memory_low_size(&vm->memory);
    memset(&block, 0, sizeof(block));
    block.info.flags = INFO_MEMORY | INFO_COMMAND_LINE | INFO_MAP;
    block.info.memory_lower = 639;
    block.info.memory_upper = low > 0x100000 ? (uint32_t)((low - 0x100000) >> 10) : 0;
    block.info.command_line = (uint32_t)BOOT_COMMAND_LINE;
    if (initrd != 0) {
        block.info.flags |= INFO_MODULES;
        block.info.module_count = 1;
        block.info.modules = (uint32_t)(BOOT_START_INFO + offsetof(struct multiboot_block, module));
        block.module.start = (uint32_t)initrd;
        block.module.end = (uint32_t)(initrd + image->initrd.size);
        block.module.text = (uint32_t)BOOT_COMMAND_LINE;
    }
    fill_map(vm, &block);
    if (memory_write(&vm->memory, gpa(BOOT_START_INFO), &block, sizeof(block)) != MEMORY_OK)
        return BOOT_ERROR_MEMORY;
    boot_enter_32(vm, elf.entry);
    vcpu_set_gpr(&vm->vcpu[0], 0, LOADER_MAGIC);
    vcpu_set_gpr(&vm->vcpu[0], 3, BOOT_START_INFO);
    return BOOT_OK;
}
