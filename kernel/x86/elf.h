/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The root task's file: an ELF64 for x86-64 (System V ABI, chapter 4). Also built for the host.
 */
#ifndef KERNEL_X86_ELF_H
#define KERNEL_X86_ELF_H

#include "types.h"

enum { ELF_MAX_SEGMENTS = 32 };

struct elf_segment {
    uint64_t address, memory_bytes;
    const uint8_t *data;
    uint64_t file_bytes;
};

struct elf {
    uint64_t entry;
    uint64_t start, end; /* all segments, whole pages */
    unsigned count;
    struct elf_segment segments[ELF_MAX_SEGMENTS];
};

/* Checks the file of bytes bytes and lists its PT_LOAD segments, which lie below top. Null, or what
 * is wrong. */
const char *elf_parse(const uint8_t *file, uint64_t bytes, uint64_t top, struct elf *elf);

#endif
