/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where everything goes: the kernel's segments to their addresses, and files that lie there out of
 * the way first. Only plans; also built for the host.
 */
#ifndef LOADER_PLACE_H
#define LOADER_PLACE_H

#include "elf.h"
#include "info.h"

struct place_range {
    uint64_t start;
    uint64_t end;
};

/* One file as GRUB left it, and where it is to be. */
struct place_file {
    struct place_range from;
    uint64_t to; /* equal to from.start when it stays */
};

/*
 * Checks that the kernel's segments fit one another, its entry, the machine's memory and the
 * loader's own place, and finds room below 4 GiB for those files that lie in the kernel's place.
 * Files are moved one after the other in any order: no target overlaps any file. On failure
 * *culprit is the file that has no room, or count. LOADER_OK or an enum loader_error.
 */
int place_plan(struct place_file *files, unsigned count, const struct elf *kernel,
               const struct info *info, struct place_range loader, unsigned *culprit);

/* The files lie in memory, and over neither each other nor the loader. *culprit is the index of
 * one that does not. LOADER_OK or LOADER_ERROR_RANGE. */
int place_check(const struct place_file *files, unsigned count, const struct info *info,
                struct place_range loader, unsigned *culprit);

#endif
