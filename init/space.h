/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Address spaces that init builds: a component's, and the guest-physical one of a VM.
 */
#ifndef INIT_SPACE_H
#define INIT_SPACE_H

#include "arena.h"

enum space_kind { SPACE_COMPONENT, SPACE_GUEST };

struct space {
    enum space_kind kind;
    seL4_CPtr root; /* PML4 or EPT PML4 */
    struct arena *arena;
};

/* Makes the root and gives it an ASID. */
seL4_Error space_create(struct space *s, enum space_kind kind, struct arena *arena);

/* Maps a frame (with a capability of its own), making the tables that are missing. Rights as in
 * seL4_CanRead... */
seL4_Error space_map(struct space *s, seL4_CPtr frame, seL4_Word address, seL4_CapRights_t rights);

/* The same with a kind of memory; a guest's is always cached. */
enum space_memory { SPACE_CACHED, SPACE_UNCACHED };
seL4_Error space_map_as(struct space *s, seL4_CPtr frame, seL4_Word address,
                        seL4_CapRights_t rights, enum space_memory memory);

/* Fresh zeroed memory of size bytes (multiple of 4 KiB) at address. init_address, when not 0: also
 * mapped into init there, through copies. */
seL4_Error space_map_new(struct space *s, seL4_Word address, uint64_t size, seL4_CapRights_t rights,
                         seL4_Word init_address);

/* Pages that init already has, through copies: frames one capability after the other from first on.
 */
seL4_Error space_map_existing(struct space *s, seL4_Word address, seL4_CPtr first, uint64_t size,
                              seL4_CapRights_t rights);

/* init's own address space; tables that a mapping there needs are made in the arena. Valid until
 * the next call. */
struct space *space_of_init(struct arena *arena);

#endif
