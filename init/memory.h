/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory of machines, in frames as large as can be.
 */
#ifndef INIT_MEMORY_H
#define INIT_MEMORY_H

#include "arena.h"
#include "space.h"

#define MEMORY_RUNS_MAX 40u

/* Where the memory stands in the machine's: stretches in one piece, as many as there is room for.
 */
struct memory_run {
    uint64_t gpa, size, physical;
};

/* Frames of one size that follow each other in memory, by capabilities that follow each other. */
struct memory_piece {
    seL4_CPtr first;
    uint32_t count;
    uint32_t bits; /* of each one's size */
};

struct memory_runs {
    unsigned count;
    struct memory_run run[MEMORY_RUNS_MAX];
    unsigned piece_count; /* of all of the memory */
    struct memory_piece piece[ARENA_MAX_BLOCKS];
};

/*
 * Zeroed memory of the pool at address in `space`, and at gpa in `guest` unless that is NULL: in
 * frames of 1 GiB where both places are aligned to that, the processor and the IOMMU have such
 * pages and the pool such a block, else of 2 MiB, of which size must be a multiple. features:
 * QUOIN_FEATURE_*. What was mapped before an error goes with the arena. Adds to `runs`, unless that
 * is NULL, where it stands.
 */
seL4_Error memory_map(struct arena *a, uint64_t features, struct space *space, uint64_t address,
                      uint64_t size, struct space *guest, uint64_t gpa, struct memory_runs *runs);

#endif
