/* SPDX-License-Identifier: BSD-2-Clause */
#include <block/lent.h>
#include <stddef.h>

#define PAGE_MASK 0xfffull

static bool turns_over(uint64_t first, uint64_t size)
{
    return size > UINT64_MAX - first;
}

bool block_lent_add(struct block_lent *lent, const struct block_run *run)
{
    if (lent->count == BLOCK_RUNS_MAX || run->size == 0 ||
        ((run->place | run->size | run->address) & PAGE_MASK) != 0 ||
        turns_over(run->place, run->size) || turns_over(run->address, run->size))
        return false;
    for (unsigned i = 0; i < lent->count; i++) {
        const struct block_run *other = &lent->run[i];
        if (run->place < other->place + other->size && other->place < run->place + run->size)
            return false;
    }
    lent->run[lent->count++] = *run;
    return true;
}

const struct block_run *block_lent_find(const struct block_lent *lent, uint64_t place,
                                        uint64_t length)
{
    for (unsigned i = 0; i < lent->count; i++) {
        if (block_run_holds(&lent->run[i], place, length))
            return &lent->run[i];
    }
    return NULL;
}
