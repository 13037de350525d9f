/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Frames: 4 KiB, 2 MiB, 1 GiB.
 */
#include "api/label.h"
#include "x86/arch.h"
#include "x86/cpu.h"
#include "x86/virt.h"
#include "x86/vspace.h"

static enum level frame_level(struct cap frame)
{
    return (enum level)cap_frame_size(frame);
}

/* The ABI's attribute is an index into the PAT (section 8): bit 0 PWT, bit 1 PCD, bit 2 PAT. */
uint64_t pte_for_frame(struct paddr base, enum frame_size size, unsigned rights,
                       uint64_t attributes)
{
    uint64_t pte = base.v | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;
    if (rights & RIGHT_READ) {
        pte |= PTE_USER;
        pte |= (rights & RIGHT_WRITE) ? PTE_WRITE : 0;
    }
    pte |= (attributes & 1) ? PTE_PWT : 0;
    pte |= (attributes & 2) ? PTE_PCD : 0;
    if (size == FRAME_4K) {
        return pte | ((attributes & 4) ? PTE_PAT : 0);
    }
    return pte | PTE_LARGE | ((attributes & 4) ? PTE_PAT_LARGE : 0);
}

/* The entry, of the frame's level, is the frame's leaf. */
static bool maps_frame(uint64_t entry, struct cap frame)
{
    enum level level = frame_level(frame);
    bool is_leaf = level == LEVEL_PT || (entry & PTE_LARGE);
    return (entry & PTE_PRESENT) && is_leaf &&
           (entry & PTE_ADDRESS & ~MASK(level_bits(level))) == cap_paddr(frame).v;
}

static enum result frame_map(struct call *c)
{
    if (c->length < 3 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    uint64_t address = call_word(c, 0);
    unsigned rights = (unsigned)call_word(c, 1) & cap_frame_rights(c->cap);
    unsigned asid;
    uint64_t *pml4 = vspace_of_cap(c, c->extra[0]->cap, 1, &asid);
    if (pml4 == NULL) {
        return ERR_SYSCALL;
    }
    enum map_kind kind = cap_frame_map(c->cap);
    if (kind == MAP_VSPACE) {
        if (cap_map_asid(c->cap) != asid) {
            return call_invalid_capability(c, 1);
        }
        if (cap_map_address(c->cap) != address) {
            return call_invalid_argument(c, 0);
        }
    } else if (kind != MAP_NONE) {
        return call_invalid_capability(c, 0);
    }
    uint64_t size = BIT(cap_frame_bits(c->cap));
    if (address >= USER_TOP || size > USER_TOP - address) {
        return call_invalid_argument(c, 0);
    }
    if (address & (size - 1)) {
        return call_fail(c, SEL4_ALIGNMENT_ERROR);
    }
    if (cap_frame_size(c->cap) == FRAME_1G && !cpu.page_1g) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    uint64_t *entry;
    enum level missing;
    if (vspace_walk(pml4, address, frame_level(c->cap), &entry, &missing) != OK) {
        return call_failed_lookup(
            c, false, (struct lookup_fault){LOOKUP_MISSING_CAPABILITY, level_bits(missing), 0, 0});
    }
    bool present = (*entry & PTE_PRESENT) != 0;
    if (present && (kind == MAP_NONE || !maps_frame(*entry, c->cap))) {
        return call_fail(c, SEL4_DELETE_FIRST);
    }
    *entry = pte_for_frame(cap_paddr(c->cap), cap_frame_size(c->cap), rights, call_word(c, 2));
    c->slot->cap = cap_frame_with_map(c->cap, MAP_VSPACE, address, asid);
    if (present) {
        tlb_flush_page(asid, address);
    }
    return OK;
}

static void vspace_unmap_frame(struct cap frame)
{
    unsigned asid = cap_map_asid(frame);
    uint64_t address = cap_map_address(frame);
    uint64_t *pml4 = asid_lookup(asid, false);
    uint64_t *entry;
    enum level missing;
    if (pml4 == NULL || vspace_walk(pml4, address, frame_level(frame), &entry, &missing) != OK) {
        return;
    }
    if (maps_frame(*entry, frame)) {
        *entry = 0;
        tlb_flush_page(asid, address);
    }
}

void frame_unmap(struct cap frame)
{
    if (cap_frame_map(frame) == MAP_VSPACE) {
        vspace_unmap_frame(frame);
    } else if (cap_frame_map(frame) != MAP_NONE) {
        virt_unmap_frame(frame);
    }
}

enum result frame_decode(struct call *c)
{
    switch (c->label) {
    case LABEL_PAGE_MAP:
        return frame_map(c);
    case LABEL_PAGE_UNMAP:
        frame_unmap(c->cap);
        c->slot->cap = cap_frame_with_map(c->cap, MAP_NONE, 0, 0);
        return OK;
    case LABEL_PAGE_GET_ADDRESS:
        call_reply(c, 0, cap_paddr(c->cap).v);
        return OK;
    case LABEL_PAGE_MAP_EPT:
    case LABEL_PAGE_MAP_IO:
        return virt_map_frame(c);
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}
