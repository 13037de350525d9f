/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loading an ELF program into an address space.
 */
#ifndef INIT_PROGRAM_H
#define INIT_PROGRAM_H

#include <systemtable.h>

#include "archive.h"
#include "space.h"

/* Variables to set: those of component number domain among count records. */
struct program_patches {
    const struct system_patch *records;
    uint32_t count;
    uint32_t domain;
    uint64_t (*physical)(uint32_t region); /* for SYSTEM_PATCH_PHYSICAL */
};

struct program {
    seL4_Word entry;
    seL4_Word end; /* first page behind the last segment */
};

/*
 * Checks the whole file first; then maps its segments into s, with their rights. scratch: a page of
 * init's address space where nothing is mapped; patches may be NULL. Errors: seL4_InvalidArgument
 * for a file that is no static x86-64 program below 128 TiB, else what the kernel said.
 */
seL4_Error program_load(struct space *s, const struct archive_file *file, seL4_Word scratch,
                        const struct program_patches *patches, struct program *program);

#endif
