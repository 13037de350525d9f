/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Guest-physical address spaces (SDM vol. 3, 29.3; AMD APM vol. 2, 15.25): four levels of tables.
 * In both vendors' entries bits 0 to 2 together allow everything, bit 1 is the right to write, bit
 * 7 says leaf, and the address is where it always is; only memory types differ.
 */
#include "x86/ept.h"
#include "api/label.h"
#include "x86/arch.h"
#include "x86/vcpu.h"
#include "x86/virt.h"
#include "x86/vspace.h"

enum { TABLE_ENTRIES = 512, ADDRESS_BITS = 48 };

#define ENTRY_PRESENT    BIT(0)
#define ENTRY_WRITE      BIT(1)
#define ENTRY_TABLE      7ull /* VT-x: read, write, execute; AMD-V: present, write, user */
#define ENTRY_LEAF       5ull /* the same without write */
#define ENTRY_LARGE      BIT(7)
#define ENTRY_TYPE_SHIFT 3 /* VT-x */
/* AMD-V sets these itself, with a locked write, where the kernel did not. */
#define ENTRY_SVM_ACCESSED BIT(5)
#define ENTRY_SVM_DIRTY    BIT(6)

static struct {
    bool svm, huge_frames;
} format;

/* A space without memory. */
static _Alignas(PAGE_SIZE) uint64_t empty_root[TABLE_ENTRIES];

/* By ASID. */
static struct {
    uint32_t epoch;
    uint16_t stale_cores;
} spaces[ASID_COUNT];
_Static_assert(CONFIG_MAX_CORES <= 16, "stale_cores");

void ept_init(bool svm, bool huge_frames)
{
    format.svm = svm;
    format.huge_frames = huge_frames;
}

/* --- Cached translations --- */

uint32_t ept_epoch(unsigned asid)
{
    return spaces[asid].epoch;
}

bool ept_take_stale(unsigned asid, unsigned core)
{
    bool stale = (spaces[asid].stale_cores & BIT(core)) != 0;
    spaces[asid].stale_cores &= (uint16_t)~BIT(core);
    return stale;
}

void ept_mark_stale(unsigned asid)
{
    spaces[asid].stale_cores = UINT16_MAX;
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Guests that run in the space right now leave it; virt_run looks anew before they go on. */
static void stop_guests(unsigned asid)
{
    const struct core *self = core_self();
    for (unsigned i = 0; i < core_count; i++) {
        const struct tcb *t = cores[i].current;
        if (i != self->id && t && t->state == THREAD_RUNNING_VM && t->vcpu &&
            t->vcpu->root_asid == asid)
            arch_core_call(i, nothing, NULL, false);
    }
}

/* No guest uses an old translation of the space once this has returned: those that run are
 * stopped, and every VCPU sees the new epoch before it enters again. */
static void space_changed(unsigned asid)
{
    spaces[asid].epoch++;
    ept_mark_stale(asid);
    stop_guests(asid);
}

void ept_asid_removed(unsigned asid)
{
    space_changed(asid);
}

struct paddr ept_root(struct cap cap, unsigned *asid)
{
    if (cap_type(cap) == CAP_EPT_PML4 && cap_mapped(cap) &&
        asid_lookup((unsigned)cap.w1, true) == cap_object(cap)) {
        *asid = (unsigned)cap.w1;
        return arch_paddr(cap_object(cap));
    }
    *asid = 0;
    return (struct paddr){(uint64_t)(uintptr_t)empty_root - KERNEL_BASE};
}

/* --- Tables --- */

static uint64_t *root_of(struct call *c, struct cap cap, unsigned *asid)
{
    if (cap_type(cap) != CAP_EPT_PML4 || !cap_mapped(cap)) {
        call_invalid_capability(c, 1);
        return NULL;
    }
    *asid = (unsigned)cap.w1;
    uint64_t *root = asid_lookup(*asid, true);
    if (!root)
        call_failed_lookup(c, false, (struct lookup_fault){LOOKUP_INVALID_ROOT, 0, 0, 0});
    else if (root != cap_object(cap)) {
        call_invalid_capability(c, 1);
        root = NULL;
    }
    return root;
}

static enum result missing_table(struct call *c, enum level level)
{
    return call_failed_lookup(
        c, false, (struct lookup_fault){LOOKUP_MISSING_CAPABILITY, level_bits(level), 0, 0});
}

/* Processors walk tables while they change: entries are stored whole. */
static void entry_store(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static enum level parent_level(enum cap_type type)
{
    return type == CAP_EPT_PDPT ? LEVEL_PML4 : type == CAP_EPT_PD ? LEVEL_PDPT : LEVEL_PD;
}

static enum result table_map(struct call *c)
{
    if (c->length < 2 || c->extra_count < 1)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    if (cap_mapped(c->cap))
        return call_invalid_capability(c, 0);
    unsigned asid;
    uint64_t *root = root_of(c, c->extra[0]->cap, &asid);
    if (!root)
        return ERR_SYSCALL;
    enum level level = parent_level(cap_type(c->cap));
    uint64_t gpa = call_word(c, 0) & ~MASK(level_bits(level));
    if (gpa >> ADDRESS_BITS != 0)
        return call_invalid_argument(c, 0);
    uint64_t *entry;
    enum level missing;
    if (vspace_walk(root, gpa, level, &entry, &missing) != OK)
        return missing_table(c, missing);
    if (*entry & ENTRY_PRESENT)
        return call_fail(c, SEL4_DELETE_FIRST);

    uint64_t table = arch_paddr(cap_object(c->cap)).v;
    entry_store(entry, table | ENTRY_TABLE | (format.svm ? ENTRY_SVM_ACCESSED : 0));
    c->slot->cap = cap_with_mapping(c->cap, true, gpa, asid);
    return OK;
}

static void table_unmap(struct cap cap)
{
    unsigned asid = cap_map_asid(cap);
    uint64_t *root = asid_lookup(asid, true);
    uint64_t *entry;
    enum level missing;
    if (!root || vspace_walk(root, cap_map_address(cap), parent_level(cap_type(cap)), &entry,
                             &missing) != OK)
        return;
    if ((*entry & ENTRY_PRESENT) && !(*entry & ENTRY_LARGE) &&
        (*entry & PTE_ADDRESS) == arch_paddr(cap_object(cap)).v) {
        entry_store(entry, 0);
        space_changed(asid);
    }
}

static enum result table_decode(struct call *c, uint64_t map_label, uint64_t unmap_label)
{
    if (c->label == map_label)
        return table_map(c);
    if (c->label != unmap_label)
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    if (!slot_is_final(c->slot))
        return call_fail(c, SEL4_REVOKE_FIRST);
    if (cap_mapped(c->cap)) {
        table_unmap(c->cap);
        /* What was mapped in it must not come back with it at its next place. */
        memory_clear(cap_object(c->cap), PAGE_SIZE);
        c->slot->cap = cap_with_mapping(c->cap, false, 0, 0);
    }
    return OK;
}

enum result ept_decode(struct call *c)
{
    switch (cap_type(c->cap)) {
    case CAP_EPT_PDPT:
        return table_decode(c, LABEL_EPT_PDPT_MAP, LABEL_EPT_PDPT_UNMAP);
    case CAP_EPT_PD:
        return table_decode(c, LABEL_EPT_PD_MAP, LABEL_EPT_PD_UNMAP);
    case CAP_EPT_PT:
        return table_decode(c, LABEL_EPT_PT_MAP, LABEL_EPT_PT_UNMAP);
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}

/* --- Frames --- */

static enum level frame_level(struct cap frame)
{
    return (enum level)cap_frame_size(frame);
}

/* Entry bits for one of the ABI's EPT attributes (section 8), which are VT-x's memory types. AMD-V
 * takes them from the host's PAT (APM 15.25.8). False: there is no such attribute. */
static bool memory_type(uint64_t attribute, enum level level, uint64_t *bits)
{
    const uint64_t pat = level == LEVEL_PT ? PTE_PAT : PTE_PAT_LARGE;
    uint64_t svm;
    switch (attribute) {
    case 0: /* uncacheable */
        svm = PTE_PCD | PTE_PWT;
        break;
    case 1: /* write-combining */
        svm = pat;
        break;
    case 4: /* write-through */
        svm = PTE_PWT;
        break;
    case 5: /* write-protected */
        svm = pat | PTE_PWT;
        break;
    case 6: /* write-back */
        svm = 0;
        break;
    default:
        return false;
    }
    *bits = format.svm ? svm | ENTRY_SVM_ACCESSED | ENTRY_SVM_DIRTY : attribute << ENTRY_TYPE_SHIFT;
    return true;
}

static bool maps_frame(uint64_t entry, struct cap frame)
{
    enum level level = frame_level(frame);
    bool is_leaf = level == LEVEL_PT || (entry & ENTRY_LARGE);
    return (entry & ENTRY_PRESENT) && is_leaf &&
           (entry & PTE_ADDRESS & ~MASK(level_bits(level))) == cap_paddr(frame).v;
}

enum result ept_map_frame(struct call *c)
{
    if (c->length < 3 || c->extra_count < 1)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    uint64_t gpa = call_word(c, 0);
    unsigned rights = (unsigned)call_word(c, 1) & cap_frame_rights(c->cap);
    enum level level = frame_level(c->cap);
    unsigned asid;
    uint64_t *root = root_of(c, c->extra[0]->cap, &asid);
    if (!root)
        return ERR_SYSCALL;
    enum map_kind kind = cap_frame_map(c->cap);
    if (kind == MAP_EPT) {
        if (cap_map_asid(c->cap) != asid)
            return call_invalid_capability(c, 1);
        if (cap_map_address(c->cap) != gpa)
            return call_invalid_argument(c, 0);
    } else if (kind != MAP_NONE) {
        return call_invalid_capability(c, 0);
    }
    /* Guests can read all that is mapped (ABI section 12), so the capability must allow that. */
    if (!(cap_frame_rights(c->cap) & RIGHT_READ))
        return call_invalid_capability(c, 0);
    if (gpa >> ADDRESS_BITS != 0)
        return call_invalid_argument(c, 0);
    if (gpa & MASK(level_bits(level)))
        return call_fail(c, SEL4_ALIGNMENT_ERROR);
    uint64_t type;
    if (!memory_type(call_word(c, 2), level, &type))
        return call_invalid_argument(c, 2);
    if (level == LEVEL_PDPT && !format.huge_frames)
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    uint64_t *entry;
    enum level missing;
    if (vspace_walk(root, gpa, level, &entry, &missing) != OK)
        return missing_table(c, missing);
    bool present = (*entry & ENTRY_PRESENT) != 0;
    if (present && (kind == MAP_NONE || !maps_frame(*entry, c->cap)))
        return call_fail(c, SEL4_DELETE_FIRST);

    entry_store(entry, cap_paddr(c->cap).v | ENTRY_LEAF | (rights & RIGHT_WRITE ? ENTRY_WRITE : 0) |
                           (level == LEVEL_PT ? 0 : ENTRY_LARGE) | type);
    c->slot->cap = cap_frame_with_map(c->cap, MAP_EPT, gpa, asid);
    if (present)
        space_changed(asid);
    return OK;
}

void ept_unmap_frame(struct cap frame)
{
    unsigned asid = cap_map_asid(frame);
    uint64_t *root = asid_lookup(asid, true);
    uint64_t *entry;
    enum level missing;
    if (!root ||
        vspace_walk(root, cap_map_address(frame), frame_level(frame), &entry, &missing) != OK)
        return;
    if (maps_frame(*entry, frame)) {
        entry_store(entry, 0);
        space_changed(asid);
    }
}

/* --- Objects --- */

struct cap ept_create(enum cap_type type, struct paddr base)
{
    return cap_for_object(type, arch_window(base));
}

void ept_cap_finalise(struct cap cap, bool final)
{
    if (!cap_mapped(cap))
        return;
    if (cap_type(cap) != CAP_EPT_PML4) {
        if (final)
            table_unmap(cap);
    } else if (final) {
        asid_remove((unsigned)cap.w1, cap_object(cap));
    } else {
        stop_guests((unsigned)cap.w1); /* it may have been the root that a TCB had */
    }
}
