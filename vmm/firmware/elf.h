/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Kernels that are ELF files of either class, loaded at the physical addresses that their program
 * headers name.
 */
#ifndef VMM_FIRMWARE_ELF_H
#define VMM_FIRMWARE_ELF_H

#include "vmm/firmware/boot.h"

/* A program header of either class. */
struct segment_header {
    uint32_t type;
    uint64_t offset;
    uint64_t physical;
    uint64_t file_size;
    uint64_t memory_size;
};

#define ELF_LOAD 1u
#define ELF_NOTE 4u

struct elf {
    const uint8_t *data;
    uint64_t size;
    bool wide; /* ELF64 */
    uint64_t entry;
    uint64_t headers;
    unsigned entry_size;
    unsigned count;
};

/* Little-endian number of `size` bytes. */
uint64_t elf_get(const uint8_t *bytes, unsigned size);

/* Checks the file's header; enum boot_error. */
int elf_open(const struct boot_blob *blob, struct elf *elf);

/* Program header `index` (below count); its part of the file lies inside it. */
int elf_segment(const struct elf *elf, unsigned index, struct segment_header *segment);

/* Checks that all that is loaded stands in RAM that is free for it, below 1 MiB as well; *end: the
 * end of it. */
int elf_check(struct vm *vm, const struct elf *elf, uint64_t *end);

/* Loads it, of which elf_check has said that it can be and where it ends, and the image's command
 * line and initrd; *initrd: where that stands, 0: there is none. enum boot_error. */
int elf_place(struct vm *vm, const struct elf *elf, uint64_t end, const struct boot_image *image,
              uint64_t *initrd);

#endif
