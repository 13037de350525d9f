/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of the root image: they stand behind init in its address space (lib/rootfiles), each at
 * the start of a page, so that their frames can be mapped into other address spaces. A file that
 * the loader has left to be verified looks empty until archive_open() has done so.
 */
#ifndef INIT_ARCHIVE_H
#define INIT_ARCHIVE_H

#include <stdint.h>
#include <sel4/sel4.h>

struct archive_file {
    const char *name;
    unsigned index;
    const uint8_t *data;
    uint64_t size;
    seL4_CPtr first_frame; /* init's 4 KiB frames that hold it, one capability after the other */
};

/* Number of files, 0 if the image holds none. Checks the table whole. */
unsigned archive_init(const seL4_BootInfo *info);
/* index < the number of files. */
void archive_get(unsigned index, struct archive_file *file);
/* 0 and *file, or -1. */
int archive_find(const char *name, struct archive_file *file);
/* Verifies the file, unless that is done, and fills in what archive_get() held back. It may be a
 * zeroed one: then it stays so. 0, or -1 when its contents are not those that were signed: the log
 * says so, and it still looks empty. */
int archive_open(struct archive_file *file);

#endif
