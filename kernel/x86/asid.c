/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ASIDs name address spaces in capabilities: a mapping remembers the ASID, and the ASID finds the
 * root as long as it exists. A pool is one page of 512 roots; guest-physical spaces have them too.
 */
#include "api/label.h"
#include "x86/arch.h"
#include "x86/virt.h"
#include "x86/vspace.h"

/* An entry is the root's address in the window, with bit 0 for an EPT root. */
#define ENTRY_EPT 1ull

struct asid_pool {
    uint64_t entries[1 << ASID_POOL_BITS];
};
_Static_assert(sizeof(struct asid_pool) == PAGE_SIZE, "ABI section 8");

static struct asid_pool *pools[ASID_POOLS];

static uint64_t *asid_entry(unsigned asid)
{
    struct asid_pool *pool = asid < ASID_COUNT ? pools[asid >> ASID_POOL_BITS] : NULL;
    return pool != NULL ? &pool->entries[asid & MASK(ASID_POOL_BITS)] : NULL;
}

void *asid_lookup(unsigned asid, bool ept)
{
    uint64_t *entry = asid_entry(asid);
    if (entry == NULL || *entry == 0 || ((*entry & ENTRY_EPT) != 0) != ept) {
        return NULL;
    }
    return (void *)(uintptr_t)(*entry & ~ENTRY_EPT);
}

bool asid_names(unsigned asid, const void *pml4)
{
    const uint64_t *entry = asid_entry(asid);
    return pml4 != NULL && entry != NULL && *entry == (uint64_t)(uintptr_t)pml4;
}

static void forget(unsigned asid, uint64_t entry)
{
    if (entry & ENTRY_EPT) {
        virt_asid_removed(asid);
    } else {
        tlb_forget_asid(asid);
    }
}

void asid_remove(unsigned asid, const void *root)
{
    uint64_t *entry = asid_entry(asid);
    if (entry != NULL && (*entry & ~ENTRY_EPT) == (uint64_t)(uintptr_t)root && root != NULL) {
        uint64_t old = *entry;
        *entry = 0;
        forget(asid, old);
    }
}

struct cap asid_init_pool(void *pool)
{
    pools[0] = pool;
    return cap_for_object(CAP_ASID_POOL, pool);
}

unsigned asid_assign_initial(void *pml4)
{
    pools[0]->entries[1] = (uint64_t)(uintptr_t)pml4;
    return 1;
}

static struct cap pool_cap(unsigned index)
{
    return cap_make(CAP_ASID_POOL, (uint64_t)(uintptr_t)pools[index], 0,
                    (uint64_t)index << ASID_POOL_BITS);
}

enum result asid_control_decode(struct call *c)
{
    if (c->label != LABEL_ASID_CONTROL_MAKE_POOL) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (c->length < 2 || c->extra_count < 2) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    unsigned index = 0;
    while (index < ASID_POOLS && pools[index] != NULL) {
        index++;
    }
    if (index == ASID_POOLS) {
        return call_fail(c, SEL4_DELETE_FIRST);
    }
    struct slot *untyped = c->extra[0];
    if (cap_type(untyped->cap) != CAP_UNTYPED || cap_untyped_bits(untyped->cap) != PAGE_BITS ||
        cap_untyped_device(untyped->cap)) {
        return call_invalid_capability(c, 1);
    }
    if (slot_has_descendants(untyped)) {
        return call_fail(c, SEL4_REVOKE_FIRST);
    }
    struct slot *dest;
    enum result result =
        call_lookup_dest(c, c->extra[1]->cap, call_word(c, 0), call_word(c, 1), &dest);
    if (result != OK) {
        return result;
    }
    pools[index] = arch_window(cap_paddr(untyped->cap));
    memory_clear(pools[index], PAGE_SIZE);
    untyped->cap.w1 = PAGE_SIZE; /* all of it is used */
    slot_insert(dest, pool_cap(index), untyped, true);
    return OK;
}

enum result asid_pool_decode(struct call *c)
{
    if (c->label != LABEL_ASID_POOL_ASSIGN) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    struct slot *root = c->extra[0];
    bool ept = cap_type(root->cap) == CAP_EPT_PML4;
    if ((cap_type(root->cap) != CAP_PML4 && !ept) || cap_mapped(root->cap)) {
        return call_invalid_capability(c, 1);
    }
    unsigned first = (unsigned)c->cap.w1;
    struct asid_pool *pool = pools[first >> ASID_POOL_BITS];
    if (pool != cap_object(c->cap)) {
        return call_failed_lookup(c, false, (struct lookup_fault){LOOKUP_INVALID_ROOT, 0, 0, 0});
    }
    unsigned i = first == 0 ? 1 : 0; /* ASID 0 is the kernel's */
    while (i < ARRAY_SIZE(pool->entries) && pool->entries[i] != 0) {
        i++;
    }
    if (i == ARRAY_SIZE(pool->entries)) {
        return call_fail(c, SEL4_DELETE_FIRST);
    }
    pool->entries[i] = (uint64_t)(uintptr_t)cap_object(root->cap) | (ept ? ENTRY_EPT : 0);
    vspace_forget_loadable();
    root->cap = cap_with_detail(root->cap, 0, 1, 1);
    root->cap.w1 = first + i;
    return OK;
}

void asid_pool_finalise(struct cap cap)
{
    unsigned first = (unsigned)cap.w1;
    struct asid_pool *pool = cap_object(cap);
    if (pools[first >> ASID_POOL_BITS] != pool) {
        return;
    }
    pools[first >> ASID_POOL_BITS] = NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(pool->entries); i++) {
        if (pool->entries[i] != 0) {
            forget(first + i, pool->entries[i]);
        }
    }
}
