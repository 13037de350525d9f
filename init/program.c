/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ELF-64, System V ABI, "Object Files" and "Program Loading".
 */
#include "program.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { PAGE = 4096, MAX_SEGMENTS = 16 };

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF-64");

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf_segment) == 56, "ELF-64");

enum { PT_LOAD = 1, PF_WRITE = 2 };
#define USER_END 0x7fffffff0000ull

struct segments {
    struct elf_segment s[MAX_SEGMENTS];
    unsigned count;
    uint64_t entry;
};

static bool decode(const struct archive_file *file, struct segments *out)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    struct elf_header h;
    uint64_t previous_end = 0;

    if (file->size < sizeof(h)) {
        return false;
    }
    memcpy(&h, file->data, sizeof(h));
    if (memcmp(h.ident, ident, sizeof(ident)) != 0 || h.type != 2 || h.machine != 62 ||
        h.phentsize != sizeof(struct elf_segment) || h.phoff > file->size ||
        h.phnum > (file->size - h.phoff) / sizeof(struct elf_segment)) {
        return false;
    }
    out->count = 0;
    out->entry = h.entry;
    for (unsigned i = 0; i < h.phnum; i++) {
        struct elf_segment s;
        memcpy(&s, file->data + h.phoff + i * sizeof(s), sizeof(s));
        if (s.type != PT_LOAD || s.memsz == 0) {
            continue;
        }
        /* Segments in order, on pages of their own. */
        if (out->count == MAX_SEGMENTS || s.filesz > s.memsz || s.offset > file->size ||
            s.filesz > file->size - s.offset || s.vaddr % PAGE != 0 || s.vaddr < previous_end ||
            s.vaddr == 0 || s.vaddr >= USER_END || s.memsz > USER_END - s.vaddr) {
            return false;
        }
        previous_end = (s.vaddr + s.memsz + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        out->s[out->count++] = s;
    }
    return out->count > 0;
}

/* Whether a variable that is to be set lies on the page; into the page at to, unless to is 0. */
static bool apply_patches(const struct program_patches *patches, uint64_t page, seL4_Word to)
{
    bool found = false;

    for (uint32_t i = 0; patches && i < patches->count; i++) {
        const struct system_patch *p = &patches->records[i];
        if (p->domain != patches->domain || p->address / PAGE != page / PAGE) {
            continue;
        }
        found = true;
        if (to != 0) {
            uint64_t value = p->value;
            if (p->size & SYSTEM_PATCH_PHYSICAL) {
                value = patches->physical((uint32_t)p->value);
            }
            /* Aligned to its size, so it lies on one page. */
            memcpy((uint8_t *)to + p->address % PAGE, &value, p->size & ~SYSTEM_PATCH_PHYSICAL);
        }
    }
    return found;
}

/* One new page of a segment: filled through a mapping in init, then mapped for the program. */
static seL4_Error load_page(struct space *space, const struct archive_file *file,
                            const struct elf_segment *s, uint64_t at, seL4_Word scratch,
                            const struct program_patches *patches)
{
    seL4_CPtr frame = arena_object(space->arena, seL4_X86_4K, 0);

    if (frame == 0) {
        return seL4_NotEnoughMemory;
    }
    if (at < s->filesz || apply_patches(patches, s->vaddr + at, 0)) {
        seL4_Error error = space_map(space_of_init(space->arena), frame, scratch, seL4_ReadWrite);
        if (error != seL4_NoError) {
            return error;
        }
        if (at < s->filesz) {
            uint64_t length = s->filesz - at < PAGE ? s->filesz - at : PAGE;
            memcpy((void *)scratch, file->data + s->offset + at, length);
        }
        (void)apply_patches(patches, s->vaddr + at, scratch);
        error = seL4_X86_Page_Unmap(frame);
        if (error != seL4_NoError) {
            return error;
        }
    }
    return space_map(space, frame, s->vaddr + at,
                     s->flags & PF_WRITE ? seL4_ReadWrite : seL4_CanRead);
}

seL4_Error program_load(struct space *space, const struct archive_file *file, seL4_Word scratch,
                        const struct program_patches *patches, struct program *program)
{
    struct segments segments;

    if (!decode(file, &segments)) {
        return seL4_InvalidArgument;
    }
    for (unsigned i = 0; i < segments.count; i++) {
        const struct elf_segment *s = &segments.s[i];
        for (uint64_t at = 0; at < s->memsz; at += PAGE) {
            seL4_Error error = load_page(space, file, s, at, scratch, patches);
            if (error != seL4_NoError) {
                return error;
            }
        }
        program->end = (s->vaddr + s->memsz + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    }
    program->entry = segments.entry;
    return seL4_NoError;
}
