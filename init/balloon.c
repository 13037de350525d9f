/* SPDX-License-Identifier: BSD-2-Clause */
#include "balloon.h"

#include <string.h>
#include <vmm/startup.h>

#include "vm.h"

enum { BLOCK_BITS = 21, STEP = 32 /* blocks: 64 MiB */ };

_Static_assert(VMM_BALLOON_BLOCK == 1ull << BLOCK_BITS, "a block is a large page");

struct balloon {
    struct arena *arena;
    struct space space, guest;
    uint64_t address;
    seL4_Word first; /* slot of the arena's CNode: for each block the VMM's frame, the guest's */
    seL4_CPtr
        filler; /* a frame that the VMM finds where a block is away: it must not fault there */
    unsigned blocks, away, target, most;
    uint32_t words; /* told to the VMM */
    bool waits;
    struct pool_block *block[VMM_BALLOON_BLOCKS]; /* NULL: away */
};

static struct balloon balloons[VM_MAX];

static seL4_CPtr frame_of(const struct balloon *b, seL4_Word slot)
{
    return cspace_node_address(&b->arena->node, slot);
}

static seL4_Error copy(const struct balloon *b, seL4_Word slot, seL4_CPtr frame)
{
    const struct cspace_node *node = &b->arena->node;

    return seL4_CNode_Mint(node->cap, slot, node->bits, cspace_root(), frame, seL4_WordBits,
                           seL4_AllRights, 0);
}

/* Memory of the pool becomes a block, which is not there. */
static seL4_Error fill(struct balloon *b, seL4_Word block, struct pool_block *memory)
{
    const seL4_Word slot = b->first + 2 * block;
    const uint64_t at = block * VMM_BALLOON_BLOCK;
    seL4_Error error = seL4_Untyped_Retype(pool_untyped(memory), seL4_X86_LargePageObject, 0,
                                           b->arena->node.cap, 0, 0, slot, 1);

    if (error == seL4_NoError) {
        error = copy(b, slot + 1, frame_of(b, slot));
    }
    if (error == seL4_NoError) {
        error = space_map(&b->space, frame_of(b, slot), b->address + at, seL4_ReadWrite);
    }
    if (error == seL4_NoError) {
        error = space_map(&b->guest, frame_of(b, slot + 1), at, seL4_AllRights);
    }
    if (error == seL4_NoError) {
        b->block[block] = memory;
    } else {
        pool_free(memory);
    }
    return error;
}

/* In the VMM's address space there is something wherever the guest has memory. */
static void put_filler(struct balloon *b, seL4_Word block)
{
    const seL4_Word slot = b->first + 2 * block;

    if (copy(b, slot, b->filler) == seL4_NoError) {
        (void)space_map(&b->space, frame_of(b, slot), b->address + block * VMM_BALLOON_BLOCK,
                        seL4_ReadWrite);
    }
}

static seL4_Error make_filler(struct balloon *b)
{
    int64_t slot = cspace_node_take(&b->arena->node, 1);
    seL4_Untyped untyped = arena_block(b->arena, BLOCK_BITS);

    if (slot < 0 || untyped == 0) {
        return seL4_NotEnoughMemory;
    }
    b->filler = frame_of(b, (seL4_Word)slot);
    return seL4_Untyped_Retype(untyped, seL4_X86_LargePageObject, 0, b->arena->node.cap, 0, 0,
                               (seL4_Word)slot, 1);
}

seL4_Error balloon_map(unsigned slot, struct arena *arena, const struct space *space,
                       const struct space *guest, uint64_t address, unsigned blocks, unsigned most)
{
    struct balloon *b = &balloons[slot];
    int64_t first = cspace_node_take(&arena->node, 2 * (seL4_Word)blocks);

    memset(b, 0, sizeof(*b));
    b->arena = arena;
    b->space = *space;
    b->guest = *guest;
    b->address = address;
    if (first < 0 || blocks > VMM_BALLOON_BLOCKS) {
        return seL4_NotEnoughMemory;
    }
    b->first = (seL4_Word)first;
    b->most = most;
    seL4_Error error = make_filler(b);
    for (; b->blocks < blocks && error == seL4_NoError; b->blocks++) {
        struct pool_block *memory = pool_alloc(BLOCK_BITS);
        error = memory ? fill(b, b->blocks, memory) : seL4_NotEnoughMemory;
    }
    return error;
}

void balloon_release(unsigned slot)
{
    struct balloon *b = &balloons[slot];

    for (unsigned i = 0; i < b->blocks; i++) {
        if (b->block[i]) {
            pool_free(b->block[i]);
        }
    }
    memset(b, 0, sizeof(*b));
}

seL4_Error balloon_give(unsigned slot, seL4_Word block)
{
    struct balloon *b = &balloons[slot];

    if (block >= b->blocks || !b->block[block] || b->away == b->most) {
        return seL4_InvalidArgument;
    }
    pool_free(b->block[block]);
    b->block[block] = NULL;
    b->away++;
    put_filler(b, block);
    return seL4_NoError;
}

seL4_Error balloon_take(unsigned slot, seL4_Word block)
{
    struct balloon *b = &balloons[slot];

    if (block >= b->blocks || b->block[block]) {
        return seL4_InvalidArgument;
    }
    struct pool_block *memory = pool_alloc(BLOCK_BITS);
    if (!memory) {
        b->waits = true;
        return seL4_NotEnoughMemory;
    }
    (void)seL4_CNode_Delete(b->arena->node.cap, b->first + 2 * block, b->arena->node.bits);
    seL4_Error error = fill(b, block, memory);
    if (error == seL4_NoError) {
        b->away--;
    } else {
        put_filler(b, block);
    }
    return error;
}

bool balloon_less(unsigned slot)
{
    struct balloon *b = &balloons[slot];
    unsigned step = b->most - b->target < STEP ? b->most - b->target : STEP;

    b->target += step;
    return step != 0;
}

bool balloon_more(unsigned slot)
{
    struct balloon *b = &balloons[slot];
    unsigned target = b->target < STEP ? 0 : b->target - STEP;
    uint64_t missing = b->away > target ? b->away - target : 0;

    if (b->target == 0 || missing * VMM_BALLOON_BLOCK > pool_free_bytes()) {
        return false;
    }
    b->target = target;
    return true;
}

bool balloon_waits(unsigned slot)
{
    bool waits = balloons[slot].waits;

    balloons[slot].waits = false;
    return waits;
}

uint64_t balloon_word(unsigned slot)
{
    struct balloon *b = &balloons[slot];

    return (uint64_t)++b->words << 32 | b->target;
}

uint64_t balloon_away(unsigned slot)
{
    return balloons[slot].away * VMM_BALLOON_BLOCK;
}

uint64_t balloon_target(unsigned slot)
{
    return balloons[slot].target * VMM_BALLOON_BLOCK;
}
