/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ELF files as the loader needs them: where a kernel's segments go in physical memory, and where a
 * root image keeps room for parameters (System V ABI, chapters 4 and 5). Also built for the host.
 */
#ifndef LOADER_ELF_H
#define LOADER_ELF_H

#include "pq.h"

#define ELF_SEGMENTS_MAX 16

/* Of a root image: its contents are the loader's to fill (doc/formats.md, "Boot parameters"). In
 * the range that the ABI leaves to operating systems. */
#define ELF_TYPE_LOAD       1u
#define ELF_TYPE_PARAMETERS 0x60515031u

enum elf_error {
    ELF_OK = 0,
    ELF_ERROR_HEADER = -1,  /* no executable ELF file for x86 */
    ELF_ERROR_TABLE = -2,   /* program headers outside the file, or of another size */
    ELF_ERROR_SEGMENT = -3, /* a segment outside the file or the address space */
    ELF_ERROR_COUNT = -4,   /* too many segments, or none */
};

struct elf_segment {
    uint32_t type;
    uint64_t address; /* physical */
    uint64_t memory;  /* bytes in memory, at least file_size */
    uint64_t offset;  /* in the file */
    uint64_t file_size;
};

struct elf {
    uint64_t entry;
    unsigned count;
    struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/* Lists the segments of the given type, ELF32 or ELF64, which are not empty. They lie in the file,
 * and in memory below 2^32. ELF_ERROR_COUNT when there is none. */
int elf_parse(struct elf *elf, struct pq_bytes file, uint32_t type);

#endif
