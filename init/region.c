/* SPDX-License-Identifier: BSD-2-Clause */
#include "region.h"

#include "device.h"

static seL4_Error make_page(struct arena *arena, const struct system_region *r, uint64_t at,
                            seL4_Word slot)
{
    seL4_Word type = r->page_bits == 12 ? seL4_X86_4K : seL4_X86_LargePageObject;
    seL4_Untyped untyped;

    if (r->physical != SYSTEM_NO_PHYSICAL) {
        untyped = device_untyped(r->physical + at, r->page_bits);
    } else {
        untyped = arena_block(arena, r->page_bits);
    }
    return untyped == 0 ? seL4_NotEnoughMemory
                        : seL4_Untyped_Retype(untyped, type, 0, arena->node.cap, 0, 0, slot, 1);
}

/* Frames out of one block, which follow each other in memory; 256 a call at most. */
static seL4_Error make_contiguous(struct region *r, struct arena *arena)
{
    seL4_Word count = r->record->size >> 12;
    unsigned bits = 12;

    while (1ull << bits < r->record->size) {
        bits++;
    }
    seL4_Untyped untyped = arena_block(arena, bits);
    int64_t slot = cspace_node_take(&arena->node, count);
    if (untyped == 0 || slot < 0) {
        return seL4_NotEnoughMemory;
    }
    r->first = cspace_node_address(&arena->node, (seL4_Word)slot);
    for (seL4_Word done = 0; done < count;) {
        seL4_Word part = count - done < 256 ? count - done : 256;
        seL4_Error error = seL4_Untyped_Retype(untyped, seL4_X86_4K, 0, arena->node.cap, 0, 0,
                                               (seL4_Word)slot + done, part);
        if (error != seL4_NoError) {
            return error;
        }
        done += part;
    }
    return seL4_NoError;
}

seL4_Error region_make(struct region *r, const struct system_region *record, struct arena *arena)
{
    seL4_Word count = record->size >> record->page_bits;

    r->record = record;
    if (record->flags & SYSTEM_REGION_CONTIGUOUS) {
        return make_contiguous(r, arena);
    }
    if (record->page_bits == 12 && record->physical == SYSTEM_NO_PHYSICAL) {
        /* Small objects come out of the arena one slot after the other. */
        for (seL4_Word i = 0; i < count; i++) {
            seL4_CPtr frame = arena_object(arena, seL4_X86_4K, 0);
            if (frame == 0) {
                return seL4_NotEnoughMemory;
            }
            r->first = i == 0 ? frame : r->first;
        }
        return seL4_NoError;
    }
    int64_t slot = cspace_node_take(&arena->node, count);
    if (slot < 0) {
        return seL4_NotEnoughMemory;
    }
    r->first = cspace_node_address(&arena->node, (seL4_Word)slot);
    for (seL4_Word i = 0; i < count; i++) {
        seL4_Error error = make_page(arena, record, i << record->page_bits, (seL4_Word)slot + i);
        if (error != seL4_NoError) {
            return error;
        }
    }
    return seL4_NoError;
}

seL4_Error region_map(const struct region *r, struct space *space, uint64_t offset, uint64_t size,
                      seL4_Word address, bool write, bool cached)
{
    unsigned bits = r->record->page_bits;
    seL4_CapRights_t rights = write ? seL4_ReadWrite : seL4_CanRead;

    for (uint64_t at = 0; at < size; at += 1ull << bits) {
        seL4_CPtr copy = arena_copy(space->arena, r->first + ((offset + at) >> bits), rights, 0);
        seL4_Error error = copy == 0 ? seL4_NotEnoughMemory
                                     : space_map_as(space, copy, address + at, rights,
                                                    cached ? SPACE_CACHED : SPACE_UNCACHED);
        if (error != seL4_NoError) {
            return error;
        }
    }
    return seL4_NoError;
}
