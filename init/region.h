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
};

/* Makes the frames: zeroed memory, or the device memory at its physical address. */
seL4_Error region_make(struct region *r, const struct system_region *record, struct arena *arena);

/* Maps size bytes from offset on (multiples of its page size), through capabilities of their own.
 */
seL4_Error region_map(const struct region *r, struct space *space, uint64_t offset, uint64_t size,
                      seL4_Word address, bool write, bool cached);

#endif
