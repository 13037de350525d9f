/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory.h"

#include <cpuid.h>
#include <stddef.h>
#include <sel4/quoin.h>

#include "dma.h"

#define LARGE_PAGE 0x200000ull
#define HUGE_PAGE  0x40000000ull

enum { LARGE_BITS = 21, MOST_BITS = 29 }; /* 256 frames of 2 MiB a call */

struct target {
    struct arena *arena;
    struct space *space, *guest;
    uint64_t address, gpa;
    struct memory_runs *runs; /* or NULL */
};

/* Notes a block's frames; and where it stands, with the one before it where both are one piece. */
static void note_run(struct memory_runs *runs, uint64_t gpa, uint64_t size,
                     const struct memory_piece *piece)
{
    seL4_X86_Page_GetAddress_t page = seL4_X86_Page_GetAddress(piece->first);
    struct memory_run *last = runs->count == 0 ? NULL : &runs->run[runs->count - 1];

    if (page.error != seL4_NoError || runs->piece_count == ARENA_MAX_BLOCKS) {
        return;
    }
    runs->piece[runs->piece_count++] = *piece;
    if (last && last->gpa + last->size == gpa && last->physical + last->size == page.paddr) {
        last->size += size;
    } else if (runs->count < MEMORY_RUNS_MAX) {
        runs->run[runs->count++] = (struct memory_run){gpa, size, page.paddr};
    }
}

/* A block of the pool as `count` frames of a type, offset bytes into the memory. */
static seL4_Error map_block(const struct target *t, seL4_Untyped untyped, seL4_Word type,
                            uint64_t frame_size, seL4_Word count, uint64_t offset)
{
    struct arena *a = t->arena;
    int64_t slot = cspace_node_take(&a->node, count);

    if (untyped == 0 || slot < 0) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error =
        seL4_Untyped_Retype(untyped, type, 0, a->node.cap, 0, 0, (seL4_Word)slot, count);
    if (error == seL4_NoError && t->runs) {
        const struct memory_piece piece = {
            .first = cspace_node_address(&a->node, (seL4_Word)slot),
            .count = (uint32_t)count,
            .bits = type == seL4_X64_HugePageObject ? seL4_HugePageBits : LARGE_BITS,
        };
        note_run(t->runs, t->gpa + offset, count * frame_size, &piece);
    }
    for (seL4_Word i = 0; i < count && error == seL4_NoError; i++, offset += frame_size) {
        seL4_CPtr frame = cspace_node_address(&a->node, (seL4_Word)slot + i);
        seL4_CPtr copy = t->guest ? arena_copy(a, frame, seL4_AllRights, 0) : 0;
        error = t->guest && copy == 0
                    ? seL4_NotEnoughMemory
                    : space_map(t->space, frame, t->address + offset, seL4_ReadWrite);
        if (error == seL4_NoError && t->guest) {
            error = space_map(t->guest, copy, t->gpa + offset, seL4_AllRights);
        }
    }
    return error;
}

/* Can components, guests and devices have pages of 1 GiB? CPUID 80000001H, EDX bit 26. */
static bool has_huge_pages(uint64_t features)
{
    unsigned eax, ebx, ecx, edx;

    return (features & QUOIN_FEATURE_EPT_1G) != 0 && dma_takes_huge() &&
           __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (edx & 1u << 26) != 0;
}

seL4_Error memory_map(struct arena *a, uint64_t features, struct space *space, uint64_t address,
                      uint64_t size, struct space *guest, uint64_t gpa, struct memory_runs *runs)
{
    const struct target t = {a, space, guest, address, guest ? gpa : address, runs};
    bool huge = has_huge_pages(features) && address % HUGE_PAGE == t.gpa % HUGE_PAGE;
    uint64_t step;

    for (uint64_t at = 0; at < size; at += step) {
        bool fits = huge && (address + at) % HUGE_PAGE == 0 && size - at >= HUGE_PAGE;
        seL4_Untyped untyped = fits ? arena_block(a, seL4_HugePageBits) : 0;
        seL4_Error error;

        if (untyped != 0) {
            step = HUGE_PAGE;
            error = map_block(&t, untyped, seL4_X64_HugePageObject, HUGE_PAGE, 1, at);
        } else {
            /* The largest power of two that is left, and that the pool has. */
            unsigned bits = MOST_BITS;
            while ((1ull << bits) > size - at) {
                bits--;
            }
            untyped = arena_block(a, bits);
            while (untyped == 0 && bits > LARGE_BITS) {
                untyped = arena_block(a, --bits);
            }
            step = 1ull << bits;
            error = map_block(&t, untyped, seL4_X86_LargePageObject, LARGE_PAGE,
                              1ull << (bits - LARGE_BITS), at);
        }
        if (error != seL4_NoError) {
            return error;
        }
    }
    return seL4_NoError;
}
