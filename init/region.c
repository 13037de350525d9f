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
    if (record->page_bits == 12 && record->physical == SYSTEM_NO_PHYSICAL && record->flags == 0) {
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
    r->slot = (seL4_Word)slot;
    if (record->flags & SYSTEM_REGION_FOUND) {
        return seL4_NoError;
    }
    for (seL4_Word i = 0; i < count; i++) {
        seL4_Error error = make_page(arena, record, i << record->page_bits, (seL4_Word)slot + i);
        if (error != seL4_NoError) {
            return error;
        }
    }
    return seL4_NoError;
}

/* The largest piece of device memory that begins at `physical` and is no larger than `size`. */
static seL4_Untyped take_piece(uint64_t physical, uint64_t size, unsigned page_bits,
                               unsigned *piece_bits)
{
    unsigned bits = page_bits;

    while (bits < 30 && 2ull << bits <= size && (physical & ((2ull << bits) - 1)) == 0) {
        bits++;
    }
    for (;; bits--) {
        seL4_Untyped untyped = device_untyped(physical, bits);
        if (untyped != 0 || bits == page_bits) {
            *piece_bits = bits;
            return untyped;
        }
    }
}

static bool can_fill(const struct region *r, uint64_t offset, uint64_t physical, uint64_t size)
{
    unsigned bits = r->record->page_bits;

    if ((r->record->flags & SYSTEM_REGION_FOUND) == 0 || size == 0 || offset > r->record->size ||
        size > r->record->size - offset || physical + size < physical ||
        ((offset | physical | size) & ((1ull << bits) - 1)) != 0) {
        return false;
    }
    for (uint64_t i = offset >> bits; i < (offset + size) >> bits; i++) {
        if (r->filled[i]) {
            return false;
        }
    }
    return true;
}

seL4_Error region_fill(struct region *r, uint64_t offset, uint64_t physical, uint64_t size,
                       struct arena *arena)
{
    unsigned bits = r->record->page_bits;

    if (!can_fill(r, offset, physical, size)) {
        return seL4_InvalidArgument;
    }
    for (uint64_t at = 0; at < size;) {
        unsigned piece_bits;
        seL4_Untyped untyped = take_piece(physical + at, size - at, bits, &piece_bits);
        seL4_Word page = (offset + at) >> bits;
        seL4_Word count = 1ull << (piece_bits - bits);
        seL4_Error error =
            untyped == 0
                ? seL4_RangeError
                : seL4_Untyped_Retype(untyped, bits == 12 ? seL4_X86_4K : seL4_X86_LargePageObject,
                                      0, arena->node.cap, 0, 0, r->slot + page, count);
        if (error != seL4_NoError) {
            return error;
        }
        for (seL4_Word i = 0; i < count; i++) {
            r->filled[page + i] = true;
        }
        at += 1ull << piece_bits;
    }
    return seL4_NoError;
}

seL4_Error region_map(const struct region *r, struct space *space, uint64_t offset, uint64_t size,
                      seL4_Word address, bool write, bool cached)
{
    unsigned bits = r->record->page_bits;
    seL4_CapRights_t rights = write ? seL4_ReadWrite : seL4_CanRead;

    for (uint64_t at = 0; at < size; at += 1ull << bits) {
        if ((r->record->flags & SYSTEM_REGION_FOUND) && !r->filled[(offset + at) >> bits]) {
            continue;
        }
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
