/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Everything that one component or VM is made of: memory from the pool and a CNode for the
 * capabilities. It goes back as a whole.
 */
#ifndef INIT_ARENA_H
#define INIT_ARENA_H

#include "cspace.h"
#include "pool.h"

enum { ARENA_MAX_BLOCKS = 256 };

struct arena {
    struct cspace_node node;
    struct pool_block *blocks[ARENA_MAX_BLOCKS];
    unsigned block_count;
    struct pool_block *current; /* small objects come out of this one */
};

/* slot_bits: how many capabilities it can hold, as a power of two. */
seL4_Error arena_create(struct arena *a, uint8_t slot_bits);
/* Everything made in it is gone afterwards, threads and mappings included. */
void arena_destroy(struct arena *a);

/* One object of up to 1 MiB: the capability's address, or 0. */
seL4_CPtr arena_object(struct arena *a, seL4_Word type, seL4_Word size_bits);
/* Also tells the slot's number in the arena's CNode. */
seL4_CPtr arena_object_slot(struct arena *a, seL4_Word type, seL4_Word size_bits, seL4_Word *slot);

/* A slot with a copy of a capability of init's, with rights and badge: its address, or 0. */
seL4_CPtr arena_copy(struct arena *a, seL4_CPtr source, seL4_CapRights_t rights, seL4_Word badge);

/* A whole block of 2^bits bytes for frames: its untyped, or 0. */
seL4_Untyped arena_block(struct arena *a, unsigned bits);

#endif
