/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/elf.h"

#include "config.h"

/* Offsets in the file header and in a program header. */
enum {
    EI_CLASS = 4,
    E_TYPE = 16,
    E_MACHINE = 18,
    E_ENTRY = 24,
    E_PHOFF = 32,
    E_PHENTSIZE = 54,
    E_PHNUM = 56,
    EHDR_SIZE = 64,
    P_TYPE = 0,
    P_OFFSET = 8,
    P_VADDR = 16,
    P_FILESZ = 32,
    P_MEMSZ = 40,
    PHDR_SIZE = 56,
};
enum { CLASS_64 = 2, TYPE_EXEC = 2, MACHINE_X86_64 = 62, SEGMENT_LOAD = 1 };

static uint64_t load(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static const char *add_segment(const uint8_t *file, uint64_t bytes, const uint8_t *ph, uint64_t top,
                               struct elf *elf)
{
    uint64_t offset = load(ph + P_OFFSET, 8), address = load(ph + P_VADDR, 8);
    uint64_t file_bytes = load(ph + P_FILESZ, 8), memory_bytes = load(ph + P_MEMSZ, 8);
    if (memory_bytes == 0) {
        return NULL;
    }
    if (offset > bytes || file_bytes > bytes - offset || file_bytes > memory_bytes) {
        return "a segment of the root task is not in its file";
    }
    if (address >= top || memory_bytes > top - address) {
        return "a segment of the root task has a bad address";
    }
    if (elf->count == ELF_MAX_SEGMENTS) {
        return "the root task has too many segments";
    }
    elf->segments[elf->count++] =
        (struct elf_segment){address, memory_bytes, file + offset, file_bytes};
    uint64_t first = address & ~MASK(PAGE_BITS);
    uint64_t end = (address + memory_bytes + PAGE_SIZE - 1) & ~MASK(PAGE_BITS);
    elf->start = elf->count == 1 || first < elf->start ? first : elf->start;
    elf->end = end > elf->end ? end : elf->end;
    return NULL;
}

const char *elf_parse(const uint8_t *file, uint64_t bytes, uint64_t top, struct elf *elf)
{
    *elf = (struct elf){0};
    if (bytes < EHDR_SIZE || load(file, 4) != 0x464c457f || file[EI_CLASS] != CLASS_64 ||
        load(file + E_TYPE, 2) != TYPE_EXEC || load(file + E_MACHINE, 2) != MACHINE_X86_64) {
        return "the root task is no ELF64 executable for x86-64";
    }
    uint64_t table = load(file + E_PHOFF, 8), count = load(file + E_PHNUM, 2);
    if (load(file + E_PHENTSIZE, 2) != PHDR_SIZE || table > bytes ||
        count * PHDR_SIZE > bytes - table) {
        return "the root task's program headers are not in its file";
    }
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *ph = file + table + i * PHDR_SIZE;
        if (load(ph + P_TYPE, 4) == SEGMENT_LOAD) {
            const char *error = add_segment(file, bytes, ph, top, elf);
            if (error != NULL) {
                return error;
            }
        }
    }
    elf->entry = load(file + E_ENTRY, 8);
    if (elf->count == 0 || elf->entry < elf->start || elf->entry >= elf->end) {
        return "the root task's entry is in no segment";
    }
    return NULL;
}
