/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that the system description names.
 */
#ifndef INIT_REGION_H
#define INIT_REGION_H

#include <systemtable.h>

#include "space.h"

struct region {
    const struct system_region *record;
    seL4_CPtr first; /* its frames, one capability after the other */
    seL4_Word slot;  /* of the first in the arena's CNode, where they are found later */
    bool filled[SYSTEM_MAX_FOUND]; /* likewise: which pages are there */
};

/* Makes the frames: zeroed memory, or the device memory at its physical address; of memory that is
 * found later only the slots for them. */
seL4_Error region_make(struct region *r, const struct system_region *record, struct arena *arena);

/*
 * Puts device memory into pages from `offset` on that hold nothing yet; all of it multiples of the
 * region's page size. An error: it is not device memory, somebody has it, or the region has no such
 * pages; what was put there before the error stays.
 */
seL4_Error region_fill(struct region *r, uint64_t offset, uint64_t physical, uint64_t size,
                       struct arena *arena);

/* Maps size bytes from offset on (multiples of its page size), through capabilities of their own,
 * but for pages that are not found yet. */
seL4_Error region_map(const struct region *r, struct space *space, uint64_t offset, uint64_t size,
                      seL4_Word address, bool write, bool cached);

#endif
