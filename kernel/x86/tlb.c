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
    p->loaded_asid = 0;
    core->user_cr3 = cpu.meltdown ? core->kernel_cr3 : kspace_cr3();
    if (!cpu.meltdown) {
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

/* Keys are different on all cores: a thread that moves has none. */
static void forget_loadable(unsigned core)
{
    cores[core].space_key += CONFIG_MAX_CORES;
    percpus[core].loaded_all = NULL;
}

void vspace_forget_loadable(void)
{
    for (unsigned i = 0; i < core_count; i++) {
        forget_loadable(i);
    }
}

/* Runs fn on the cores that are in the address space; the others lose what they kept of it when
 * they load it again. */
static void flush(struct flush *f, void (*fn)(void *arg))
{
    unsigned self = core_self()->id;
    for (unsigned i = 0; i < core_count; i++) {
        if (percpus[i].loaded_asid != f->asid) {
            if (asid_cores[f->asid] & BIT(i)) {
                asid_cores[f->asid] = (uint16_t)(asid_cores[f->asid] & ~BIT(i));
                forget_loadable(i);
            }
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
    vspace_forget_loadable();
}

/* CR3 is loaded without a flush, always: what the core may still hold of an earlier time goes now.
 */
static uint64_t tagged(struct core *core, uint64_t cr3, unsigned asid)
{
    if (!cpu.pcid) {
        return cr3;
    }
    if (!(asid_cores[asid] & BIT(core->id))) {
        asm_invpcid(INVPCID_CONTEXT, asid, 0);
        asid_cores[asid] = (uint16_t)(asid_cores[asid] | BIT(core->id));
    }
    return cr3 | asid | CR3_KEEP;
}

void vspace_look_up(struct core *core, struct tcb *t)
{
    struct cap cap = t->slots[TCB_SLOT_VSPACE].cap;
    unsigned asid = (unsigned)cap.w1;

    t->space.key = core->space_key;
    if (likely(cap_type(cap) == CAP_PML4 && asid_names(asid, cap_object(cap)))) {
        t->space.asid = asid;
        t->space.cr3 = tagged(core, arch_paddr(cap_object(cap)).v, asid);
    } else {
        t->space.asid = 0;
        t->space.cr3 = cpu.meltdown ? core->kernel_cr3 : kspace_cr3();
    }
}
