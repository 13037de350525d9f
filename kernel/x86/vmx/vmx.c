/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VT-x (SDM vol. 3, chapters 24 to 32): detection, VMCSs, and the loop that runs a guest.
 */
#include "x86/vmx/vmx.h"
#include "x86/arch.h"
#include "x86/virt.h"
#include "x86/virt_asm.h"
#include "x86/vmx/host.h"

struct vmx_capabilities vmx_has;

/* Capability MSRs (SDM vol. 3, appendix A). */
enum {
    MSR_VMX_BASIC = 0x480,
    MSR_VMX_PIN = 0x481,
    MSR_VMX_PRIMARY = 0x482,
    MSR_VMX_EXIT = 0x483,
    MSR_VMX_ENTRY = 0x484,
    MSR_VMX_MISC = 0x485,
    MSR_VMX_CR0_FIXED0 = 0x486,
    MSR_VMX_CR0_FIXED1 = 0x487,
    MSR_VMX_CR4_FIXED0 = 0x488,
    MSR_VMX_CR4_FIXED1 = 0x489,
    MSR_VMX_SECONDARY = 0x48b,
    MSR_VMX_EPT_VPID = 0x48c,
    MSR_VMX_TRUE_PIN = 0x48d, /* and primary, exit, entry behind it */
};

#define FEATURE_CONTROL_LOCKED BIT(0)
#define FEATURE_CONTROL_VMX    BIT(2) /* outside SMX */

/* Controls (SDM vol. 3, 25.6 to 25.8): what the kernel must have, what it wants where it exists,
 * and what a VMM may choose. All else is off. Wanted and needed are the exits of what would reach
 * the host: CR8 is the host's own task priority here; WBINVD, RDPMC, MWAIT as on AMD-V. */
#define PIN_NEEDED (BIT(0) /* interrupts */ | BIT(3) /* NMIs */ | BIT(5) /* virtual NMIs */)
#define PIN_CHOICE (BIT(6) /* preemption timer */)
#define PRIMARY_NEEDED                                                                         \
    (BIT(3) /* TSC offset */ | BIT(10) /* MWAIT */ | BIT(11) /* RDPMC */ | BIT(19) /* CR8 */ | \
     BIT(20) | BIT(24) /* ports */ | BIT(28) /* MSR bitmap */ | BIT(29) /* MONITOR */ |        \
     BIT(31) /* secondary */)
#define PRIMARY_CHOICE                                                              \
    (BIT(2) /* interrupt window */ | BIT(7) /* HLT */ | BIT(9) /* INVLPG */ |       \
     BIT(12) /* RDTSC */ | BIT(15) /* CR3 */ | BIT(16) | BIT(22) /* NMI window */ | \
     BIT(23) /* MOV DR */ | BIT(27) /* monitor trap */ | BIT(30) /* PAUSE */)
#define SECONDARY_NEEDED    (BIT(1) /* EPT */ | BIT(7) /* unrestricted guest */)
#define SECONDARY_VPID      BIT(5)
#define SECONDARY_TSC_SCALE BIT(25)
#define SECONDARY_ENCLS     BIT(15)
#define SECONDARY_WANTED                                                \
    (BIT(3) /* RDTSCP works */ | SECONDARY_VPID | BIT(6) /* WBINVD */ | \
     BIT(12) /* INVPCID works */ | SECONDARY_ENCLS | SECONDARY_TSC_SCALE)
#define SECONDARY_CHOICE \
    (BIT(2) /* descriptor tables */ | BIT(11) /* RDRAND */ | BIT(16) /* RDSEED */)
#define EXIT_NEEDED                                                                               \
    (BIT(2) /* save debug controls */ | BIT(9) /* 64-bit host */ | BIT(18) /* PAT, both ways */ | \
     BIT(19) | BIT(20) /* EFER, both ways */ | BIT(21))
#define EXIT_ACK_INTERRUPT BIT(15)
#define EXIT_CHOICE        BIT(22) /* save preemption timer */
#define ENTRY_NEEDED       (BIT(2) /* debug controls */ | BIT(14) /* PAT */ | BIT(15) /* EFER */)
#define ENTRY_CHOICE       ENTRY_LONG_MODE

/* EPT and VPID (SDM vol. 3, A.10). */
#define EPT_NEEDED \
    (BIT(6) /* four levels */ | BIT(14) /* write-back */ | BIT(16) /* 2 MiB */ | BIT(20) | BIT(26))
#define EPT_HUGE    BIT(17)
#define EPT_SINGLE  BIT(25)
#define VPID_NEEDED (BIT(32) | BIT(42))
#define EPTP_FLAGS  (6ull /* write-back */ | 3ull << 3 /* four levels */)

#define VMCS_ENCLS_BITMAP 0x202e
#define PAT_RESET         0x0007040600070406ull
#define DR6_RESET         0xffff0ff0ull
#define RFLAGS_RESET      2

static _Alignas(PAGE_SIZE) uint32_t vmxon_regions[CONFIG_MAX_CORES][PAGE_SIZE / 4];

/* VPIDs of a core, given out and taken back as AMD-V's ASIDs are. */
static struct {
    uint32_t next, generation;
} tags[CONFIG_MAX_CORES];
enum { VPID_COUNT = 0x10000 };

/* --- Boot --- */

static bool control_init(struct vmx_control *c, unsigned msr, uint64_t needed, uint64_t wanted,
                         uint64_t choice)
{
    uint64_t capability = asm_rdmsr(msr);
    uint32_t must = (uint32_t)capability, may = (uint32_t)(capability >> 32);
    c->forced = must | (uint32_t)(needed | wanted);
    c->forced &= may;
    c->allowed = (uint32_t)choice & may & ~c->forced;
    return ((uint32_t)needed & ~may) == 0;
}

static bool find_controls(void)
{
    bool exact = (asm_rdmsr(MSR_VMX_BASIC) & BIT(55)) != 0;
    unsigned first = exact ? MSR_VMX_TRUE_PIN : MSR_VMX_PIN;
    return control_init(&vmx_has.pin, first, PIN_NEEDED, 0, PIN_CHOICE) &&
           control_init(&vmx_has.primary, first + 1, PRIMARY_NEEDED, 0, PRIMARY_CHOICE) &&
           control_init(&vmx_has.exit, first + 2, EXIT_NEEDED, EXIT_ACK_INTERRUPT, EXIT_CHOICE) &&
           control_init(&vmx_has.entry, first + 3, ENTRY_NEEDED, 0, ENTRY_CHOICE) &&
           control_init(&vmx_has.secondary, MSR_VMX_SECONDARY, SECONDARY_NEEDED, SECONDARY_WANTED,
                        SECONDARY_CHOICE);
}

bool vmx_is_available(void)
{
    if (!cpu.vmx)
        return false;
    uint64_t control = asm_rdmsr(MSR_FEATURE_CONTROL);
    if ((control & FEATURE_CONTROL_LOCKED) && !(control & FEATURE_CONTROL_VMX))
        return false;
    if (!find_controls())
        return false;
    uint64_t ept = asm_rdmsr(MSR_VMX_EPT_VPID);
    if ((ept & EPT_NEEDED) != EPT_NEEDED)
        return false;
    if ((ept & VPID_NEEDED) != VPID_NEEDED)
        vmx_has.secondary.forced &= (uint32_t)~SECONDARY_VPID;

    vmx_has.revision = (uint32_t)asm_rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
    vmx_has.cr0_fixed0 = asm_rdmsr(MSR_VMX_CR0_FIXED0) & ~(uint64_t)(CR0_PE | CR0_PG);
    vmx_has.cr0_fixed1 = asm_rdmsr(MSR_VMX_CR0_FIXED1);
    vmx_has.cr4_fixed0 = asm_rdmsr(MSR_VMX_CR4_FIXED0);
    vmx_has.cr4_fixed1 = asm_rdmsr(MSR_VMX_CR4_FIXED1);
    vmx_has.cr4_allowed = vcpu_cr4_allowed();
    vmx_has.ack_interrupt = (vmx_has.exit.forced & EXIT_ACK_INTERRUPT) != 0;
    vmx_has.vpid = (vmx_has.secondary.forced & SECONDARY_VPID) != 0;
    vmx_has.tsc_scaling = (vmx_has.secondary.forced & SECONDARY_TSC_SCALE) != 0;
    vmx_has.invept_single = (ept & EPT_SINGLE) != 0;
    vmx_has.huge_frames = (ept & EPT_HUGE) != 0;
    /* L1 terminal fault: a processor without RDCL_NO that can flush its L1 data cache. */
    vmx_has.flush_l1d = cpu.meltdown && cpu.l1d_flush;
    return true;
}

uint64_t vmx_misc(void)
{
    return asm_rdmsr(MSR_VMX_MISC);
}

void vmx_init_core(unsigned core)
{
    uint64_t control = asm_rdmsr(MSR_FEATURE_CONTROL);
    if (!(control & FEATURE_CONTROL_LOCKED))
        asm_wrmsr(MSR_FEATURE_CONTROL, control | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
    asm_write_cr4(asm_read_cr4() | CR4_VMXE);
    vmxon_regions[core][0] = vmx_has.revision;
    vmx_on((struct paddr){(uint64_t)(uintptr_t)vmxon_regions[core] - KERNEL_BASE});
    invept(INVEPT_ALL, 0);
    if (vmx_has.vpid)
        invvpid(INVVPID_ALL);
    tags[core].next = 1;
    tags[core].generation = 1;
    vmx_host_init(core);
}

uint64_t vmx_features(void)
{
    return QUOIN_FEATURE_VMX | QUOIN_FEATURE_UNRESTRICTED |
           (vmx_has.huge_frames ? QUOIN_FEATURE_EPT_1G : 0) |
           (vmx_has.tsc_scaling ? QUOIN_FEATURE_TSC_SCALING : 0);
}

/* --- Objects --- */

void vmx_create(struct vcpu *v)
{
    *(uint32_t *)vcpu_block(v) = vmx_has.revision;
    map_deny_all(vcpu_msr_map(v), PAGE_SIZE);
    v->dr6 = DR6_RESET;
    v->controls = vmx_fit_control(&vmx_has.primary, CONTROL_HLT);
    v->tsc_ratio = 1ull << 48;
    vmcs_clear(v->block);
}

static void write_segment(unsigned i, uint32_t rights)
{
    vmwrite(VMCS_GUEST_ES_SELECTOR + 2 * i, 0);
    vmwrite(VMCS_GUEST_ES_LIMIT + 2 * i, 0xffff);
    vmwrite(VMCS_GUEST_ES_RIGHTS + 2 * i, rights);
    vmwrite(VMCS_GUEST_ES_BASE + 2 * i, 0);
}

/* Registers as after INIT (SDM vol. 3, table 10-1), but for CS:RIP, which the VMM sets anyway. */
static void write_guest(struct vcpu *v)
{
    for (unsigned i = 0; i < 6; i++)
        write_segment(i, i == 1 ? 0x9b : 0x93);
    write_segment(6, 0x82); /* LDTR */
    write_segment(7, 0x8b); /* TR */
    vmwrite(VMCS_GUEST_GDTR_LIMIT, 0xffff);
    vmwrite(VMCS_GUEST_IDTR_LIMIT, 0xffff);
    vmwrite(VMCS_GUEST_GDTR_BASE, 0);
    vmwrite(VMCS_GUEST_IDTR_BASE, 0);
    vmwrite(VMCS_GUEST_CR3, 0);
    vmwrite(VMCS_GUEST_DR7, 0x400);
    vmwrite(VMCS_GUEST_RSP, 0);
    vmwrite(VMCS_GUEST_RIP, 0);
    vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESET);
    vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
    vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
    vmwrite(VMCS_GUEST_ACTIVITY, 0);
    vmwrite(VMCS_GUEST_SYSENTER_CS, 0);
    vmwrite(VMCS_GUEST_SYSENTER_ESP, 0);
    vmwrite(VMCS_GUEST_SYSENTER_EIP, 0);
    vmwrite(VMCS_GUEST_DEBUGCTL, 0);
    vmwrite(VMCS_GUEST_PAT, PAT_RESET);
    vmwrite(VMCS_LINK_POINTER, UINT64_MAX);
    vmx_write_efer(0);
    vmx_set_cr0(v, CR0_ET);
    vmx_set_cr4(v, 0);
}

static void write_controls(struct vcpu *v)
{
    vmwrite(VMCS_PIN_CONTROLS, vmx_has.pin.forced);
    vmwrite(VMCS_SECONDARY_CONTROLS, vmx_has.secondary.forced);
    vmwrite(VMCS_EXIT_CONTROLS, vmx_has.exit.forced);
    vmwrite(VMCS_ENTRY_CONTROLS, vmx_has.entry.forced);
    vmx_write_primary(v);
    vmx_write_exceptions(v);
    vmx_write_cr_masks(v);
    vmwrite(VMCS_MSR_BITMAP, arch_paddr(vcpu_msr_map(v)).v);
    vmwrite(VMCS_TSC_OFFSET, 0);
    vmwrite(VMCS_PF_ERROR_MASK, 0);
    vmwrite(VMCS_PF_ERROR_MATCH, 0);
    vmwrite(VMCS_CR3_TARGET_COUNT, 0);
    vmwrite(VMCS_EXIT_MSR_STORE_COUNT, 0);
    vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, 0);
    vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
    vmwrite(VMCS_ENTRY_INFO, 0);
    vmwrite(VMCS_ENTRY_ERROR_CODE, 0);
    vmwrite(VMCS_ENTRY_INSTRUCTION_LEN, 0);
    if (vmx_has.secondary.forced & SECONDARY_ENCLS)
        vmwrite(VMCS_ENCLS_BITMAP, UINT64_MAX);
    if (vmx_has.tsc_scaling)
        vmwrite(VMCS_TSC_MULTIPLIER, v->tsc_ratio);
}

static void assign_vpid(unsigned core, struct vcpu *v)
{
    if (!vmx_has.vpid)
        return;
    if (tags[core].next == VPID_COUNT) {
        tags[core].next = 1;
        tags[core].generation++;
        invvpid(INVVPID_ALL);
    }
    v->tag_core = core + 1;
    v->tag_generation = tags[core].generation;
    vmwrite(VMCS_VPID, tags[core].next++);
}

void vmx_load(unsigned core, struct vcpu *v)
{
    vmcs_load(v->block);
    if (!v->initialised) {
        write_controls(v);
        write_guest(v);
        v->initialised = true;
    }
    vmx_host_load(core, v);
    dr6_write(v->dr6);
    if (v->tag_core != core + 1 || v->tag_generation != tags[core].generation)
        assign_vpid(core, v);
}

void vmx_unload(struct vcpu *v)
{
    v->dr6 = dr6_read();
    vmcs_clear(v->block);
    v->launched = 0;
}

void vmx_set_root(unsigned core, struct vcpu *v, struct paddr root, bool flush)
{
    uint64_t eptp = root.v | EPTP_FLAGS;
    (void)core;
    (void)v;
    vmwrite(VMCS_EPTP, eptp);
    if (flush)
        invept(vmx_has.invept_single ? INVEPT_SINGLE : INVEPT_ALL, eptp);
}

/* --- Entry --- */

bool vmx_check(struct vcpu *v, struct vm_entry *e)
{
    (void)v;
    e->controls = vmx_fit_control(&vmx_has.primary, e->controls);
    if (likely((e->flags & ~(uint64_t)QUOIN_VMENTER_GPRS) == 0))
        return true;
    if (e->flags & QUOIN_VMENTER_RFLAGS)
        e->rflags = (e->rflags & 0x3f7fd7) | 2; /* reserved bits: SDM vol. 1, figure 3-8 */
    if ((e->flags & QUOIN_VMENTER_INTERRUPTIBILITY) &&
        (e->interruptibility & ~(uint64_t)(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS | BLOCKED_BY_NMI)))
        return false;
    return true;
}

void vmx_apply(struct vcpu *v, const struct vm_entry *e)
{
    uint64_t flags = e->flags;
    vmwrite(VMCS_GUEST_RIP, e->rip);
    if (flags & ~(uint64_t)QUOIN_VMENTER_GPRS) {
        if (flags & QUOIN_VMENTER_RFLAGS)
            vmwrite(VMCS_GUEST_RFLAGS, e->rflags);
        if (flags & QUOIN_VMENTER_INTERRUPTIBILITY)
            vmwrite(VMCS_GUEST_INTERRUPTIBILITY, e->interruptibility);
        if (flags & QUOIN_VMENTER_RSP)
            vmwrite(VMCS_GUEST_RSP, e->rsp);
        if (flags & QUOIN_VMENTER_CR0)
            vmx_set_cr0(v, e->cr0);
        if (flags & QUOIN_VMENTER_CR3)
            vmwrite(VMCS_GUEST_CR3, e->cr3);
        if (flags & QUOIN_VMENTER_CR4)
            vmx_set_cr4(v, e->cr4);
        if (flags & QUOIN_VMENTER_EFER)
            vmx_write_efer(e->efer);
    }
    if (e->controls != v->controls) {
        v->controls = e->controls;
        vmx_write_primary(v);
    }
    if (e->info & EVENT_VALID) {
        vmwrite(VMCS_ENTRY_INFO, e->info);
        vmwrite(VMCS_ENTRY_ERROR_CODE, e->error_code);
        vmwrite(VMCS_ENTRY_INSTRUCTION_LEN, e->length);
        v->event_queued = true;
    } else if (v->event_queued) {
        vmwrite(VMCS_ENTRY_INFO, 0);
        v->event_queued = false;
    }
}

void vmx_interrupt(struct vcpu *v, uint32_t vector)
{
    vmwrite(VMCS_ENTRY_INFO, EVENT_VALID | vector);
    v->event_queued = true;
}

void vmx_set_rip(struct vcpu *v, uint64_t rip)
{
    (void)v;
    vmwrite(VMCS_GUEST_RIP, rip);
}

void vmx_unblock(struct vcpu *v)
{
    (void)v;
    vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
}

/* --- Running --- */

/* An NMI that ended the guest is the host's: its handler runs now (the processor blocks further
 * ones until its IRET). */
static void deliver_nmi(void)
{
    __asm__ volatile("int $2" : : : "memory");
}

/* The guest-state area is as it was (SDM vol. 3, 27.8), and the event is still to be delivered. */
static enum vm_stop failed(struct vcpu *v, uint32_t reason)
{
    v->exit_reason = reason;
    v->vectoring_info = v->event_queued ? (uint32_t)vmread(VMCS_ENTRY_INFO) : 0;
    v->event_queued = true; /* whatever stands there: the report takes it out */
    return VM_STOP_EXIT;
}

enum vm_stop vmx_run(unsigned core, struct vcpu *v, unsigned *vector)
{
    *vector = 0;
    if (vmx_has.flush_l1d)
        asm_wrmsr(MSR_FLUSH_CMD, 1);
    vmx_host_update(v);
    for (;;) {
        vmx_host_leave(core, v);
        if (unlikely(v->spec_ctrl_used))
            vcpu_spec_ctrl_enter(v, core);
        unsigned error = vmx_enter(v, cpu.mds);
        if (unlikely(v->spec_ctrl_used))
            vcpu_spec_ctrl_exit(v, core);
        vmx_host_return(core, v);
        if (unlikely(error != 0))
            return failed(v, VMX_EXIT_NO_ENTRY);
        v->exit_reason = (uint32_t)vmread(VMCS_EXIT_REASON);
        if (unlikely(v->exit_reason & VMX_REASON_FAILED))
            return failed(v, v->exit_reason);
        v->launched = 1;
        v->exit_reason &= VMX_REASON_BASIC;
        vmx_requeue_event(v);
        if (v->exit_reason == VMX_EXIT_INTERRUPT) {
            *vector = vmx_has.ack_interrupt ? (unsigned)vmread(VMCS_EXIT_INFO) & 0xff : 0;
            return VM_STOP_INTERRUPT;
        }
        if (v->exit_reason == VMX_EXIT_EXCEPTION &&
            (vmread(VMCS_EXIT_INFO) >> EVENT_TYPE_SHIFT & EVENT_TYPE_MASK) == EVENT_NMI) {
            deliver_nmi();
            return VM_STOP_INTERRUPT;
        }
        if (!vmx_handle_exit(v))
            return VM_STOP_EXIT;
    }
}
