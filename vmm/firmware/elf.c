/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/firmware/elf.h"

#include <stddef.h>
#include <string.h>

#define MAX_SEGMENTS 64u

uint64_t elf_get(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (i * 8);
    return value;
}

int elf_open(const struct boot_blob *blob, struct elf *elf)
{
    const uint8_t *data = blob->data;
    if (blob->size < 64 || data[5] != 1 || (data[4] != 1 && data[4] != 2))
        return BOOT_ERROR_FORMAT;
    elf->data = data;
    elf->size = blob->size;
    elf->wide = data[4] == 2;
    elf->entry = elf->wide ? elf_get(data + 24, 8) : elf_get(data + 24, 4);
    elf->headers = elf->wide ? elf_get(data + 32, 8) : elf_get(data + 28, 4);
    elf->entry_size = (unsigned)(elf->wide ? elf_get(data + 54, 2) : elf_get(data + 42, 2));
    elf->count = (unsigned)(elf->wide ? elf_get(data + 56, 2) : elf_get(data + 44, 2));
    if (elf->entry_size != (elf->wide ? 56u : 32u) || elf->count > MAX_SEGMENTS)
        return BOOT_ERROR_FORMAT;
    uint64_t length = (uint64_t)elf->count * elf->entry_size;
    if (elf->headers > elf->size || length > elf->size - elf->headers)
        return BOOT_ERROR_TRUNCATED;
    return BOOT_OK;
}

int elf_segment(const struct elf *elf, unsigned index, struct segment_header *segment)
{
    const uint8_t *p = elf->data + elf->headers + (uint64_t)index * elf->entry_size;
    segment->type = (uint32_t)elf_get(p, 4);
    if (elf->wide) {
        segment->offset = elf_get(p + 8, 8);
        segment->physical = elf_get(p + 24, 8);
        segment->file_size = elf_get(p + 32, 8);
        segment->memory_size = elf_get(p + 40, 8);
    } else {
        segment->offset = elf_get(p + 4, 4);
        segment->physical = elf_get(p + 12, 4);
        segment->file_size = elf_get(p + 16, 4);
        segment->memory_size = elf_get(p + 20, 4);
    }
    if (segment->offset > elf->size || segment->file_size > elf->size - segment->offset)
        return BOOT_ERROR_TRUNCATED;
    return BOOT_OK;
}

/* Of what lies below 1 MiB a kernel may use what neither the boot structures of a 32-bit entry nor
 * firmware's areas use. */
static bool is_free(uint64_t start, uint64_t size)
{
    static const struct {
        uint64_t start, end;
    } areas[] = {
        {BOOT_START_INFO + 0x1000, BOOT_COMMAND_LINE},
        {BOOT_COMMAND_LINE + BOOT_COMMAND_LINE_SIZE, 0x9f000},
    };
    if (start >= 0x100000)
        return true;
    for (unsigned i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
        if (start >= areas[i].start && start < areas[i].end && size <= areas[i].end - start)
            return true;
    }
    return false;
}

int elf_check(struct vm *vm, const struct elf *elf, uint64_t *end)
{
    *end = 0;
    for (unsigned i = 0; i < elf->count; i++) {
        struct segment_header segment;
        int error = elf_segment(elf, i, &segment);
        if (error != BOOT_OK)
            return error;
        if (segment.type != ELF_LOAD || segment.memory_size == 0)
            continue;
        if (segment.file_size > segment.memory_size ||
            !is_free(segment.physical, segment.memory_size) ||
            memory_at(&vm->memory, gpa(segment.physical), segment.memory_size) == NULL)
            return BOOT_ERROR_MEMORY;
        if (segment.physical + segment.memory_size > *end)
            *end = segment.physical + segment.memory_size;
    }
    return BOOT_OK;
}

static void load(struct vm *vm, const struct elf *elf)
{
    for (unsigned i = 0; i < elf->count; i++) {
        struct segment_header segment;
        if (elf_segment(elf, i, &segment) != BOOT_OK || segment.type != ELF_LOAD ||
            segment.memory_size == 0)
            continue;
        uint8_t *target = memory_at(&vm->memory, gpa(segment.physical), segment.memory_size);
        memcpy(target, elf->data + segment.offset, segment.file_size);
        memset(target + segment.file_size, 0, segment.memory_size - segment.file_size);
    }
}

int elf_place(struct vm *vm, const struct elf *elf, uint64_t end, const struct boot_image *image,
              uint64_t *initrd)
{
    int error = boot_place_command_line(vm, image->command_line, BOOT_COMMAND_LINE_SIZE - 1);
    *initrd = 0;
    if (error != BOOT_OK)
        return error;
    if (image->initrd.size != 0) {
        *initrd = boot_place_initrd(vm, &image->initrd, end, 0x80000000);
        if (*initrd == 0)
            return BOOT_ERROR_MEMORY;
    }
    load(vm, elf);
    return BOOT_OK;
}
