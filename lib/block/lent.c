/* SPDX-License-Identifier: BSD-2-Clause */
#include <block/lent.h>

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

bool block_lent_find(const struct block_lent *lent, uint64_t place, uint32_t length,
                     uint64_t *address)
{
    for (unsigned i = 0; i < lent->count; i++) {
        const struct block_run *run = &lent->run[i];
        uint64_t offset = place - run->place;
        if (place >= run->place && offset < run->size && length <= run->size - offset) {
            *address = run->address + offset;
            return true;
        }
    }
    return false;
}
