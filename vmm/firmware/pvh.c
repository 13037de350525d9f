/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PVH boot (Xen docs/misc/pvh.pandoc, public/arch-x86/hvm/start_info.h): an ELF with the note
 * XEN_ELFNOTE_PHYS32_ENTRY is entered in 32-bit protected mode with EBX at the start info.
 */
#include <stddef.h>
#include <string.h>

#include "vmm/firmware/elf.h"

#define NOTE_PHYS32_ENTRY 18u
#define START_MAGIC       0x336ec578u

struct start_info {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules;
    uint64_t command_line;
    uint64_t rsdp;
    uint64_t memory_map;
    uint32_t memory_map_entries;
    uint32_t reserved;
};

struct start_module {
    uint64_t address;
    uint64_t size;
    uint64_t command_line;
    uint64_t reserved;
};

struct start_range {
    uint64_t address;
    uint64_t size;
    uint32_t type;
    uint32_t reserved;
};

struct start_block {
    struct start_info info;
    struct start_module module;
    struct start_range range[BOOT_MAX_RANGES];
};

_Static_assert(sizeof(struct start_info) == 56, "start_info.h, version 1");
_Static_assert(sizeof(struct start_module) == 32, "start_info.h");
_Static_assert(sizeof(struct start_range) == 24, "start_info.h");

/* Looks for the entry note among the notes of one segment; 0 when it is not there. */
static uint64_t find_note(const uint8_t *notes, uint64_t size)
{
    uint64_t at = 0;
    while (size - at >= 12) {
        uint64_t name_size = elf_get(notes + at, 4);
        uint64_t value_size = elf_get(notes + at + 4, 4);
        uint64_t type = elf_get(notes + at + 8, 4);
        uint64_t name_space = (name_size + 3) & ~3ull;
        uint64_t value_space = (value_size + 3) & ~3ull;
        at += 12;
        if (name_space > size - at || value_space > size - at - name_space)
            return 0;
        const uint8_t *name = notes + at;
        const uint8_t *value = name + name_space;
        if (type == NOTE_PHYS32_ENTRY && name_size == 4 && memcmp(name, "Xen", 4) == 0 &&
            (value_size == 4 || value_size == 8))
            return elf_get(value, (unsigned)value_size);
        at += name_space + value_space;
    }
    return 0;
}

/* The entry among the notes of all segments; 0 when it is not there. */
static uint64_t find_entry(const struct elf *elf)
{
    uint64_t entry = 0;
    for (unsigned i = 0; i < elf->count && entry == 0; i++) {
        struct segment_header segment;
        if (elf_segment(elf, i, &segment) == BOOT_OK && segment.type == ELF_NOTE)
            entry = find_note(elf->data + segment.offset, segment.file_size);
    }
    return entry;
}

int boot_pvh(struct vm *vm, const struct boot_image *image, uint64_t rsdp)
{
    struct elf elf;
    uint64_t entry = 0;
    uint64_t end;
    uint64_t initrd;
    int error = elf_open(&image->kernel, &elf);
    if (error == BOOT_OK)
        error = elf_check(vm, &elf, &end);
    if (error == BOOT_OK) {
        entry = find_entry(&elf);
        if (entry == 0 || entry > 0xffffffff)
            error = BOOT_ERROR_FORMAT;
    }
    if (error == BOOT_OK)
        error = elf_place(vm, &elf, end, image, &initrd);
    if (error != BOOT_OK)
        return error;

    struct boot_range ranges[BOOT_MAX_RANGES];
    struct start_block block;
    unsigned count = boot_memory_map(vm, ranges);
    memset(&block, 0, sizeof(block));
    block.info = (struct start_info){
        .magic = START_MAGIC,
        .version = 1,
        .module_count = initrd != 0 ? 1 : 0,
        .modules = BOOT_START_INFO + offsetof(struct start_block, module),
        .command_line = BOOT_COMMAND_LINE,
        .rsdp = rsdp,
        .memory_map = BOOT_START_INFO + offsetof(struct start_block, range),
        .memory_map_entries = count,
    };
    block.module.address = initrd;
    block.module.size = image->initrd.size;
    for (unsigned i = 0; i < count; i++)
        block.range[i] = (struct start_range){ranges[i].start, ranges[i].size, ranges[i].type, 0};
    if (memory_write(&vm->memory, gpa(BOOT_START_INFO), &block, sizeof(block)) != MEMORY_OK)
        return BOOT_ERROR_MEMORY;
    boot_enter_32(vm, entry);
    vcpu_set_gpr(&vm->vcpu[0], 3, BOOT_START_INFO);
    return BOOT_OK;
}
