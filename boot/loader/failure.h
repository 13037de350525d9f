/* SPDX-License-Identifier: BSD-2-Clause */
/* Why the loader does not go on, and how a person is told. */
#ifndef LOADER_FAILURE_H
#define LOADER_FAILURE_H

#include <stddef.h>
#include <stdint.h>

#include "manifest.h"

enum loader_error {
    LOADER_OK = 0,
    LOADER_ERROR_MAGIC = -1,       /* not started by a Multiboot 2 loader */
    LOADER_ERROR_INFO = -2,        /* the information has a bad size or a bad tag */
    LOADER_ERROR_COUNT = -3,       /* more files or memory ranges than there is room for */
    LOADER_ERROR_NAME = -4,        /* a file whose name is missing, too long or not allowed */
    LOADER_ERROR_TWICE = -5,       /* two files of one name */
    LOADER_ERROR_RANGE = -6,       /* a file outside memory, or over another or the loader */
    LOADER_ERROR_NO_ROOTS = -7,    /* the loader was built without root keys */
    LOADER_ERROR_NO_MANIFEST = -8, /* no file called manifest */
    LOADER_ERROR_MANIFEST = -9,    /* manifest_error says what is wrong with it */
    LOADER_ERROR_FILE = -10,       /* manifest_error says what is wrong with the file */
    LOADER_ERROR_NO_KERNEL = -11,
    LOADER_ERROR_NO_ROOT = -12,
    LOADER_ERROR_TWO_KERNELS = -13,
    LOADER_ERROR_TWO_ROOTS = -14,
    LOADER_ERROR_KERNEL = -15, /* the kernel is no ELF file that can be placed */
    LOADER_ERROR_PLACE = -16,  /* the kernel's place is no memory, or the loader's own */
    LOADER_ERROR_MEMORY = -17, /* no room to move a file out of the kernel's way */
    LOADER_ERROR_TPM = -18,    /* the TPM did not take a measurement */
    LOADER_ERROR_EXCEPTION = -19,
    LOADER_ERROR_ROOT = -20, /* what was verified of the root image does not hold what is loaded */
};

struct loader_failure {
    enum loader_error error;
    char file[MANIFEST_NAME_SIZE]; /* "" when no file is meant */
    int manifest_error;            /* enum manifest_error */
    struct manifest_failure place; /* in the manifest */
    uint32_t epoch;                /* of the release keys, where known */
};

/* Fills failure (file may be NULL; it is cut to the room there is) and returns error. */
int failure_set(struct loader_failure *failure, enum loader_error error, const char *file);

/* "kernel.elf: the file has other contents than the manifest says"; at most size bytes with the
 * ending zero. Returns its length. */
size_t failure_line(const struct loader_failure *failure, char *text, size_t size);

/* What the person in front of the machine can do: one or more lines. */
const char *failure_remedy(const struct loader_failure *failure);

#endif
