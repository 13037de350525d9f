/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma.h"

#include <sel4/quoin.h>

enum { DOMAIN = 1, MAX_SPACES = 32, GIB_BITS = 30, GIBS = 512 };

static seL4_Word levels; /* of the IOMMU's tables; 0: there is none */
static bool has_large;
static uint64_t memory[GIBS / 64]; /* a bit for each GiB with memory in it */
static struct {
    uint16_t device;
    seL4_CPtr cap;
} spaces[MAX_SPACES];
static unsigned space_count;

void dma_init(const seL4_BootInfo *info, uint64_t features)
{
    levels = info->numIOPTLevels;
    has_large = (features & QUOIN_FEATURE_IOMMU_LARGE) != 0;
    for (seL4_Word i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const seL4_UntypedDesc *d = &info->untypedList[i];
        uint64_t end = (d->paddr + (1ull << d->sizeBits) - 1) >> GIB_BITS;
        for (uint64_t gib = d->paddr >> GIB_BITS; !d->isDevice && gib <= end && gib < GIBS; gib++) {
            memory[gib / 64] |= 1ull << (gib % 64);
        }
    }
}

bool dma_is_confined(void)
{
    return levels != 0;
}

unsigned dma_tables_of_large(void)
{
    return levels == 0 || has_large ? 0 : 1;
}

bool dma_takes_huge(void)
{
    return levels == 0 || has_large;
}

static seL4_Error add_table(seL4_CPtr space, uint64_t address, struct arena *arena)
{
    seL4_CPtr table = arena_object(arena, seL4_X86_IOPageTableObject, 0);

    return table == 0 ? seL4_NotEnoughMemory : seL4_X86_IOPageTable_Map(table, space, address);
}

/* Those above 512 GiB and of these, which are all that there is; then one for each GiB. */
static seL4_Error add_tables(seL4_CPtr space, struct arena *arena)
{
    seL4_Error error = seL4_NoError;

    for (seL4_Word i = 2; i < levels && error == seL4_NoError; i++) {
        error = add_table(space, 0, arena);
    }
    for (uint64_t gib = 0; gib < GIBS && error == seL4_NoError; gib++) {
        if (memory[gib / 64] >> (gib % 64) & 1) {
            error = add_table(space, gib << GIB_BITS, arena);
        }
    }
    return error;
}

seL4_CPtr dma_space(uint16_t device, struct arena *arena)
{
    for (unsigned i = 0; i < space_count; i++) {
        if (spaces[i].device == device) {
            return spaces[i].cap;
        }
    }
    if (space_count == MAX_SPACES) {
        return 0;
    }
    seL4_CPtr cap =
        arena_copy(arena, seL4_CapIOSpace, seL4_AllRights, (seL4_Word)DOMAIN << 16 | device);
    if (cap == 0 || add_tables(cap, arena) != seL4_NoError) {
        return 0;
    }
    spaces[space_count].device = device;
    spaces[space_count++].cap = cap;
    return cap;
}

/* Maps a frame where it is in the machine's memory, with its last table if that is missing. */
static seL4_Error map(seL4_CPtr frame, seL4_CPtr space, struct arena *arena)
{
    seL4_X86_Page_GetAddress_t place = seL4_X86_Page_GetAddress(frame);

    if (place.error != seL4_NoError) {
        return (seL4_Error)place.error;
    }
    seL4_Error error = seL4_X86_Page_MapIO(frame, space, seL4_ReadWrite, place.paddr);
    if (error == seL4_FailedLookup) {
        error = add_table(space, place.paddr, arena);
        if (error == seL4_NoError) {
            error = seL4_X86_Page_MapIO(frame, space, seL4_ReadWrite, place.paddr);
        }
    }
    return error;
}

seL4_Error dma_map(const struct region *region, uint16_t device, struct arena *arena)
{
    seL4_Error error = seL4_NoError;

    if (levels == 0) {
        return seL4_NoError;
    }
    seL4_CPtr space = dma_space(device, arena);
    if (space == 0) {
        return seL4_NotEnoughMemory;
    }
    for (uint64_t i = 0; i < region->record->size >> region->record->page_bits; i++) {
        seL4_CPtr frame = arena_copy(arena, region->first + i, seL4_ReadWrite, 0);
        error = frame == 0 ? seL4_NotEnoughMemory : map(frame, space, arena);
        if (error != seL4_NoError) {
            break;
        }
    }
    return error;
}
