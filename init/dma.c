/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma.h"

enum { PAGE = 4096, DOMAIN = 1 };

static seL4_Word levels; /* of the IOMMU's tables; 0: there is none */

void dma_init(const seL4_BootInfo *info)
{
    levels = info->numIOPTLevels;
}

bool dma_is_confined(void)
{
    return levels != 0;
}

/* Maps a frame, and the tables that are missing before. */
static seL4_Error map(seL4_CPtr frame, seL4_CPtr space, uint64_t address, struct arena *arena)
{
    seL4_Error error = seL4_X86_Page_MapIO(frame, space, seL4_ReadWrite, address);

    for (seL4_Word i = 0; i < levels && error == seL4_FailedLookup; i++) {
        seL4_CPtr table = arena_object(arena, seL4_X86_IOPageTableObject, 0);
        if (table == 0) {
            return seL4_NotEnoughMemory;
        }
        error = seL4_X86_IOPageTable_Map(table, space, address);
        if (error != seL4_NoError) {
            return error;
        }
        error = seL4_X86_Page_MapIO(frame, space, seL4_ReadWrite, address);
    }
    return error;
}

seL4_Error dma_map(const struct region *region, uint16_t device, struct arena *arena)
{
    if (levels == 0) {
        return seL4_NoError;
    }
    seL4_CPtr space =
        arena_copy(arena, seL4_CapIOSpace, seL4_AllRights, (seL4_Word)DOMAIN << 16 | device);
    seL4_X86_Page_GetAddress_t place = seL4_X86_Page_GetAddress(region->first);
    if (space == 0 || place.error != seL4_NoError) {
        return space == 0 ? seL4_NotEnoughMemory : (seL4_Error)place.error;
    }
    for (uint64_t at = 0; at < region->record->size; at += PAGE) {
        seL4_CPtr frame = arena_copy(arena, region->first + at / PAGE, seL4_ReadWrite, 0);
        seL4_Error error =
            frame == 0 ? seL4_NotEnoughMemory : map(frame, space, place.paddr + at, arena);
        if (error != seL4_NoError) {
            return error;
        }
    }
    return seL4_NoError;
}
