/* SPDX-License-Identifier: BSD-2-Clause */
#include "pool.h"

#include <stdbool.h>
#include <stddef.h>

#include "cspace.h"

enum { MAX_BLOCKS = 8192, MIN_BITS = 12, MAX_BITS = 47 };

enum block_state { BLOCK_UNUSED, BLOCK_FREE, BLOCK_SPLIT, BLOCK_TAKEN };

struct pool_block {
    seL4_Untyped cap;
    struct pool_block *parent;
    struct pool_block *buddy;
    struct pool_block *next; /* in the free list of its size, or of unused records */
    uint8_t bits;
    uint8_t state;
};

static struct pool_block blocks[MAX_BLOCKS];
static struct pool_block *unused;
static struct pool_block *free_lists[MAX_BITS + 1];
static uint64_t free_bytes, total_bytes;

static void free_push(struct pool_block *b)
{
    b->state = BLOCK_FREE;
    b->next = free_lists[b->bits];
    free_lists[b->bits] = b;
}

static void free_remove(struct pool_block *b)
{
    struct pool_block **at = &free_lists[b->bits];

    while (*at && *at != b) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = b->next;
    }
}

static struct pool_block *record_take(void)
{
    struct pool_block *b = unused;
    if (b) {
        unused = b->next;
    }
    return b;
}

static void record_give(struct pool_block *b)
{
    b->state = BLOCK_UNUSED;
    b->next = unused;
    unused = b;
}

void pool_init(const seL4_BootInfo *info)
{
    for (unsigned i = MAX_BLOCKS; i > 0; i--) {
        record_give(&blocks[i - 1]);
    }
    for (seL4_Word i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const seL4_UntypedDesc *d = &info->untypedList[i];
        if (d->isDevice || d->sizeBits < MIN_BITS || d->sizeBits > MAX_BITS) {
            continue;
        }
        struct pool_block *b = record_take();
        if (!b) {
            return;
        }
        b->cap = info->untyped.start + i;
        b->bits = d->sizeBits;
        b->parent = NULL;
        b->buddy = NULL;
        free_push(b);
        free_bytes += 1ull << b->bits;
    }
    total_bytes = free_bytes;
}

/* Makes two blocks of half the size out of a free one that is in no list. */
static bool split(struct pool_block *b)
{
    struct pool_block *half[2];
    seL4_Error error = seL4_NoError;

    for (int i = 0; i < 2; i++) {
        half[i] = record_take();
        if (!half[i]) {
            if (i == 1) {
                record_give(half[0]);
            }
            return false;
        }
    }
    for (int i = 0; i < 2; i++) {
        half[i]->cap = cspace_alloc();
        if (half[i]->cap == 0) {
            error = seL4_NotEnoughMemory;
        } else if (error == seL4_NoError) {
            error = seL4_Untyped_Retype(b->cap, seL4_UntypedObject, b->bits - 1u,
                                        seL4_CapInitThreadCNode, 0, 0, half[i]->cap, 1);
        }
        half[i]->bits = (uint8_t)(b->bits - 1);
        half[i]->parent = b;
    }
    half[0]->buddy = half[1];
    half[1]->buddy = half[0];
    if (error != seL4_NoError) {
        for (int i = 0; i < 2; i++) {
            cspace_free(half[i]->cap);
            record_give(half[i]);
        }
        return false;
    }
    b->state = BLOCK_SPLIT;
    free_push(half[1]);
    free_push(half[0]);
    return true;
}

struct pool_block *pool_alloc(unsigned bits)
{
    unsigned at = bits < MIN_BITS ? MIN_BITS : bits;
    unsigned want = at;

    while (at <= MAX_BITS && !free_lists[at]) {
        at++;
    }
    if (at > MAX_BITS) {
        return NULL;
    }
    for (; at > want; at--) {
        struct pool_block *b = free_lists[at];
        free_remove(b);
        if (!split(b)) {
            free_push(b);
            return NULL;
        }
    }
    struct pool_block *b = free_lists[want];
    free_remove(b);
    b->state = BLOCK_TAKEN;
    free_bytes -= 1ull << want;
    return b;
}

seL4_Untyped pool_untyped(const struct pool_block *block)
{
    return block->cap;
}

unsigned pool_bits(const struct pool_block *block)
{
    return block->bits;
}

void pool_free(struct pool_block *block)
{
    (void)seL4_CNode_Revoke(seL4_CapInitThreadCNode, block->cap, seL4_WordBits);
    free_bytes += 1ull << block->bits;
    while (block->parent && block->buddy->state == BLOCK_FREE) {
        struct pool_block *parent = block->parent;
        free_remove(block->buddy);
        cspace_free(block->buddy->cap);
        cspace_free(block->cap);
        record_give(block->buddy);
        record_give(block);
        block = parent;
    }
    free_push(block);
}

uint64_t pool_free_bytes(void)
{
    return free_bytes;
}

uint64_t pool_total_bytes(void)
{
    return total_bytes;
}
