/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Guest registers that stay in a core after an exit, for as long as no other thread runs there that
 * could see or spoil them: FPU and XCR0, debug registers, TSC_AUX.
 */
#include "x86/arch.h"
#include "x86/vcpu.h"
#include "x86/vendor.h"
#include "x86/percpu.h"
#include "x86/virt.h"
#include "x86/virt_asm.h"

/* What a guest's XSAVE area holds: x87, SSE, AVX, AVX-512, PKRU (SDM vol. 1, 13.1). */
#define XCR0_AVX512   (7ull << 5)
#define XCR0_PKRU     BIT(9)
#define XCR0_POSSIBLE (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)

static uint64_t xcr0_max; /* 0: no XSAVE */

static struct {
    uint64_t tsc_aux;
    uint64_t spec_ctrl;
    const struct vcpu *last; /* guest that trained the branch predictors last */
} host[CONFIG_MAX_CORES];

void vcpu_state_init(void)
{
    if (!cpu.xsave)
        return;
    struct cpuid leaf = asm_cpuid(0xd, 0);
    xcr0_max = ((uint64_t)leaf.edx << 32 | leaf.eax) & XCR0_POSSIBLE;
    /* The standard format's area ends with its last component (SDM vol. 1, 13.4.3). */
    for (unsigned i = 2; i < 64; i++) {
        if (xcr0_max & BIT(i)) {
            struct cpuid part = asm_cpuid(0xd, i);
            if (part.eax + part.ebx > VCPU_XSAVE_SIZE)
                xcr0_max &= ~BIT(i);
        }
    }
    if ((xcr0_max & XCR0_AVX512) != XCR0_AVX512)
        xcr0_max &= ~XCR0_AVX512;
}

void vcpu_state_init_core(unsigned core)
{
    host[core].tsc_aux = cpu.rdtscp ? asm_rdmsr(MSR_TSC_AUX) : 0;
    host[core].spec_ctrl = cpu.spec_ctrl ? asm_rdmsr(MSR_SPEC_CTRL) : 0;
}

uint64_t vcpu_spec_ctrl_allowed(void)
{
    return (cpu.spec_ctrl ? BIT(0) : 0) | (cpu.stibp ? BIT(1) : 0);
}

void vcpu_spec_ctrl_enter(const struct vcpu *v, unsigned core)
{
    if (v->spec_ctrl != host[core].spec_ctrl)
        asm_wrmsr(MSR_SPEC_CTRL, v->spec_ctrl);
}

void vcpu_spec_ctrl_exit(struct vcpu *v, unsigned core)
{
    v->spec_ctrl = asm_rdmsr(MSR_SPEC_CTRL);
    if (v->spec_ctrl != host[core].spec_ctrl)
        asm_wrmsr(MSR_SPEC_CTRL, host[core].spec_ctrl);
}

uint64_t vcpu_cr4_allowed(void)
{
    uint64_t allowed = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE |
                       CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    struct cpuid leaf7 = asm_cpuid(0, 0).eax >= 7 ? asm_cpuid(7, 0) : (struct cpuid){0};
    allowed |= cpu.umip ? CR4_UMIP : 0;
    allowed |= cpu.fsgsbase ? CR4_FSGSBASE : 0;
    allowed |= asm_cpuid(1, 0).ecx & BIT(17) ? CR4_PCIDE : 0;
    allowed |= cpu.xsave ? CR4_OSXSAVE : 0;
    allowed |= cpu.smep ? CR4_SMEP : 0;
    allowed |= cpu.smap ? CR4_SMAP : 0;
    allowed |= leaf7.ecx & BIT(3) ? CR4_PKE : 0;
    allowed |= leaf7.ecx & BIT(16) ? CR4_LA57 : 0;
    return allowed;
}

uint64_t vcpu_max_xcr0(void)
{
    return xcr0_max;
}

bool vcpu_xcr0_valid(uint64_t xcr0)
{
    if (xcr0 & ~xcr0_max)
        return false;
    if (xcr0_max == 0)
        return true;
    if (!(xcr0 & XCR0_X87))
        return false;
    if ((xcr0 & XCR0_AVX) && !(xcr0 & XCR0_SSE))
        return false;
    if ((xcr0 & XCR0_AVX512) && ((xcr0 & XCR0_AVX512) != XCR0_AVX512 || !(xcr0 & XCR0_AVX)))
        return false;
    return true;
}

/* XSAVE's legacy region and header (SDM vol. 1, tables 13-1 and 13.4.2). XSAVE writes a register in
 * its initial state as well, and XRSTOR reads it if XSTATE_BV says so. */
#define XSAVE_XMM       160u
#define XSAVE_XSTATE_BV 512u

uint64_t *vcpu_vector(struct vcpu *v, unsigned half)
{
    return (uint64_t *)vcpu_xsave(v) + XSAVE_XMM / sizeof(uint64_t) + half;
}

void vcpu_vector_written(struct vcpu *v)
{
    if (xcr0_max != 0)
        ((uint64_t *)vcpu_xsave(v))[XSAVE_XSTATE_BV / sizeof(uint64_t)] |= XCR0_SSE;
}

/* All components are switched, also those that XCR0 hides from the guest at the moment. */
static void fpu_save(struct vcpu *v)
{
    uint64_t cr0 = asm_read_cr0();
    if (cr0 & CR0_TS)
        asm_clts();
    if (xcr0_max != 0) {
        /* QEMU's TCG does not intercept XSETBV: what the guest set is in the register. */
        v->xcr0 = xcr0_read();
        if (v->xcr0 != xcr0_max)
            asm_xsetbv(0, xcr0_max);
        fpu_xsave(vcpu_xsave(v), xcr0_max);
        if (cpu.xcr0 != xcr0_max)
            asm_xsetbv(0, cpu.xcr0);
    } else {
        fpu_fxsave(vcpu_xsave(v));
    }
    if (cr0 & CR0_TS)
        asm_write_cr0(cr0);
}

static void fpu_restore(struct vcpu *v)
{
    uint64_t cr0 = asm_read_cr0();
    if (cr0 & CR0_TS)
        asm_clts();
    if (xcr0_max != 0) {
        if (cpu.xcr0 != xcr0_max)
            asm_xsetbv(0, xcr0_max);
        fpu_xrstor(vcpu_xsave(v), xcr0_max);
        if (v->xcr0 != xcr0_max)
            asm_xsetbv(0, v->xcr0);
    } else {
        fpu_fxrstor(vcpu_xsave(v));
    }
    if (cr0 & CR0_TS)
        asm_write_cr0(cr0);
}

void vcpu_load_fpu(struct core *core, struct vcpu *v)
{
    if (core->fpu_owner) {
        arch_fpu_release(core->fpu_owner);
        core->fpu_owner = NULL;
    }
    fpu_restore(v);
    v->fpu_loaded = true;
}

void virt_fpu_release(struct core *core)
{
    struct vcpu *v = core->current_vcpu;
    if (v && v->fpu_loaded) {
        fpu_save(v);
        v->fpu_loaded = false;
    }
}

bool virt_holds_fpu(const struct core *core, const struct tcb *t)
{
    const struct vcpu *v = core->current_vcpu;
    return v && v == t->vcpu && v->fpu_loaded;
}

void vcpu_load(struct core *core, struct vcpu *v)
{
    vcpu_unload(core);
    vcpu_recall(v);
    percpu_of(core)->loaded_all = NULL; /* arch_switch_to has something to do again */
    core->current_vcpu = v;
    v->loaded = core->id + 1;
    dr_write(v->dr);
    if (cpu.rdtscp)
        asm_wrmsr(MSR_TSC_AUX, v->tsc_aux);
    if (cpu.ibpb && host[core->id].last != v)
        asm_wrmsr(MSR_PRED_CMD, 1);
    host[core->id].last = v;
    vendor_load(core->id, v);
}

static void take_tsc_aux(const struct core *core, struct vcpu *v)
{
    if (cpu.rdtscp) {
        v->tsc_aux = asm_rdmsr(MSR_TSC_AUX);
        if (v->tsc_aux != host[core->id].tsc_aux)
            asm_wrmsr(MSR_TSC_AUX, host[core->id].tsc_aux);
    }
}

void vcpu_park(struct core *core, struct vcpu *v)
{
    /* CR0.TS keeps the FPU from other threads, where that also holds in speculation; XCR0 they can
     * read, and it decides which instructions there are. */
    if (v->fpu_loaded && (!cpu.fpu_on_demand || (xcr0_max != 0 && xcr0_read() != cpu.xcr0)))
        virt_fpu_release(core);
    take_tsc_aux(core, v);
    v->parked = true;
}

void vcpu_unpark(struct core *core, struct vcpu *v)
{
    if (cpu.rdtscp && v->tsc_aux != host[core->id].tsc_aux)
        asm_wrmsr(MSR_TSC_AUX, v->tsc_aux);
    v->parked = false;
}

void vcpu_unload(struct core *core)
{
    struct vcpu *v = core->current_vcpu;
    if (!v)
        return;
    virt_fpu_release(core);
    dr_read(v->dr);
    if (!v->parked)
        take_tsc_aux(core, v);
    v->parked = false;
    vendor_unload(v);
    v->loaded = 0;
    core->current_vcpu = NULL;
}

static void unload_here(void *arg)
{
    struct core *core = core_self();
    if (core->current_vcpu == arg)
        vcpu_unload(core);
}

void vcpu_recall(struct vcpu *v)
{
    if (v->loaded == 0)
        return;
    if (v->loaded == core_self()->id + 1)
        unload_here(v);
    else
        arch_core_call(v->loaded - 1, unload_here, v, false);
}

void vcpu_state_forget(const struct vcpu *v)
{
    for (unsigned i = 0; i < core_count; i++) {
        if (host[i].last == v)
            host[i].last = NULL;
    }
}
