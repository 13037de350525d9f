/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of a root image (doc/formats.md, "Root image"): a table, and the files behind it on
 * pages of their own. The loader verifies the archive's first part, with the table in it; every
 * file behind that part has its digest in the table, and whoever uses it checks it before.
 *
 * Freestanding, no allocation, nothing is copied but single entries. Used by init, and on the host
 * by the tests.
 */
#ifndef ROOTFILES_H
#define ROOTFILES_H

#include <stdint.h>

#include "pq.h"

#define ROOTFILES_NAME_SIZE   48 /* with at least one zero at the end */
#define ROOTFILES_DIGEST_SIZE 64 /* SHA-512 */
#define ROOTFILES_PAGE        4096u

enum rootfiles_error {
    ROOTFILES_OK = 0,
    ROOTFILES_ERROR_HEADER = -1, /* not such an archive, or larger than the room it lies in */
    ROOTFILES_ERROR_ENTRY = -2,  /* a file outside the archive, or partly in the first part */
    ROOTFILES_ERROR_DIGEST = -3, /* the file has other contents */
};

struct rootfiles {
    const uint8_t *data;
    uint64_t size;
    uint64_t covered; /* bytes from the start that the image's own digest covers */
    uint64_t count;
};

struct rootfiles_entry {
    char name[ROOTFILES_NAME_SIZE]; /* with a zero at the end */
    uint64_t offset;                /* from the archive's start, a multiple of ROOTFILES_PAGE */
    uint64_t size;
    int deferred; /* not in the covered part: to be checked by rootfiles_check() before use */
    uint8_t digest[ROOTFILES_DIGEST_SIZE]; /* of its pages, when deferred */
};

/* Checks the header and every entry. room: bytes that are readable at data. The memory must not
 * change while a struct rootfiles refers to it. ROOTFILES_ERROR_HEADER, ROOTFILES_ERROR_ENTRY. */
int rootfiles_parse(struct rootfiles *files, const uint8_t *data, uint64_t room);

/* Entry number index, below count. */
void rootfiles_entry(const struct rootfiles *files, uint64_t index, struct rootfiles_entry *entry);

/* Whether a file's pages are those that its digest stands for: ROOTFILES_OK, also for a file of the
 * covered part, or ROOTFILES_ERROR_DIGEST. entry: as rootfiles_entry() gave it. */
int rootfiles_check(const struct rootfiles *files, const struct rootfiles_entry *entry);

#endif
