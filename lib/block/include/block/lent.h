/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory of a virtual machine that the disks' devices reach themselves. Whoever the memory is
 * trusted to (init) says where it stands; the machine's monitor names it by places, which are the
 * machine's own addresses and mean nothing to anybody else. So what a monitor names is memory of
 * its own machine, or nothing.
 */
#ifndef BLOCK_LENT_H
#define BLOCK_LENT_H

#include <stdbool.h>
#include <stdint.h>

#define BLOCK_RUNS_MAX 40u

/* A stretch of it that stands in one piece; all three are multiples of 4096. */
struct block_run {
    uint64_t place;
    uint64_t size;
    uint64_t address; /* for devices */
};

struct block_lent {
    unsigned count;
    struct block_run run[BLOCK_RUNS_MAX];
};

/* Adds a run; false: it cannot be one, it overlaps another one, or there is no room for it. */
bool block_lent_add(struct block_lent *lent, const struct block_run *run);

/* The run in which `length` bytes (not 0) from `place` on lie wholly, or NULL. */
const struct block_run *block_lent_find(const struct block_lent *lent, uint64_t place,
                                        uint64_t length);

/* Do they lie wholly in this run? */
static inline bool block_run_holds(const struct block_run *run, uint64_t place, uint64_t length)
{
    uint64_t offset = place - run->place;
    return offset < run->size && length <= run->size - offset;
}

#endif
