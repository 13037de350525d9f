/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CR3 and translation caches (SDM vol. 3, 4.10). With PCIDs a core keeps translations of address
 * spaces that it does not run in; asid_cores says on which cores that may be so. Without PCIDs the
 * array is not used: a core holds translations only of the space it runs in.
 */
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/vspace.h"
#include "x86/arch.h"

static uint16_t asid_cores[ASID_COUNT];
_Static_assert(CONFIG_MAX_CORES <= 16, "bits of asid_cores");

struct flush {
    unsigned asid;
    uint64_t address;
};

/* Each runs on the core concerned. With isolation and without PCIDs the kernel's CR3 is loaded now,
 * and user translations have gone with the user's. */
static void flush_page_here(void *arg)
{
    const struct flush *f = arg;
    if (cpu.pcid) {
        asm_invpcid(INVPCID_ADDRESS, f->asid, f->address);
    } else if (!cpu.meltdown) {
        asm_invlpg(f->address);
    }
}

static void flush_asid_here(void *arg)
{
    const struct flush *f = arg;
    if (cpu.pcid) {
        asm_invpcid(INVPCID_CONTEXT, f->asid, 0);
    } else if (!cpu.meltdown) {
        asm_write_cr3(asm_read_cr3());
    }
}

static void use_kernel_space(struct core *core, struct percpu *p)
{
    p->loaded_vspace = cap_null();
    p->loaded_asid = 0;
    if (cpu.meltdown) {
        core->user_cr3 = core->kernel_cr3;
    } else {
        asm_write_cr3(kspace_cr3());
    }
}

static void leave_asid_here(void *arg)
{
    const struct flush *f = arg;
    struct core *core = core_self();
    if (percpu_of(core)->loaded_asid == f->asid) {
        use_kernel_space(core, percpu_of(core));
    }
    if (cpu.pcid) {
        asm_invpcid(INVPCID_CONTEXT, f->asid, 0);
    }
}

/* What a core loaded lately must be looked up again. */
static void forget_recent(unsigned core)
{
    for (unsigned i = 0; i < RECENT_VSPACES; i++) {
        percpus[core].recent[i].vspace = cap_null();
    }
}

/* Runs fn on the cores that are in the address space; the others lose what they kept of it when
 * they load it again. */
static void flush(struct flush *f, void (*fn)(void *arg))
{
    unsigned self = core_self()->id;
    for (unsigned i = 0; i < core_count; i++) {
        if (percpus[i].loaded_asid != f->asid) {
            asid_cores[f->asid] = (uint16_t)(asid_cores[f->asid] & ~BIT(i));
            forget_recent(i);
        } else if (i == self) {
            fn(f);
        } else {
            arch_core_call(i, fn, f, false);
        }
    }
}

void tlb_flush_page(unsigned asid, uint64_t address)
{
    struct flush f = {asid, address};
    flush(&f, flush_page_here);
}

void tlb_flush_asid(unsigned asid)
{
    struct flush f = {asid, 0};
    flush(&f, flush_asid_here);
}

void tlb_forget_asid(unsigned asid)
{
    struct flush f = {asid, 0};
    flush(&f, leave_asid_here);
    asid_cores[asid] = 0;
    for (unsigned i = 0; i < core_count; i++) {
        forget_recent(i);
    }
}

static void load(struct core *core, struct percpu *p, const uint64_t *pml4, unsigned asid)
{
    uint64_t cr3 = arch_paddr(pml4).v;
    p->loaded_asid = asid;
    if (cpu.pcid) {
        uint64_t bit = BIT(core->id);
        bool clean = (asid_cores[asid] & bit) != 0;
        asid_cores[asid] = (uint16_t)(asid_cores[asid] | bit);
        cr3 |= asid;
        if (cpu.meltdown) { /* CR3 is loaded at each exit: always without a flush */
            if (!clean) {
                asm_invpcid(INVPCID_CONTEXT, asid, 0);
            }
            cr3 |= CR3_KEEP;
        } else if (clean) {
            cr3 |= CR3_KEEP;
        }
    }
    if (cpu.meltdown) {
        core->user_cr3 = cr3;
    } else {
        asm_write_cr3(cr3);
        /* As it will be loaded the next time, when translations may be kept. */
        p->recent[asid % RECENT_VSPACES] =
            (struct recent_vspace){p->loaded_vspace, cpu.pcid ? cr3 | CR3_KEEP : cr3};
    }
}

void vspace_switch_to(struct core *core, struct percpu *p, struct tcb *t)
{
    struct cap cap = t->slots[TCB_SLOT_VSPACE].cap;
    unsigned asid = (unsigned)cap.w1;
    const struct recent_vspace *recent = &p->recent[asid % RECENT_VSPACES];
    if (likely(recent->vspace.w0 == cap.w0 && recent->vspace.w1 == cap.w1 && cap.w0 != 0)) {
        p->loaded_vspace = cap;
        p->loaded_asid = asid;
        asm_write_cr3(recent->cr3);
        return;
    }
    if (unlikely(cap_type(cap) != CAP_PML4 || !asid_names(asid, cap_object(cap)))) {
        if (p->loaded_asid != 0 || core->user_cr3 == 0) {
            use_kernel_space(core, p);
        }
        return;
    }
    p->loaded_vspace = cap;
    load(core, p, cap_object(cap), asid);
}
