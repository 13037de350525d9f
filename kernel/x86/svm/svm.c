/* SPDX-License-Identifier: BSD-2-Clause
 *
 * AMD-V (AMD APM vol. 2, chapter 15): detection, VMCBs, and the loop that runs a guest.
 */
#include "x86/svm/svm.h"
#include "x86/arch.h"
#include "x86/svm/svm_core.h"
#include "x86/virt_asm.h"

struct svm_capabilities svm_has;

#define VM_CR_SVMDIS BIT(4)

/* CPUID 8000000A EDX (APM vol. 3, E.4.9). */
#define FEATURE_NESTED_PAGING  BIT(0)
#define FEATURE_NRIPS          BIT(3)
#define FEATURE_TSC_RATIO      BIT(4)
#define FEATURE_DECODE_ASSISTS BIT(7)

/* What exits whether the VMM wants it or not: what would reach the host, its caches and counters,
 * other guests or the secure loader; and what cannot be run in a guest. CPUID, as on VT-x. */
#define MISC1_FORCED                                                                            \
    (MISC1_INTR | MISC1_NMI | MISC1_INIT | MISC1_RDPMC | MISC1_CPUID | MISC1_RSM | MISC1_INVD | \
     MISC1_INVLPGA | MISC1_IOIO | MISC1_MSR | MISC1_TASK_SWITCH | MISC1_FERR_FREEZE |           \
     MISC1_SHUTDOWN)
#define MISC2_FORCED                                                                       \
    (MISC2_VMRUN | MISC2_VMMCALL | MISC2_VMLOAD | MISC2_VMSAVE | MISC2_STGI | MISC2_CLGI | \
     MISC2_SKINIT | MISC2_WBINVD | MISC2_MONITOR | MISC2_MWAIT | MISC2_MWAIT_ARMED |       \
     MISC2_XSETBV | MISC2_RDPRU)
#define MISC3_FORCED (MISC3_INVLPGB | MISC3_INVLPGB_ILLEGAL | MISC3_MCOMMIT | MISC3_TLBSYNC)
/* #DB and #AC: see svm_handle_exit. #MC is the host's. */
#define EXCEPTIONS_FORCED (BIT(1) | BIT(17) | BIT(18))

#define PAT_RESET 0x0007040600070406ull
#define DR6_RESET 0xffff0ff0ull
#define DR7_RESET 0x400ull

/* One map for all: every port exits (APM 15.10.1). Bits past port 0xffff are for accesses that
 * reach beyond it. */
static _Alignas(PAGE_SIZE) uint8_t io_map[3 * PAGE_SIZE];

static struct svm_core svm_cores[CONFIG_MAX_CORES];
static _Alignas(PAGE_SIZE) uint8_t host_save_areas[CONFIG_MAX_CORES][PAGE_SIZE];
static _Alignas(PAGE_SIZE) struct vmcb host_blocks[CONFIG_MAX_CORES];

static uint64_t image_paddr(const void *p)
{
    return (uint64_t)(uintptr_t)p - KERNEL_BASE;
}

/* --- Boot --- */

bool svm_is_available(void)
{
    if (!cpu.svm || asm_cpuid(0x80000000, 0).eax < 0x8000000a)
        return false;
    struct cpuid leaf = asm_cpuid(0x8000000a, 0);
    if (!(leaf.edx & FEATURE_NESTED_PAGING) || leaf.ebx < 2)
        return false;
    if (asm_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
        return false;

    struct cpuid extended = asm_cpuid(0x80000001, 0);
    svm_has = (struct svm_capabilities){
        .asids = leaf.ebx,
        .next_rip = (leaf.edx & FEATURE_NRIPS) != 0,
        .decode_assists = (leaf.edx & FEATURE_DECODE_ASSISTS) != 0,
        .tsc_ratio = (leaf.edx & FEATURE_TSC_RATIO) != 0,
        .reports_more = (leaf.edx & (FEATURE_NRIPS | FEATURE_DECODE_ASSISTS)) != 0,
        .cr4_allowed = vcpu_cr4_allowed(),
        .efer_allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE |
                        (extended.edx & BIT(25) ? EFER_FFXSR : 0) |
                        (extended.ecx & BIT(17) ? EFER_TCE : 0),
        .spec_ctrl_allowed = vcpu_spec_ctrl_allowed(),
    };
    map_deny_all(io_map, sizeof(io_map));
    return true;
}

void svm_init_core(unsigned core)
{
    asm_wrmsr(MSR_EFER, asm_rdmsr(MSR_EFER) | EFER_SVME);
    asm_wrmsr(MSR_VM_HSAVE_PA, image_paddr(host_save_areas[core]));
    svm_cores[core] = (struct svm_core){
        .host_block = image_paddr(&host_blocks[core]),
        .next_asid = 1,
        .generation = 1,
        .flush_all = true,
    };
}

uint64_t svm_features(void)
{
    return QUOIN_FEATURE_SVM | QUOIN_FEATURE_UNRESTRICTED |
           (cpu.page_1g ? QUOIN_FEATURE_EPT_1G : 0) | (svm_has.next_rip ? QUOIN_FEATURE_NRIPS : 0) |
           (svm_has.decode_assists ? QUOIN_FEATURE_DECODE : 0) |
           (svm_has.tsc_ratio ? QUOIN_FEATURE_TSC_SCALING : 0);
}

/* --- Objects --- */

void svm_update_intercepts(struct vcpu *v)
{
    struct vmcb *b = svm_block(v);
    bool window = (v->controls & CONTROL_INTERRUPT_WINDOW) != 0 && !v->virtual_interrupt;
    uint32_t misc1 = v->intercepts[INTERCEPT_MISC1] & ~(MISC1_VINTR | MISC1_HLT);
    misc1 |= MISC1_FORCED;
    misc1 |= window ? MISC1_VINTR : 0;
    misc1 |= v->controls & CONTROL_HLT ? MISC1_HLT : 0;
    misc1 |= v->nmi_blocked ? MISC1_IRET : 0;
    b->intercept_cr = v->intercepts[INTERCEPT_CR];
    b->intercept_dr = v->intercepts[INTERCEPT_DR];
    b->intercept_exceptions = v->exceptions | EXCEPTIONS_FORCED;
    b->intercept_misc1 = misc1;
    b->intercept_misc2 = v->intercepts[INTERCEPT_MISC2] | MISC2_FORCED;
    b->intercept_misc3 = MISC3_FORCED;
    /* An interrupt window is a virtual interrupt that exits when it could be taken (APM 15.21.4).
     */
    if (!v->virtual_interrupt)
        b->interrupt_control = (b->interrupt_control & VINTR_TPR) | VINTR_MASKING;
    if (window)
        b->interrupt_control |= VINTR_IRQ | VINTR_PRIORITY | VINTR_IGNORE_TPR;
}

void svm_drop_virtual_interrupt(struct vcpu *v)
{
    v->virtual_interrupt = false;
    svm_update_intercepts(v);
}

static struct vmcb_segment reset_segment(uint16_t attributes)
{
    return (struct vmcb_segment){.attributes = attributes, .limit = 0xffff};
}

void svm_reset_state(struct vcpu *v)
{
    struct vmcb *b = svm_block(v);
    memory_clear(&b->es, sizeof(*b) - offsetof(struct vmcb, es));
    b->efer = EFER_SVME;
    b->cr0 = CR0_ET | CR0_CD | CR0_NW;
    b->rflags = 2;
    b->dr6 = DR6_RESET;
    b->dr7 = DR7_RESET;
    b->pat = PAT_RESET;
    b->cs = reset_segment(0x9b);
    b->ds = b->es = b->fs = b->gs = b->ss = reset_segment(0x93);
    b->ldtr = reset_segment(0x82);
    b->tr = reset_segment(0x8b);
    b->gdtr.limit = b->idtr.limit = 0xffff;
    v->proven_cr0 = CR0_UNPROVEN;
}

void svm_create(struct vcpu *v)
{
    struct vmcb *b = svm_block(v);
    map_deny_all(vcpu_msr_map(v), 2 * PAGE_SIZE);
    b->iopm_base = image_paddr(io_map);
    b->msrpm_base = arch_paddr(vcpu_msr_map(v)).v;
    b->nested_control = 1;
    b->asid = 1;
    svm_reset_state(v);
    v->tsc_ratio = 1ull << 32;
    svm_update_intercepts(v);
}

/* A new ASID has no translations: that is how a guest's are flushed. When all are used up, all of
 * them are flushed and given out anew (APM 15.16). */
static void assign_asid(unsigned core, struct vcpu *v)
{
    struct svm_core *c = &svm_cores[core];
    if (c->next_asid == svm_has.asids) {
        c->next_asid = 1;
        c->generation++;
        c->flush_all = true;
    }
    svm_block(v)->asid = c->next_asid++;
    v->asid_core = core + 1;
    v->asid_generation = c->generation;
}

void svm_load(unsigned core, struct vcpu *v)
{
    if (v->asid_core != core + 1 || v->asid_generation != svm_cores[core].generation)
        assign_asid(core, v);
    if (svm_has.tsc_ratio)
        asm_wrmsr(MSR_TSC_RATIO, v->tsc_ratio);
}

/* VMRUN and VMSAVE keep all of a guest's state in memory. */
void svm_unload(struct vcpu *v)
{
    (void)v;
}

void svm_set_root(unsigned core, struct vcpu *v, struct paddr root, bool flush)
{
    struct vmcb *b = svm_block(v);
    if (flush || b->nested_cr3 != root.v)
        assign_asid(core, v);
    b->nested_cr3 = root.v;
}

/* --- Entry --- */

bool svm_check(struct vcpu *v, struct vm_entry *e)
{
    (void)v;
    e->controls &= CONTROL_INTERRUPT_WINDOW | CONTROL_HLT | CONTROL_NMI_WINDOW;
    if (likely((e->flags & ~(uint64_t)QUOIN_VMENTER_GPRS) == 0))
        return true;
    if (e->flags & QUOIN_VMENTER_RFLAGS)
        e->rflags = svm_fit_rflags(e->rflags);
    if ((e->flags & QUOIN_VMENTER_INTERRUPTIBILITY) &&
        (e->interruptibility & ~(uint64_t)(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS | BLOCKED_BY_NMI)))
        return false;
    if ((e->flags & QUOIN_VMENTER_CR0) && !svm_fit_cr0(&e->cr0))
        return false;
    if ((e->flags & QUOIN_VMENTER_CR4) && !svm_fit_cr4(&e->cr4))
        return false;
    if ((e->flags & QUOIN_VMENTER_CR3) && e->cr3 >> 52 != 0)
        return false;
    return !(e->flags & QUOIN_VMENTER_EFER) || svm_fit_efer(&e->efer);
}

/*
 * An external interrupt is made a virtual interrupt (APM 15.21.4), not an injected event. The guest
 * takes it as soon as it can; an exit before that brings it back as one whose delivery was cut
 * short. (QEMU's TCG, at least from 7.2 to 10.0, may deliver an injected external interrupt a
 * second time when another core kicks this one.) A window needs the virtual interrupt for itself.
 */
static bool inject_virtual(struct vcpu *v, struct vmcb *b, uint32_t vector)
{
    if (v->controls & CONTROL_INTERRUPT_WINDOW)
        return false;
    b->interrupt_control = (b->interrupt_control & VINTR_TPR) | VINTR_MASKING | VINTR_IRQ |
                           VINTR_PRIORITY | VINTR_IGNORE_TPR |
                           (uint64_t)vector << VINTR_VECTOR_SHIFT;
    v->virtual_interrupt = true;
    return true;
}

static void inject(struct vcpu *v, struct vmcb *b, const struct vm_entry *e)
{
    unsigned type = e->info >> EVENT_TYPE_SHIFT & EVENT_TYPE_MASK;
    if (type == EVENT_EXTERNAL && inject_virtual(v, b, e->info & EVENT_VECTOR))
        return;
    b->event_injection = svm_event_from_vmx(e->info, e->error_code);
    if (type == EVENT_NMI && !v->nmi_blocked) {
        v->nmi_blocked = true;
        svm_update_intercepts(v);
    }
    if (type >= EVENT_SOFTWARE_INTERRUPT) {
        v->soft_event = true;
        v->soft_rip = e->rip;
        b->rip = e->rip + e->length;
        b->next_rip = b->rip;
    }
}

void svm_interrupt(struct vcpu *v, uint32_t vector)
{
    struct vmcb *b = svm_block(v);
    v->soft_event = false;
    b->event_injection = 0;
    if (unlikely(v->virtual_interrupt))
        svm_drop_virtual_interrupt(v);
    if (!inject_virtual(v, b, vector))
        b->event_injection = svm_event_from_vmx(EVENT_VALID | vector, 0);
}

void svm_apply(struct vcpu *v, const struct vm_entry *e)
{
    struct vmcb *b = svm_block(v);
    uint64_t flags = e->flags;
    b->rip = e->rip;
    if (flags & ~(uint64_t)(QUOIN_VMENTER_GPRS | QUOIN_VMENTER_RAX_TO_RDX)) {
        if (flags & QUOIN_VMENTER_RFLAGS)
            b->rflags = e->rflags;
        if (flags & QUOIN_VMENTER_INTERRUPTIBILITY)
            svm_set_interruptibility(v, e->interruptibility);
        if (flags & QUOIN_VMENTER_RSP)
            b->rsp = e->rsp;
        if (flags & QUOIN_VMENTER_CR0)
            b->cr0 = e->cr0;
        if (flags & QUOIN_VMENTER_CR3)
            b->cr3 = e->cr3;
        if (flags & QUOIN_VMENTER_CR4)
            b->cr4 = e->cr4;
        if (flags & QUOIN_VMENTER_EFER)
            b->efer = e->efer | EFER_SVME;
        /* The rest is no part of the proof, and TCG lets a guest set CR4 bits that it would not
         * pass. */
        if (flags &
            (QUOIN_VMENTER_CR0 | QUOIN_VMENTER_CR3 | QUOIN_VMENTER_CR4 | QUOIN_VMENTER_EFER))
            v->proven_cr0 = CR0_UNPROVEN;
    }
    if (e->controls != v->controls) {
        v->controls = e->controls;
        svm_update_intercepts(v);
    }
    v->soft_event = false;
    b->event_injection = 0;
    if (unlikely(v->virtual_interrupt))
        svm_drop_virtual_interrupt(v);
    if (e->info & EVENT_VALID)
        inject(v, b, e);
}

void svm_unblock(struct vcpu *v)
{
    svm_set_interruptibility(v, 0);
}

/* --- Running --- */

enum vm_stop svm_run(unsigned core, struct vcpu *v, unsigned *vector)
{
    struct vmcb *b = svm_block(v);
    struct svm_core *c = &svm_cores[core];
    *vector = 0;
    if (unlikely(v->controls & CONTROL_NMI_WINDOW) && !v->nmi_blocked && !b->event_injection) {
        svm_exit_before_entry(v, SVM_EXIT_IRET); /* the window is open already */
        return VM_STOP_EXIT;
    }
    for (;;) {
        /* TCG lets a guest set any CR0. */
        if (unlikely(b->cr0 != v->proven_cr0) && !svm_prove_state(v))
            return VM_STOP_EXIT;
        b->rax = v->gpr[GPR_RAX];
        if (unlikely(c->flush_all))
            b->tlb_control = TLB_FLUSH_ALL;
        if (unlikely(v->spec_ctrl_used))
            vcpu_spec_ctrl_enter(v, core);
        svm_enter(v, v->block.v, c->host_block);
        if (unlikely(v->spec_ctrl_used))
            vcpu_spec_ctrl_exit(v, core);
        if (unlikely(c->flush_all)) {
            c->flush_all = false;
            b->tlb_control = TLB_KEEP;
        }
        v->gpr[GPR_RAX] = b->rax;
        svm_requeue_event(v);
        if (likely(b->exit_code > SVM_EXIT_IOIO && b->exit_code <= SVM_EXIT_NPF))
            return VM_STOP_EXIT;
        if (unlikely(svm_state_is_of_host(b))) {
            svm_reset_state(v);
            v->gpr[GPR_RAX] = 0;
        }
        if (b->exit_code >= SVM_EXIT_INTR && b->exit_code <= SVM_EXIT_INIT)
            return VM_STOP_INTERRUPT;
        if (!svm_handle_exit(v))
            return VM_STOP_EXIT;
    }
}
