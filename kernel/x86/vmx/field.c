/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ReadVMCS and WriteVMCS on a VMCS: which fields a VMM may see and set (ABI section 12). Addresses,
 * host state, EPTP, VPID and the MSR areas are the kernel's.
 */
#include "x86/virt_asm.h"
#include "x86/vmx/vmx.h"

enum kind {
    PLAIN, /* the processor checks it at VM entry */
    CR0,
    CR4,
    EFER,
    RFLAGS,
    DR7,
    DEBUGCTL,
    ACTIVITY,
    INTERRUPTIBILITY,
    CR0_MASK,
    CR4_MASK,
    CR0_SHADOW,
    CR4_SHADOW,
    EXCEPTIONS,
    ENTRY_INFO,
    PIN,
    PRIMARY,
    SECONDARY,
    EXIT,
    ENTRY,
    ZERO, /* state that guests do not get */
    READ_ONLY,
};

/* Encodings first, first + 2, ... last. */
static const struct {
    uint16_t first, last;
    uint8_t kind;
} fields[] = {
    {VMCS_GUEST_ES_SELECTOR, VMCS_GUEST_TR_SELECTOR, PLAIN},
    {VMCS_GUEST_ES_LIMIT, VMCS_GUEST_TR_RIGHTS, PLAIN},
    {VMCS_GUEST_ES_BASE, VMCS_GUEST_IDTR_BASE, PLAIN},
    {VMCS_GUEST_RSP, VMCS_GUEST_RIP, PLAIN},
    {VMCS_GUEST_RFLAGS, VMCS_GUEST_RFLAGS, RFLAGS},
    {VMCS_GUEST_CR0, VMCS_GUEST_CR0, CR0},
    {VMCS_GUEST_CR3, VMCS_GUEST_CR3, PLAIN},
    {VMCS_GUEST_CR4, VMCS_GUEST_CR4, CR4},
    {VMCS_GUEST_DR7, VMCS_GUEST_DR7, DR7},
    {VMCS_GUEST_PENDING_DEBUG, VMCS_GUEST_SYSENTER_EIP, PLAIN},
    {VMCS_GUEST_DEBUGCTL, VMCS_GUEST_DEBUGCTL, DEBUGCTL},
    {VMCS_GUEST_PAT, VMCS_GUEST_PAT, PLAIN},
    {VMCS_GUEST_EFER, VMCS_GUEST_EFER, EFER},
    {VMCS_GUEST_PERF_GLOBAL_CTRL, VMCS_GUEST_PERF_GLOBAL_CTRL, ZERO},
    {VMCS_GUEST_PDPTE0, VMCS_GUEST_PDPTE3, PLAIN},
    {VMCS_GUEST_INTERRUPTIBILITY, VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY},
    {VMCS_GUEST_ACTIVITY, VMCS_GUEST_ACTIVITY, ACTIVITY},
    {VMCS_GUEST_SMBASE, VMCS_GUEST_SYSENTER_CS, PLAIN},
    {VMCS_PREEMPTION_TIMER, VMCS_PREEMPTION_TIMER, PLAIN},
    {VMCS_CR0_MASK, VMCS_CR0_MASK, CR0_MASK},
    {VMCS_CR4_MASK, VMCS_CR4_MASK, CR4_MASK},
    {VMCS_CR0_SHADOW, VMCS_CR0_SHADOW, CR0_SHADOW},
    {VMCS_CR4_SHADOW, VMCS_CR4_SHADOW, CR4_SHADOW},
    {VMCS_EXCEPTION_BITMAP, VMCS_EXCEPTION_BITMAP, EXCEPTIONS},
    {VMCS_ENTRY_INFO, VMCS_ENTRY_INFO, ENTRY_INFO},
    {VMCS_PIN_CONTROLS, VMCS_PIN_CONTROLS, PIN},
    {VMCS_PRIMARY_CONTROLS, VMCS_PRIMARY_CONTROLS, PRIMARY},
    {VMCS_SECONDARY_CONTROLS, VMCS_SECONDARY_CONTROLS, SECONDARY},
    {VMCS_EXIT_CONTROLS, VMCS_EXIT_CONTROLS, EXIT},
    {VMCS_ENTRY_CONTROLS, VMCS_ENTRY_CONTROLS, ENTRY},
    {VMCS_INSTRUCTION_ERROR, VMCS_INSTRUCTION_INFO, READ_ONLY},
    {VMCS_GUEST_PHYSICAL, VMCS_GUEST_PHYSICAL, READ_ONLY},
    {VMCS_QUALIFICATION, VMCS_GUEST_LINEAR, READ_ONLY},
};

static bool find(uint64_t field, enum kind *kind)
{
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        if (field >= fields[i].first && field <= fields[i].last && (field & 1) == 0) {
            *kind = (enum kind)fields[i].kind;
            return true;
        }
    }
    return false;
}

/* Fields of quoin.h that are not VMCS encodings and that the kernel keeps for VT-x. */
static uint64_t *kept_here(struct vcpu *v, uint64_t field)
{
    switch (field) {
    case QUOIN_FIELD_CR2:
        return &v->cr2;
    case QUOIN_FIELD_STAR:
        return &v->star;
    case QUOIN_FIELD_LSTAR:
        return &v->lstar;
    case QUOIN_FIELD_CSTAR:
        return &v->cstar;
    case QUOIN_FIELD_FMASK:
        return &v->fmask;
    case QUOIN_FIELD_KERNEL_GS_BASE:
        return &v->kernel_gs_base;
    case QUOIN_FIELD_TSC_RATIO:
        return vmx_has.tsc_scaling ? &v->tsc_ratio : NULL;
    case QUOIN_FIELD_SPEC_CTRL:
        return vcpu_spec_ctrl_allowed() != 0 ? &v->spec_ctrl : NULL;
    default:
        return NULL;
    }
}

bool vmx_get_field(struct vcpu *v, uint64_t field, uint64_t *value)
{
    const uint64_t *kept = kept_here(v, field);
    enum kind kind;
    if (kept) {
        *value = *kept;
        return true;
    }
    if (field == QUOIN_FIELD_DR6) {
        *value = dr6_read();
        return true;
    }
    if (field == QUOIN_FIELD_TSC_OFFSET) {
        *value = vmread(VMCS_TSC_OFFSET);
        return true;
    }
    if (!find(field, &kind))
        return false;
    switch (kind) {
    case ZERO:
        *value = 0;
        return true;
    case EXCEPTIONS:
        *value = v->exceptions;
        return true;
    case CR0_MASK:
        *value = v->cr0_mask;
        return true;
    case CR4_MASK:
        *value = v->cr4_mask;
        return true;
    default:
        *value = vmread(field);
        return true;
    }
}

static enum field_result set_own(struct vcpu *v, uint64_t field, uint64_t value)
{
    uint64_t *kept = kept_here(v, field);
    switch (field) {
    case QUOIN_FIELD_TSC_OFFSET:
        vmwrite(VMCS_TSC_OFFSET, value);
        return FIELD_OK;
    case QUOIN_FIELD_DR6:
        if (value >> 32 != 0)
            return FIELD_INVALID;
        dr6_write(value);
        return FIELD_OK;
    case QUOIN_FIELD_TSC_RATIO:
        if (!kept)
            return FIELD_UNKNOWN;
        if (value == 0) /* VM entry would fail for ever */
            return FIELD_INVALID;
        vmwrite(VMCS_TSC_MULTIPLIER, value);
        break;
    case QUOIN_FIELD_SPEC_CTRL:
        if (!kept)
            return FIELD_UNKNOWN;
        if (value & ~vcpu_spec_ctrl_allowed())
            return FIELD_INVALID;
        v->spec_ctrl_used = true;
        break;
    default:
        break;
    }
    if (!kept)
        return FIELD_UNKNOWN;
    *kept = value;
    return FIELD_OK;
}

/* In the states "shutdown" and "wait for SIPI" external interrupts are blocked, and the core would
 * be lost to the host (SDM vol. 3, 26.2, 27.7.2). */
enum { ACTIVITY_HLT = 1 };
/* LBR and BTF; the others would trace into the host's memory or stop its counters. */
#define DEBUGCTL_ALLOWED 3ull

enum field_result vmx_set_field(struct vcpu *v, uint64_t field, uint64_t *value)
{
    enum kind kind;
    if (field >> 16 != 0)
        return set_own(v, field, *value);
    if (field == VMCS_ENTRY_ERROR_CODE) {
        v->entry_error_code = (uint32_t)*value;
        return FIELD_OK;
    }
    if (!find(field, &kind))
        return FIELD_UNKNOWN;
    switch (kind) {
    case READ_ONLY:
        return FIELD_UNKNOWN;
    case ZERO:
        return *value == 0 ? FIELD_OK : FIELD_INVALID;
    case CR0:
        *value = vmx_set_cr0(v, *value);
        return FIELD_OK;
    case CR4:
        *value = vmx_set_cr4(v, *value);
        return FIELD_OK;
    case EFER:
        vmx_write_efer(*value);
        return FIELD_OK;
    case CR0_MASK:
        v->cr0_mask = *value;
        vmx_write_cr_masks(v);
        *value = vmread(VMCS_CR0_MASK);
        return FIELD_OK;
    case CR4_MASK:
        v->cr4_mask = *value;
        vmx_write_cr_masks(v);
        *value = vmread(VMCS_CR4_MASK);
        return FIELD_OK;
    case CR0_SHADOW:
        v->cr0_shadow = *value;
        break;
    case CR4_SHADOW:
        v->cr4_shadow = *value;
        break;
    case EXCEPTIONS:
        v->exceptions = (uint32_t)*value;
        vmx_write_exceptions(v);
        return FIELD_OK;
    case ENTRY_INFO:
        v->event_queued = (*value & EVENT_VALID) != 0;
        break;
    case RFLAGS:
        *value = (*value & 0x3f7fd7) | 2;
        break;
    case DR7:
        if (*value >> 32 != 0)
            return FIELD_INVALID;
        break;
    case DEBUGCTL:
        if (*value & ~DEBUGCTL_ALLOWED)
            return FIELD_INVALID;
        break;
    case ACTIVITY:
        if (*value > ACTIVITY_HLT)
            return FIELD_INVALID;
        break;
    case INTERRUPTIBILITY:
        if (*value & ~(uint64_t)(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS | BLOCKED_BY_NMI))
            return FIELD_INVALID;
        break;
    case PIN:
        *value = vmx_fit_control(&vmx_has.pin, *value);
        break;
    case PRIMARY:
        *value = vmx_fit_control(&vmx_has.primary, *value);
        v->controls = (uint32_t)*value;
        break;
    case SECONDARY:
        *value = vmx_fit_control(&vmx_has.secondary, *value);
        break;
    case EXIT:
        *value = vmx_fit_control(&vmx_has.exit, *value);
        break;
    case ENTRY:
        *value = vmx_fit_control(&vmx_has.entry, *value);
        break;
    default:
        break;
    }
    vmwrite(field, *value);
    return FIELD_OK;
}
