/* SPDX-License-Identifier: BSD-2-Clause */
#include "space.h"

#include <rt/log.h>

enum { PAGE = 4096 };

/* Which table a map call missed (ABI section 10), and how to put one there. */
struct level {
    seL4_Word missing_bits;
    seL4_Word component_type;
    seL4_Word guest_type;
};
static const struct level levels[] = {
    {39, seL4_X86_PDPTObject, seL4_X86_EPTPDPTObject},
    {30, seL4_X86_PageDirectoryObject, seL4_X86_EPTPDObject},
    {21, seL4_X86_PageTableObject, seL4_X86_EPTPTObject},
};

seL4_Error space_create(struct space *s, enum space_kind kind, struct arena *arena)
{
    s->kind = kind;
    s->arena = arena;
    s->root =
        arena_object(arena, kind == SPACE_GUEST ? seL4_X86_EPTPML4Object : seL4_X64_PML4Object, 0);
    if (s->root == 0) {
        return seL4_NotEnoughMemory;
    }
    return seL4_X86_ASIDPool_Assign(seL4_CapInitThreadASIDPool, s->root);
}

static seL4_Error map_table(struct space *s, const struct level *level, seL4_Word address)
{
    bool guest = s->kind == SPACE_GUEST;
    seL4_CPtr table = arena_object(s->arena, guest ? level->guest_type : level->component_type, 0);

    if (table == 0) {
        return seL4_NotEnoughMemory;
    }
    switch (level->missing_bits) {
    case 39:
        return guest ? seL4_X86_EPTPDPT_Map(table, s->root, address,
                                            seL4_X86_EPT_Default_VMAttributes)
                     : seL4_X86_PDPT_Map(table, s->root, address, seL4_X86_Default_VMAttributes);
    case 30:
        return guest
                   ? seL4_X86_EPTPD_Map(table, s->root, address, seL4_X86_EPT_Default_VMAttributes)
                   : seL4_X86_PageDirectory_Map(table, s->root, address,
                                                seL4_X86_Default_VMAttributes);
    default:
        return guest
                   ? seL4_X86_EPTPT_Map(table, s->root, address, seL4_X86_EPT_Default_VMAttributes)
                   : seL4_X86_PageTable_Map(table, s->root, address, seL4_X86_Default_VMAttributes);
    }
}

seL4_Error space_map(struct space *s, seL4_CPtr frame, seL4_Word address, seL4_CapRights_t rights)
{
    return space_map_as(s, frame, address, rights, SPACE_CACHED);
}

seL4_Error space_map_as(struct space *s, seL4_CPtr frame, seL4_Word address,
                        seL4_CapRights_t rights, enum space_memory memory)
{
    seL4_X86_VMAttributes attributes =
        memory == SPACE_CACHED ? seL4_X86_Default_VMAttributes : seL4_X86_Uncacheable;

    /* At most one table of each level is missing. */
    for (unsigned attempt = 0; attempt <= sizeof(levels) / sizeof(levels[0]); attempt++) {
        seL4_Error error = s->kind == SPACE_GUEST
                               ? seL4_X86_Page_MapEPT(frame, s->root, address, rights,
                                                      seL4_X86_EPT_Default_VMAttributes)
                               : seL4_X86_Page_Map(frame, s->root, address, rights, attributes);
        if (error != seL4_FailedLookup) {
            return error;
        }
        seL4_Word missing = seL4_GetMR(2);
        seL4_Error table_error = seL4_FailedLookup;
        for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
            if (levels[i].missing_bits == missing) {
                table_error = map_table(s, &levels[i], address);
            }
        }
        if (table_error != seL4_NoError) {
            return table_error;
        }
    }
    return seL4_FailedLookup;
}

struct space *space_of_init(struct arena *arena)
{
    static struct space own;

    own = (struct space){SPACE_COMPONENT, seL4_CapInitThreadVSpace, arena};
    return &own;
}

seL4_Error space_map_new(struct space *s, seL4_Word address, uint64_t size, seL4_CapRights_t rights,
                         seL4_Word init_address)
{
    for (uint64_t at = 0; at < size; at += PAGE) {
        seL4_CPtr frame = arena_object(s->arena, seL4_X86_4K, 0);
        if (frame == 0) {
            return seL4_NotEnoughMemory;
        }
        seL4_Error error = space_map(s, frame, address + at, rights);
        if (error == seL4_NoError && init_address != 0) {
            seL4_CPtr copy = arena_copy(s->arena, frame, seL4_ReadWrite, 0);
            error = copy == 0 ? seL4_NotEnoughMemory
                              : space_map(space_of_init(s->arena), copy, init_address + at,
                                          seL4_ReadWrite);
        }
        if (error != seL4_NoError) {
            return error;
        }
    }
    return seL4_NoError;
}

seL4_Error space_map_existing(struct space *s, seL4_Word address, seL4_CPtr first, uint64_t size,
                              seL4_CapRights_t rights)
{
    for (uint64_t at = 0; at < size; at += PAGE) {
        seL4_CPtr copy = arena_copy(s->arena, first + at / PAGE, rights, 0);
        seL4_Error error =
            copy == 0 ? seL4_NotEnoughMemory : space_map(s, copy, address + at, rights);
        if (error != seL4_NoError) {
            return error;
        }
    }
    return seL4_NoError;
}
