/* SPDX-License-Identifier: BSD-2-Clause */
#include "arena.h"

#include <stddef.h>

enum { CHUNK_BITS = 20 };

static struct pool_block *take_block(struct arena *a, unsigned bits)
{
    if (a->block_count == ARENA_MAX_BLOCKS) {
        return NULL;
    }
    struct pool_block *b = pool_alloc(bits);
    if (b) {
        a->blocks[a->block_count++] = b;
    }
    return b;
}

seL4_Error arena_create(struct arena *a, uint8_t slot_bits)
{
    *a = (struct arena){0};
    struct pool_block *b = take_block(a, slot_bits + seL4_SlotBits);
    if (!b) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error = cspace_node_create(&a->node, pool_untyped(b), slot_bits);
    if (error != seL4_NoError) {
        arena_destroy(a);
    }
    return error;
}

void arena_destroy(struct arena *a)
{
    cspace_node_destroy(&a->node);
    /* From the last one on: what lies in the first, the CNode, names things in the others. */
    while (a->block_count > 0) {
        pool_free(a->blocks[--a->block_count]);
    }
    a->current = NULL;
}

seL4_CPtr arena_object_slot(struct arena *a, seL4_Word type, seL4_Word size_bits, seL4_Word *slot)
{
    int64_t at = cspace_node_take(&a->node, 1);

    if (at < 0) {
        return 0;
    }
    for (int attempt = 0; attempt < 2; attempt++) {
        if (a->current) {
            seL4_Error error = seL4_Untyped_Retype(pool_untyped(a->current), type, size_bits,
                                                   a->node.cap, 0, 0, (seL4_Word)at, 1);
            if (error == seL4_NoError) {
                *slot = (seL4_Word)at;
                return cspace_node_address(&a->node, (seL4_Word)at);
            }
            if (error != seL4_NotEnoughMemory) {
                return 0;
            }
        }
        a->current = take_block(a, CHUNK_BITS);
        if (!a->current) {
            return 0;
        }
    }
    return 0;
}

seL4_CPtr arena_object(struct arena *a, seL4_Word type, seL4_Word size_bits)
{
    seL4_Word slot;
    return arena_object_slot(a, type, size_bits, &slot);
}

seL4_CPtr arena_copy(struct arena *a, seL4_CPtr source, seL4_CapRights_t rights, seL4_Word badge)
{
    int64_t at = cspace_node_take(&a->node, 1);

    if (at < 0 || seL4_CNode_Mint(a->node.cap, (seL4_Word)at, a->node.bits, cspace_root(), source,
                                  seL4_WordBits, rights, badge) != seL4_NoError) {
        return 0;
    }
    return cspace_node_address(&a->node, (seL4_Word)at);
}

seL4_Untyped arena_block(struct arena *a, unsigned bits)
{
    struct pool_block *b = take_block(a, bits);
    return b ? pool_untyped(b) : 0;
}
