/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/decode/walk.h"

#define CR0_WP   (1ull << 16)
#define CR0_PG   (1ull << 31)
#define CR4_PSE  (1ull << 4)
#define CR4_PAE  (1ull << 5)
#define CR4_SMEP (1ull << 20)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)

#define ENTRY_PRESENT 1ull
#define ENTRY_WRITE   2ull
#define ENTRY_USER    4ull
#define ENTRY_LARGE   0x80ull
#define ENTRY_NX      (1ull << 63)
#define ADDRESS       0x000ffffffffff000ull

struct walker {
    const struct memory *memory;
    const struct walk_state *state;
    uint64_t linear;
    uint32_t access;
    uint64_t rights; /* AND of write and user bits so far */
    bool no_execute;
};

static int fault(const struct walker *walker, bool present, struct walk_result *result)
{
    uint32_t error = walker->access & WALK_WRITE;
    if (present)
        error |= WALK_PRESENT;
    if (walker->state->user)
        error |= WALK_USER;
    bool fetch_reported =
        (walker->state->efer & EFER_NXE) != 0 || (walker->state->cr4 & CR4_SMEP) != 0;
    if ((walker->access & WALK_FETCH) != 0 && fetch_reported)
        error |= WALK_FETCH;
    result->error = error;
    return WALK_ERROR_FAULT;
}

static bool permitted(const struct walker *walker)
{
    const struct walk_state *state = walker->state;
    bool user_page = (walker->rights & ENTRY_USER) != 0;
    bool writable = (walker->rights & ENTRY_WRITE) != 0;
    if (state->user && !user_page)
        return false;
    if ((walker->access & WALK_WRITE) != 0 && !writable &&
        (state->user || (state->cr0 & CR0_WP) != 0))
        return false;
    if ((walker->access & WALK_FETCH) != 0) {
        if (walker->no_execute)
            return false;
        if (!state->user && user_page && (state->cr4 & CR4_SMEP) != 0)
            return false;
    }
    return true;
}

static int finish(const struct walker *walker, uint64_t frame, uint64_t page_size,
                  struct walk_result *result)
{
    if (!permitted(walker))
        return fault(walker, true, result);
    result->page_size = page_size;
    result->gpa = (frame & ~(page_size - 1)) | (walker->linear & (page_size - 1));
    return WALK_OK;
}

static int walk_32(struct walker *walker, struct walk_result *result)
{
    uint32_t entry;
    uint64_t address = (walker->state->cr3 & 0xfffff000) + ((walker->linear >> 22) & 0x3ff) * 4;
    if (memory_read(walker->memory, gpa(address), &entry, 4) != MEMORY_OK)
        return WALK_ERROR_MEMORY;
    if ((entry & ENTRY_PRESENT) == 0)
        return fault(walker, false, result);
    walker->rights &= entry;
    if ((entry & ENTRY_LARGE) != 0 && (walker->state->cr4 & CR4_PSE) != 0) {
        uint64_t high = (uint64_t)(entry >> 13 & 0xff) << 32; /* PSE-36 */
        return finish(walker, (entry & 0xffc00000) | high, 0x400000, result);
    }
    address = (entry & 0xfffff000) + ((walker->linear >> 12) & 0x3ff) * 4;
    if (memory_read(walker->memory, gpa(address), &entry, 4) != MEMORY_OK)
        return WALK_ERROR_MEMORY;
    if ((entry & ENTRY_PRESENT) == 0)
        return fault(walker, false, result);
    walker->rights &= entry;
    return finish(walker, entry & 0xfffff000, 0x1000, result);
}

/* PAE (3 levels) and 4-level paging. */
static int walk_64(struct walker *walker, unsigned levels, struct walk_result *result)
{
    uint64_t table = walker->state->cr3 & (levels == 3 ? 0xffffffe0ull : ADDRESS);
    for (unsigned level = levels; level > 0; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t index = (walker->linear >> shift) & (levels == 3 && level == 3 ? 3 : 0x1ff);
        uint64_t entry;
        if (memory_read64(walker->memory, gpa(table + index * 8), &entry) != MEMORY_OK)
            return WALK_ERROR_MEMORY;
        if ((entry & ENTRY_PRESENT) == 0)
            return fault(walker, false, result);
        if (levels == 4 || level < 3) { /* PAE's top level has no rights */
            walker->rights &= entry;
            if ((entry & ENTRY_NX) != 0 && (walker->state->efer & EFER_NXE) != 0)
                walker->no_execute = true;
        }
        bool large = (entry & ENTRY_LARGE) != 0 && (level == 2 || (level == 3 && levels == 4));
        if (level == 1 || large)
            return finish(walker, entry & ADDRESS, 1ull << shift, result);
        table = entry & ADDRESS;
    }
    return WALK_ERROR_MEMORY;
}

int walk_translate(const struct memory *memory, const struct walk_state *state, uint64_t linear,
                   uint32_t access, struct walk_result *result)
{
    struct walker walker = {memory, state, linear, access, ENTRY_WRITE | ENTRY_USER, false};
    result->error = 0;
    if ((state->cr0 & CR0_PG) == 0) {
        result->gpa = linear & 0xffffffff;
        result->page_size = 0x1000;
        return WALK_OK;
    }
    if ((state->efer & EFER_LMA) != 0)
        return walk_64(&walker, 4, result);
    walker.linear &= 0xffffffff;
    if ((state->cr4 & CR4_PAE) != 0)
        return walk_64(&walker, 3, result);
    return walk_32(&walker, result);
}
