/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PVH boot (Xen docs/misc/pvh.pandoc, public/arch-x86/hvm/start_info.h): an ELF with the note
 * XEN_ELFNOTE_PHYS32_ENTRY is entered in 32-bit protected mode with EBX at the start info.
 */
#include <stddef.h>
#include <string.h>

#include "vmm/firmware/boot.h"

#define NOTE_PHYS32_ENTRY 18u
#define START_MAGIC       0x336ec578u
#define MAX_SEGMENTS      64u

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

/* A program header of either class. */
struct segment_header {
    uint32_t type;
    uint64_t offset;
    uint64_t physical;
    uint64_t file_size;
    uint64_t memory_size;
};

struct elf {
    const uint8_t *data;
    uint64_t size;
    bool wide; /* ELF64 */
    uint64_t headers;
    unsigned entry_size;
    unsigned count;
};

static uint64_t get(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (i * 8);
    return value;
}

static int open_elf(const struct boot_blob *blob, struct elf *elf)
{
    const uint8_t *data = blob->data;
    if (blob->size < 64 || data[5] != 1 || (data[4] != 1 && data[4] != 2))
        return BOOT_ERROR_FORMAT;
    elf->data = data;
    elf->size = blob->size;
    elf->wide = data[4] == 2;
    elf->headers = elf->wide ? get(data + 32, 8) : get(data + 28, 4);
    elf->entry_size = (unsigned)(elf->wide ? get(data + 54, 2) : get(data + 42, 2));
    elf->count = (unsigned)(elf->wide ? get(data + 56, 2) : get(data + 44, 2));
    if (elf->entry_size != (elf->wide ? 56u : 32u) || elf->count > MAX_SEGMENTS)
        return BOOT_ERROR_FORMAT;
    uint64_t length = (uint64_t)elf->count * elf->entry_size;
    if (elf->headers > elf->size || length > elf->size - elf->headers)
        return BOOT_ERROR_TRUNCATED;
    return BOOT_OK;
}

static int read_segment(const struct elf *elf, unsigned index, struct segment_header *segment)
{
    const uint8_t *p = elf->data + elf->headers + (uint64_t)index * elf->entry_size;
    segment->type = (uint32_t)get(p, 4);
    if (elf->wide) {
        segment->offset = get(p + 8, 8);
        segment->physical = get(p + 24, 8);
        segment->file_size = get(p + 32, 8);
        segment->memory_size = get(p + 40, 8);
    } else {
        segment->offset = get(p + 4, 4);
        segment->physical = get(p + 12, 4);
        segment->file_size = get(p + 16, 4);
        segment->memory_size = get(p + 20, 4);
    }
    if (segment->offset > elf->size || segment->file_size > elf->size - segment->offset)
        return BOOT_ERROR_TRUNCATED;
    return BOOT_OK;
}

/* Looks for the entry note among the notes of one segment; 0 when it is not there. */
static uint64_t find_note(const uint8_t *notes, uint64_t size)
{
    uint64_t at = 0;
    while (size - at >= 12) {
        uint64_t name_size = get(notes + at, 4);
        uint64_t value_size = get(notes + at + 4, 4);
        uint64_t type = get(notes + at + 8, 4);
        uint64_t name_space = (name_size + 3) & ~3ull;
        uint64_t value_space = (value_size + 3) & ~3ull;
        at += 12;
        if (name_space > size - at || value_space > size - at - name_space)
            return 0;
        const uint8_t *name = notes + at;
        const uint8_t *value = name + name_space;
        if (type == NOTE_PHYS32_ENTRY && name_size == 4 && memcmp(name, "Xen", 4) == 0 &&
            (value_size == 4 || value_size == 8))
            return get(value, (unsigned)value_size);
        at += name_space + value_space;
    }
    return 0;
}

/* Checks every segment; finds the entry and the end of what is loaded. */
static int check(struct vm *vm, const struct elf *elf, uint64_t *entry, uint64_t *end)
{
    *entry = 0;
    *end = 0;
    for (unsigned i = 0; i < elf->count; i++) {
        struct segment_header segment;
        int error = read_segment(elf, i, &segment);
        if (error != BOOT_OK)
            return error;
        if (segment.type == 4 && *entry == 0)
            *entry = find_note(elf->data + segment.offset, segment.file_size);
        if (segment.type != 1 || segment.memory_size == 0)
            continue;
        /* Below 1 MiB stand the boot structures and the ACPI tables. */
        if (segment.file_size > segment.memory_size || segment.physical < 0x100000 ||
            memory_at(&vm->memory, gpa(segment.physical), segment.memory_size) == NULL)
            return BOOT_ERROR_MEMORY;
        if (segment.physical + segment.memory_size > *end)
            *end = segment.physical + segment.memory_size;
    }
    return *entry == 0 || *entry > 0xffffffff ? BOOT_ERROR_FORMAT : BOOT_OK;
}

static void load(struct vm *vm, const struct elf *elf)
{
    for (unsigned i = 0; i < elf->count; i++) {
        struct segment_header segment;
        if (read_segment(elf, i, &segment) != BOOT_OK || segment.type != 1 ||
            segment.memory_size == 0)
            continue;
        uint8_t *target = memory_at(&vm->memory, gpa(segment.physical), segment.memory_size);
        memcpy(target, elf->data + segment.offset, segment.file_size);
        memset(target + segment.file_size, 0, segment.memory_size - segment.file_size);
    }
}

int boot_pvh(struct vm *vm, const struct boot_image *image, uint64_t rsdp)
{
    struct elf elf;
    uint64_t entry;
    uint64_t end;
    uint64_t initrd = 0;
    int error = open_elf(&image->kernel, &elf);
    if (error == BOOT_OK)
        error = check(vm, &elf, &entry, &end);
    if (error == BOOT_OK)
        error = boot_place_command_line(vm, image->command_line, BOOT_COMMAND_LINE_SIZE - 1);
    if (error != BOOT_OK)
        return error;
    if (image->initrd.size != 0) {
        initrd = boot_place_initrd(vm, &image->initrd, end, 0x80000000);
        if (initrd == 0)
            return BOOT_ERROR_MEMORY;
    }
    load(vm, &elf);

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
