/* SPDX-License-Identifier: BSD-2-Clause */
#include "lend.h"

#include <stdbool.h>
#include <stddef.h>

#include "cspace.h"
#include "dma.h"
#include "pool.h"

/* As many as there are machines, on each disk controller that is driven. */
enum { MAX_LENDINGS = 160, MOST_AT_ONCE = 256, LEAST_SLOT_BITS = 7 };

struct lending {
    bool used;
    uint8_t kind;
    uint8_t slot;
    uint16_t device;
    struct pool_block *block;
    struct cspace_node node;
    seL4_Word table, tables; /* slots of those that are not used yet */
};

static struct lending lendings[MAX_LENDINGS];

static unsigned bits_for(uint64_t size)
{
    unsigned bits = 0;

    while (1ull << bits < size) {
        bits++;
    }
    return bits;
}

static void end(struct lending *l)
{
    /* With the capabilities their mappings go. */
    cspace_node_destroy(&l->node);
    pool_free(l->block);
    l->used = false;
}

static struct lending *find(unsigned kind, unsigned slot, uint16_t device)
{
    for (unsigned i = 0; i < MAX_LENDINGS; i++) {
        struct lending *l = &lendings[i];
        if (l->used && l->kind == kind && l->slot == slot && l->device == device) {
            return l;
        }
    }
    return NULL;
}

static struct lending *find_unused(void)
{
    unsigned i = 0;

    while (i < MAX_LENDINGS && lendings[i].used) {
        i++;
    }
    return i == MAX_LENDINGS ? NULL : &lendings[i];
}

/* The block with room for `frames` capabilities, and these tables. */
static seL4_Error make(struct lending *l, uint64_t frames, uint64_t tables)
{
    unsigned bits = bits_for(frames + tables);

    bits = bits < LEAST_SLOT_BITS ? LEAST_SLOT_BITS : bits;
    l->block = pool_alloc(bits_for((1ull << (bits + seL4_SlotBits)) + (tables << seL4_PageBits)));
    if (!l->block) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error = cspace_node_create(&l->node, pool_untyped(l->block), (uint8_t)bits);
    if (error != seL4_NoError) {
        pool_free(l->block);
        return error;
    }
    l->used = true;
    l->tables = tables;
    l->table = (seL4_Word)cspace_node_take(&l->node, tables);
    for (uint64_t done = 0; done < tables && error == seL4_NoError;) {
        uint64_t part = tables - done < MOST_AT_ONCE ? tables - done : MOST_AT_ONCE;
        error = seL4_Untyped_Retype(pool_untyped(l->block), seL4_X86_IOPageTableObject, 0,
                                    l->node.cap, 0, 0, l->table + done, part);
        done += part;
    }
    return error;
}

/*
 * For reading and writing, even where all that the machine has on the device is read-only. Then the
 * device need not read memory, only write it; but who may write all of a machine's memory has the
 * machine do what he likes, and tell him the rest. To map it for writing alone keeps nothing from
 * anybody, and VT-d's units may refuse a read of no bytes there (CAP's ZLR).
 */
static seL4_Error map(struct lending *l, seL4_CPtr frame, seL4_CPtr space, uint64_t address)
{
    int64_t slot = cspace_node_take(&l->node, 1);

    if (slot < 0) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error = seL4_CNode_Mint(l->node.cap, (seL4_Word)slot, l->node.bits, cspace_root(),
                                       frame, seL4_WordBits, seL4_ReadWrite, 0);
    if (error != seL4_NoError) {
        return error;
    }
    seL4_CPtr copy = cspace_node_address(&l->node, (seL4_Word)slot);
    error = seL4_X86_Page_MapIO(copy, space, seL4_ReadWrite, address);
    if (error == seL4_FailedLookup && l->tables > 0) {
        seL4_CPtr table = cspace_node_address(&l->node, l->table++);
        l->tables--;
        error = seL4_X86_IOPageTable_Map(table, space, address);
        if (error == seL4_NoError) {
            error = seL4_X86_Page_MapIO(copy, space, seL4_ReadWrite, address);
        }
    }
    return error;
}

static seL4_Error map_all(struct lending *l, seL4_CPtr space, const struct memory_runs *memory)
{
    seL4_Error error = seL4_NoError;

    for (unsigned i = 0; i < memory->piece_count && error == seL4_NoError; i++) {
        const struct memory_piece *piece = &memory->piece[i];
        seL4_X86_Page_GetAddress_t place = seL4_X86_Page_GetAddress(piece->first);
        error = (seL4_Error)place.error;
        for (uint64_t n = 0; n < piece->count && error == seL4_NoError; n++) {
            error = map(l, piece->first + n, space, place.paddr + (n << piece->bits));
        }
    }
    return error;
}

seL4_Error lend_memory(unsigned kind, unsigned slot, uint16_t device, seL4_CPtr space,
                       const struct memory_runs *memory)
{
    uint64_t frames = 0;
    struct lending *l = find_unused();

    if (!dma_is_confined() || find(kind, slot, device)) {
        return seL4_NoError;
    }
    for (unsigned i = 0; i < memory->piece_count; i++) {
        frames += memory->piece[i].count;
    }
    if (frames == 0) {
        return seL4_NoError; /* it lends nothing */
    }
    if (!l) {
        return seL4_NotEnoughMemory;
    }
    *l = (struct lending){.kind = (uint8_t)kind, .slot = (uint8_t)slot, .device = device};
    seL4_Error error = make(l, frames, frames * dma_tables_of_large());
    if (error == seL4_NoError) {
        error = map_all(l, space, memory);
    }
    if (error != seL4_NoError && l->used) {
        end(l);
    }
    return error;
}

void lend_end_machine(unsigned slot)
{
    for (unsigned i = 0; i < MAX_LENDINGS; i++) {
        if (lendings[i].used && lendings[i].slot == slot) {
            end(&lendings[i]);
        }
    }
}

void lend_end_kind(unsigned kind)
{
    for (unsigned i = 0; i < MAX_LENDINGS; i++) {
        if (lendings[i].used && lendings[i].kind == kind) {
            end(&lendings[i]);
        }
    }
}
