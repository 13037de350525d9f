/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PDPTs, page directories and page tables: mapping them into an address space and taking them out.
 */
#include "x86/vspace.h"

#include "api/label.h"
#include "x86/arch.h"

enum { TABLE_ENTRIES = 512, KERNEL_ENTRY = 511 };

#define PTE_TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

static uint64_t *entry_of(uint64_t *table, uint64_t address, enum level level)
{
    return &table[address >> level_bits(level) & (TABLE_ENTRIES - 1)];
}

uint64_t pte_for_table(const void *table)
{
    return arch_paddr(table).v | PTE_TABLE_FLAGS;
}

void vspace_init_pml4(uint64_t *pml4)
{
    pml4[KERNEL_ENTRY] = kspace_user_entry();
}

enum result vspace_walk(uint64_t *pml4, uint64_t address, enum level level, uint64_t **entry,
                        enum level *missing)
{
    uint64_t *table = pml4;
    for (enum level l = LEVEL_PML4; l > level; l--) {
        uint64_t e = *entry_of(table, address, l);
        if (!(e & PTE_PRESENT) || (e & PTE_LARGE)) {
            *missing = l;
            return ERR_SYSCALL;
        }
        table = arch_window((struct paddr){e & PTE_ADDRESS});
    }
    *entry = entry_of(table, address, level);
    return OK;
}

uint64_t *vspace_of_cap(struct call *c, struct cap cap, unsigned number, unsigned *asid)
{
    if (cap_type(cap) != CAP_PML4 || !cap_mapped(cap)) {
        call_invalid_capability(c, number);
        return NULL;
    }
    *asid = (unsigned)cap.w1;
    void *root = asid_lookup(*asid, false);
    if (root == NULL) {
        call_failed_lookup(c, false, (struct lookup_fault){LOOKUP_INVALID_ROOT, 0, 0, 0});
        return NULL;
    }
    if (root != cap_object(cap)) {
        call_invalid_capability(c, number);
        return NULL;
    }
    return root;
}

/* The level of the entry that points to a table of this type. */
static enum level parent_level(enum cap_type type)
{
    return type == CAP_PDPT ? LEVEL_PML4 : type == CAP_PAGE_DIRECTORY ? LEVEL_PDPT : LEVEL_PD;
}

static enum result paging_map(struct call *c)
{
    if (c->length < 2 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    if (cap_mapped(c->cap)) {
        return call_invalid_capability(c, 0);
    }
    unsigned asid;
    uint64_t *pml4 = vspace_of_cap(c, c->extra[0]->cap, 1, &asid);
    if (pml4 == NULL) {
        return ERR_SYSCALL;
    }
    enum level level = parent_level(cap_type(c->cap));
    uint64_t address = call_word(c, 0) & ~MASK(level_bits(level));
    if (address >= USER_TOP) {
        return call_invalid_argument(c, 0);
    }
    uint64_t *entry;
    enum level missing;
    if (vspace_walk(pml4, address, level, &entry, &missing) != OK) {
        return call_failed_lookup(
            c, false, (struct lookup_fault){LOOKUP_MISSING_CAPABILITY, level_bits(missing), 0, 0});
    }
    if (*entry & PTE_PRESENT) {
        return call_fail(c, SEL4_DELETE_FIRST);
    }
    *entry = pte_for_table(cap_object(c->cap));
    c->slot->cap = cap_with_mapping(c->cap, true, address, asid);
    return OK;
}

/* Takes the table out of the address space that it is mapped in, if that is still so. */
static void paging_unmap(struct cap cap)
{
    if (!cap_mapped(cap)) {
        return;
    }
    unsigned asid = cap_map_asid(cap);
    uint64_t *pml4 = asid_lookup(asid, false);
    uint64_t *entry;
    enum level missing;
    if (pml4 == NULL || vspace_walk(pml4, cap_map_address(cap), parent_level(cap_type(cap)), &entry,
                                    &missing) != OK) {
        return;
    }
    if ((*entry & PTE_PRESENT) && !(*entry & PTE_LARGE) &&
        (*entry & PTE_ADDRESS) == arch_paddr(cap_object(cap)).v) {
        *entry = 0;
        tlb_flush_asid(asid);
    }
}

void paging_finalise(struct cap cap)
{
    paging_unmap(cap);
}

enum result paging_decode(struct call *c)
{
    enum cap_type type = cap_type(c->cap);
    uint64_t map = type == CAP_PDPT             ? LABEL_PDPT_MAP
                   : type == CAP_PAGE_DIRECTORY ? LABEL_PAGE_DIRECTORY_MAP
                                                : LABEL_PAGE_TABLE_MAP;
    uint64_t unmap = type == CAP_PDPT             ? LABEL_PDPT_UNMAP
                     : type == CAP_PAGE_DIRECTORY ? LABEL_PAGE_DIRECTORY_UNMAP
                                                  : LABEL_PAGE_TABLE_UNMAP;
    if (c->label == map) {
        return paging_map(c);
    }
    if (c->label != unmap) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (!slot_is_final(c->slot)) {
        return call_fail(c, SEL4_REVOKE_FIRST);
    }
    if (cap_mapped(c->cap)) {
        paging_unmap(c->cap);
        /* What was mapped in it must not come back with it at its next place. */
        memory_clear(cap_object(c->cap), PAGE_SIZE);
        c->slot->cap = cap_with_mapping(c->cap, false, 0, 0);
    }
    return OK;
}
