/* SPDX-License-Identifier: BSD-2-Clause */
#include "elf.h"

enum { CLASS_32 = 1, CLASS_64 = 2, LITTLE_ENDIAN = 1, TYPE_EXECUTABLE = 2 };
enum { MACHINE_386 = 3, MACHINE_X86_64 = 62 };

/* Offsets and sizes of fields in one class. */
struct layout {
    uint16_t machine;
    uint8_t word; /* bytes of an address */
    uint8_t header;
    uint8_t table;      /* e_phoff */
    uint8_t entry_size; /* e_phentsize; e_phnum follows */
    uint8_t program;    /* size of a program header */
    uint8_t offset;     /* p_offset */
    uint8_t address;    /* p_paddr; p_filesz and p_memsz follow */
};

static const struct layout layout32 = {MACHINE_386, 4, 52, 28, 42, 32, 4, 12};
static const struct layout layout64 = {MACHINE_X86_64, 8, 64, 32, 54, 56, 8, 24};

/*@ requires size <= 8 && (size == 0 || \valid_read(at + (0 .. size - 1)));
    assigns \nothing; */
static uint64_t number(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    /*@ loop invariant 0 <= i <= size;
        loop assigns i, value;
        loop variant i; */
    for (unsigned i = size; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

/*@ requires size == 0 || \valid_read(file + (0 .. size - 1));
    assigns \nothing;
    ensures \result == \null || \result == &layout32 || \result == &layout64;
    ensures \result != \null ==> size >= \result->header; */
static const struct layout *find_layout(const uint8_t *file, size_t size)
{
    const struct layout *layout;

    if (size < 52 || file[0] != 0x7f || file[1] != 'E' || file[2] != 'L' || file[3] != 'F' ||
        file[5] != LITTLE_ENDIAN)
        return 0;
    if (file[4] == CLASS_64)
        layout = &layout64;
    else if (file[4] == CLASS_32)
        layout = &layout32;
    else
        return 0;
    if (size < layout->header || number(file + 16, 2) != TYPE_EXECUTABLE ||
        number(file + 18, 2) != layout->machine)
        return 0;
    return layout;
}

/*@ requires \valid(segment) && \valid_read(at + (0 .. layout->program - 1));
    requires layout == &layout32 || layout == &layout64;
    requires \separated(segment, at + (0 .. 55), &layout32, &layout64);
    assigns *segment;
    ensures \result == ELF_OK || \result == ELF_ERROR_SEGMENT;
    ensures \result == ELF_OK && segment->memory != 0 ==>
            segment->offset + segment->file_size <= size &&
            segment->file_size <= segment->memory &&
            segment->address + segment->memory <= 0x100000000; */
static int read_segment(struct elf_segment *segment, const uint8_t *at, size_t size,
                        const struct layout *layout)
{
    const uint8_t *sizes = at + layout->address + layout->word;

    segment->type = (uint32_t)number(at, 4);
    segment->offset = number(at + layout->offset, layout->word);
    segment->address = number(at + layout->address, layout->word);
    segment->file_size = number(sizes, layout->word);
    segment->memory = number(sizes + layout->word, layout->word);
    if (segment->memory == 0)
        return ELF_OK;
    if (segment->offset > size || segment->file_size > size - segment->offset ||
        segment->file_size > segment->memory)
        return ELF_ERROR_SEGMENT;
    if (segment->address > UINT32_MAX || segment->memory > UINT32_MAX - segment->address)
        return ELF_ERROR_SEGMENT;
    return ELF_OK;
}

/*@ requires \valid(elf) && (file.size == 0 || \valid_read(file.data + (0 .. file.size - 1)));
    requires file.size <= 0x100000000;
    requires \separated(elf, file.data + (0 .. file.size - 1), &layout32, &layout64);
    assigns *elf;
    ensures elf->count <= ELF_SEGMENTS_MAX;
    ensures \result == ELF_OK ==> elf->count > 0;
    ensures \forall integer j; 0 <= j < elf->count ==>
            elf->segments[j].offset + elf->segments[j].file_size <= file.size &&
            elf->segments[j].file_size <= elf->segments[j].memory &&
            elf->segments[j].address + elf->segments[j].memory <= 0x100000000; */
int elf_parse(struct elf *elf, struct pq_bytes file, uint32_t type)
{
    const struct layout *layout = find_layout(file.data, file.size);
    uint64_t table;
    uint64_t offset;
    uint32_t count;

    elf->count = 0;
    if (!layout)
        return ELF_ERROR_HEADER;
    elf->entry = number(file.data + 24, layout->word);
    table = number(file.data + layout->table, layout->word);
    count = (uint16_t)number(file.data + layout->entry_size + 2, 2);
    if (number(file.data + layout->entry_size, 2) != layout->program || table > file.size ||
        (uint64_t)count * layout->program > file.size - table)
        return ELF_ERROR_TABLE;
    /*@ assert fits32: layout->program == 32 ==> table + count * 32 <= file.size; */
    /*@ assert fits56: layout->program == 56 ==> table + count * 56 <= file.size; */
    offset = table;
    /*@ loop invariant 0 <= i <= count;
        loop invariant layout->program == 32 ==> offset == table + i * 32;
        loop invariant layout->program == 56 ==> offset == table + i * 56;
        loop invariant elf->count <= ELF_SEGMENTS_MAX;
        loop invariant \forall integer j; 0 <= j < elf->count ==>
            elf->segments[j].offset + elf->segments[j].file_size <= file.size &&
            elf->segments[j].file_size <= elf->segments[j].memory &&
            elf->segments[j].address + elf->segments[j].memory <= 0x100000000;
        loop assigns i, offset, elf->count, elf->segments[0 .. ELF_SEGMENTS_MAX - 1];
        loop variant count - i; */
    for (uint32_t i = 0; i < count; i++, offset += layout->program) {
        const uint8_t *at = file.data + offset;
        /*@ assert step: layout->program == 32 || layout->program == 56; */
        /*@ assert small: layout->program == 32 ==> table + (i + 1) * 32 <= file.size; */
        /*@ assert large: layout->program == 56 ==> table + (i + 1) * 56 <= file.size; */
        /*@ assert inside: offset + layout->program <= file.size; */
        struct elf_segment segment;

        if ((uint32_t)number(at, 4) != type)
            continue;
        if (read_segment(&segment, at, file.size, layout))
            return ELF_ERROR_SEGMENT;
        if (segment.memory == 0)
            continue;
        if (elf->count == ELF_SEGMENTS_MAX)
            return ELF_ERROR_COUNT;
        elf->segments[elf->count++] = segment;
    }
    return elf->count == 0 ? ELF_ERROR_COUNT : ELF_OK;
}
