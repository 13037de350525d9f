/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ReadVMCS and WriteVMCS on a VMCB: VMCS encodings of what both vendors have, and AMD-V's own
 * fields (sel4/quoin.h).
 */
#include "x86/svm/svm.h"
#include "x86/virt_asm.h"

/* --- What values may be --- */

uint64_t svm_interruptibility(const struct vcpu *v, const struct vmcb *b)
{
    return (b->interrupt_shadow & 1 ? BLOCKED_BY_STI : 0) | (v->nmi_blocked ? BLOCKED_BY_NMI : 0);
}

void svm_set_interruptibility(struct vcpu *v, uint64_t value)
{
    struct vmcb *b = svm_block(v);
    bool nmi_blocked = (value & BLOCKED_BY_NMI) != 0;
    b->interrupt_shadow = value & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS) ? 1 : 0;
    if (nmi_blocked != v->nmi_blocked) {
        v->nmi_blocked = nmi_blocked;
        svm_update_intercepts(v);
    }
}

/* Bits that do not exist are dropped, ET is 1 (APM 3.1.1). */
bool svm_fit_cr0(uint64_t *value)
{
    *value &=
        CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
    *value |= CR0_ET;
    /* Combinations that VMRUN refuses (APM 15.5.1). */
    bool write_through_only = (*value & CR0_NW) && !(*value & CR0_CD);
    bool paging_unprotected = (*value & CR0_PG) && !(*value & CR0_PE);
    return !write_through_only && !paging_unprotected;
}

bool svm_fit_cr4(uint64_t *value)
{
    *value &= svm_has.cr4_allowed;
    return true;
}

bool svm_fit_efer(uint64_t *value)
{
    return (*value & ~svm_has.efer_allowed) == 0;
}

/* Reserved bits are 0, bit 1 is 1 (APM 3.1.4). */
uint64_t svm_fit_rflags(uint64_t value)
{
    return (value & 0x3f7fd7) | 2;
}

static bool pat_is_valid(uint64_t pat)
{
    for (unsigned i = 0; i < 64; i += 8) {
        uint64_t type = pat >> i & 0xff;
        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    return true;
}

/* --- The table --- */

enum kind {
    PLAIN,     /* as wide as the member */
    RIGHTS,    /* segment attributes */
    RIGHTS_SS, /* ... and the CPL */
    CR0,
    CR4,
    CR3,
    EFER,
    DR,
    RFLAGS,
    PAT,
    ZERO, /* state that AMD-V does not have: 0 is its only value */
    READ_ONLY,
    INTERCEPT, /* offset: index in struct vcpu.intercepts */
};

struct field {
    uint16_t encoding; /* low 16 bits; the extension's have bit 16 */
    uint16_t offset;
    uint8_t bytes;
    uint8_t kind;
};

#define MEMBER(name) offsetof(struct vmcb, name), sizeof(((struct vmcb *)0)->name)
#define SEGMENT(NAME, name)                                       \
    {VMCS_GUEST_##NAME##_SELECTOR, MEMBER(name.selector), PLAIN}, \
        {VMCS_GUEST_##NAME##_LIMIT, MEMBER(name.limit), PLAIN},   \
    {                                                             \
        VMCS_GUEST_##NAME##_BASE, MEMBER(name.base), PLAIN        \
    }

static const struct field vmcs_fields[] = {
    SEGMENT(ES, es),
    SEGMENT(CS, cs),
    SEGMENT(SS, ss),
    SEGMENT(DS, ds),
    SEGMENT(FS, fs),
    SEGMENT(GS, gs),
    SEGMENT(LDTR, ldtr),
    SEGMENT(TR, tr),
    {VMCS_GUEST_ES_RIGHTS, MEMBER(es.attributes), RIGHTS},
    {VMCS_GUEST_CS_RIGHTS, MEMBER(cs.attributes), RIGHTS},
    {VMCS_GUEST_SS_RIGHTS, MEMBER(ss.attributes), RIGHTS_SS},
    {VMCS_GUEST_DS_RIGHTS, MEMBER(ds.attributes), RIGHTS},
    {VMCS_GUEST_FS_RIGHTS, MEMBER(fs.attributes), RIGHTS},
    {VMCS_GUEST_GS_RIGHTS, MEMBER(gs.attributes), RIGHTS},
    {VMCS_GUEST_LDTR_RIGHTS, MEMBER(ldtr.attributes), RIGHTS},
    {VMCS_GUEST_TR_RIGHTS, MEMBER(tr.attributes), RIGHTS},
    {VMCS_GUEST_GDTR_LIMIT, MEMBER(gdtr.limit), PLAIN},
    {VMCS_GUEST_GDTR_BASE, MEMBER(gdtr.base), PLAIN},
    {VMCS_GUEST_IDTR_LIMIT, MEMBER(idtr.limit), PLAIN},
    {VMCS_GUEST_IDTR_BASE, MEMBER(idtr.base), PLAIN},
    {VMCS_GUEST_RIP, MEMBER(rip), PLAIN},
    {VMCS_GUEST_RSP, MEMBER(rsp), PLAIN},
    {VMCS_GUEST_RFLAGS, MEMBER(rflags), RFLAGS},
    {VMCS_GUEST_CR0, MEMBER(cr0), CR0},
    {VMCS_GUEST_CR3, MEMBER(cr3), CR3},
    {VMCS_GUEST_CR4, MEMBER(cr4), CR4},
    {VMCS_GUEST_DR7, MEMBER(dr7), DR},
    {VMCS_GUEST_EFER, MEMBER(efer), EFER},
    {VMCS_GUEST_PAT, MEMBER(pat), PAT},
    {VMCS_GUEST_SYSENTER_CS, MEMBER(sysenter_cs), PLAIN},
    {VMCS_GUEST_SYSENTER_ESP, MEMBER(sysenter_esp), PLAIN},
    {VMCS_GUEST_SYSENTER_EIP, MEMBER(sysenter_eip), PLAIN},
    {VMCS_GUEST_DEBUGCTL, 0, 0, ZERO},
    {VMCS_GUEST_ACTIVITY, 0, 0, ZERO},
    {VMCS_GUEST_PENDING_DEBUG, 0, 0, ZERO},
    {VMCS_INSTRUCTION_ERROR, 0, 0, ZERO},
    {VMCS_INSTRUCTION_INFO, 0, 0, ZERO},
    {VMCS_GUEST_LINEAR, 0, 0, ZERO},
    {VMCS_GUEST_PHYSICAL, MEMBER(exit_info2), READ_ONLY},
    {VMCS_QUALIFICATION, MEMBER(exit_info1), READ_ONLY},
};

static const struct field own_fields[] = {
    {QUOIN_FIELD_TSC_OFFSET & 0xffff, MEMBER(tsc_offset), PLAIN},
    {QUOIN_FIELD_CR2 & 0xffff, MEMBER(cr2), PLAIN},
    {QUOIN_FIELD_DR6 & 0xffff, MEMBER(dr6), DR},
    {QUOIN_FIELD_STAR & 0xffff, MEMBER(star), PLAIN},
    {QUOIN_FIELD_LSTAR & 0xffff, MEMBER(lstar), PLAIN},
    {QUOIN_FIELD_CSTAR & 0xffff, MEMBER(cstar), PLAIN},
    {QUOIN_FIELD_FMASK & 0xffff, MEMBER(fmask), PLAIN},
    {QUOIN_FIELD_KERNEL_GS_BASE & 0xffff, MEMBER(kernel_gs_base), PLAIN},
    {QUOIN_FIELD_SVM_EXITCODE & 0xffff, MEMBER(exit_code), READ_ONLY},
    {QUOIN_FIELD_SVM_EXITINFO1 & 0xffff, MEMBER(exit_info1), READ_ONLY},
    {QUOIN_FIELD_SVM_EXITINFO2 & 0xffff, MEMBER(exit_info2), READ_ONLY},
    {QUOIN_FIELD_SVM_INTERCEPT_CR & 0xffff, INTERCEPT_CR, 4, INTERCEPT},
    {QUOIN_FIELD_SVM_INTERCEPT_DR & 0xffff, INTERCEPT_DR, 4, INTERCEPT},
    {QUOIN_FIELD_SVM_INTERCEPT_MISC1 & 0xffff, INTERCEPT_MISC1, 4, INTERCEPT},
    {QUOIN_FIELD_SVM_INTERCEPT_MISC2 & 0xffff, INTERCEPT_MISC2, 4, INTERCEPT},
};

static const struct field *field_find(uint64_t encoding)
{
    bool own = encoding >> 16 == 1;
    const struct field *table = own ? own_fields : vmcs_fields;
    unsigned count = own ? ARRAY_SIZE(own_fields) : ARRAY_SIZE(vmcs_fields);
    if (encoding >> 16 > 1)
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        if (table[i].encoding == (uint16_t)encoding)
            return &table[i];
    }
    return NULL;
}

static uint64_t member_get(const struct vmcb *b, const struct field *f)
{
    const uint8_t *p = (const uint8_t *)b + f->offset;
    uint64_t value = 0;
    for (unsigned i = 0; i < f->bytes; i++)
        value |= (uint64_t)p[i] << i * 8;
    return value;
}

static void member_set(struct vmcb *b, const struct field *f, uint64_t value)
{
    uint8_t *p = (uint8_t *)b + f->offset;
    for (unsigned i = 0; i < f->bytes; i++)
        p[i] = (uint8_t)(value >> i * 8);
}

/* State that is not simply a member of the VMCB. */
static bool get_special(struct vcpu *v, uint64_t field, uint64_t *value)
{
    const struct vmcb *b = svm_block(v);
    switch (field) {
    case VMCS_PRIMARY_CONTROLS:
        *value = v->controls;
        return true;
    case VMCS_EXCEPTION_BITMAP:
        *value = v->exceptions;
        return true;
    case VMCS_ENTRY_INFO:
        *value = svm_event_to_vmx(b->event_injection);
        return true;
    case VMCS_GUEST_INTERRUPTIBILITY:
        *value = svm_interruptibility(v, b);
        return true;
    case VMCS_EXIT_INFO:
        *value = svm_exit_info(b);
        return true;
    case VMCS_EXIT_ERROR_CODE:
        *value = svm_exit_info(b) & EVENT_ERROR_CODE ? (uint32_t)b->exit_info1 : 0;
        return true;
    case VMCS_VECTORING_INFO:
        *value = svm_event_to_vmx(b->exit_int_info);
        return true;
    case VMCS_VECTORING_ERROR_CODE:
        *value = b->exit_int_info >> 32;
        return true;
    case VMCS_INSTRUCTION_LEN:
        *value = svm_instruction_length(b);
        return true;
    case QUOIN_FIELD_TSC_RATIO:
        *value = v->tsc_ratio;
        return svm_has.tsc_ratio;
    case QUOIN_FIELD_SPEC_CTRL:
        *value = v->spec_ctrl;
        return svm_has.spec_ctrl_allowed != 0;
    default:
        return false;
    }
}

static enum field_result set_special(struct vcpu *v, uint64_t field, uint64_t *value)
{
    switch (field) {
    case VMCS_PRIMARY_CONTROLS:
        *value &= CONTROL_INTERRUPT_WINDOW | CONTROL_HLT | CONTROL_NMI_WINDOW;
        v->controls = (uint32_t)*value;
        svm_update_intercepts(v);
        return FIELD_OK;
    case VMCS_EXCEPTION_BITMAP:
        *value &= 0xffffffff;
        v->exceptions = (uint32_t)*value;
        svm_update_intercepts(v);
        return FIELD_OK;
    case VMCS_ENTRY_ERROR_CODE:
        v->entry_error_code = (uint32_t)*value;
        return FIELD_OK;
    case VMCS_GUEST_INTERRUPTIBILITY:
        if (*value & ~(uint64_t)(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS | BLOCKED_BY_NMI))
            return FIELD_INVALID;
        svm_set_interruptibility(v, *value);
        return FIELD_OK;
    case QUOIN_FIELD_TSC_RATIO:
        if (!svm_has.tsc_ratio)
            return FIELD_UNKNOWN;
        if (*value >> 40 != 0 || *value == 0)
            return FIELD_INVALID;
        v->tsc_ratio = *value;
        asm_wrmsr(MSR_TSC_RATIO, *value); /* it applies to guests only */
        return FIELD_OK;
    case QUOIN_FIELD_SPEC_CTRL:
        if (svm_has.spec_ctrl_allowed == 0)
            return FIELD_UNKNOWN;
        if (*value & ~svm_has.spec_ctrl_allowed)
            return FIELD_INVALID;
        v->spec_ctrl = *value;
        v->spec_ctrl_used = true;
        return FIELD_OK;
    default:
        return FIELD_UNKNOWN;
    }
}

bool svm_get_field(struct vcpu *v, uint64_t field, uint64_t *value)
{
    const struct vmcb *b = svm_block(v);
    const struct field *f = field_find(field);
    if (!f)
        return get_special(v, field, value);
    if (f->kind == INTERCEPT) {
        *value = v->intercepts[f->offset];
        return true;
    }
    *value = member_get(b, f);
    if (f->kind == RIGHTS)
        *value = svm_attributes_to_vmx((uint16_t)*value);
    if (f->kind == RIGHTS_SS) /* SS.DPL is the CPL (SDM vol. 3, 25.4.1) */
        *value = (svm_attributes_to_vmx((uint16_t)*value) & ~0x60u) | (b->cpl & 3u) << 5;
    if (f->kind == EFER)
        *value &= ~EFER_SVME;
    return true;
}

/* Fits value to the field; false if that is not possible. */
static bool fit(enum kind kind, uint64_t *value)
{
    switch (kind) {
    case RIGHTS:
    case RIGHTS_SS:
        *value &= RIGHTS_DEFINED;
        return true;
    case CR0:
        return svm_fit_cr0(value);
    case CR3: /* bits 62:52 must be zero; the width of addresses is the processor's to check */
        return *value >> 52 == 0;
    case CR4:
        return svm_fit_cr4(value);
    case EFER:
        return svm_fit_efer(value);
    case DR:
        return *value >> 32 == 0;
    case RFLAGS:
        *value = svm_fit_rflags(*value);
        return true;
    case PAT:
        return pat_is_valid(*value);
    case ZERO:
        return *value == 0;
    case READ_ONLY:
        return false;
    default:
        return true;
    }
}

enum field_result svm_set_field(struct vcpu *v, uint64_t field, uint64_t *value)
{
    struct vmcb *b = svm_block(v);
    const struct field *f = field_find(field);
    if (!f)
        return set_special(v, field, value);
    if (f->kind == READ_ONLY)
        return FIELD_UNKNOWN;
    if (f->bytes != 0 && f->bytes < 8 && f->kind != RIGHTS && f->kind != RIGHTS_SS)
        *value &= MASK(f->bytes * 8);
    if (!fit((enum kind)f->kind, value))
        return FIELD_INVALID;
    v->proven_cr0 = CR0_UNPROVEN;
    switch ((enum kind)f->kind) {
    case INTERCEPT:
        v->intercepts[f->offset] = (uint32_t)*value;
        svm_update_intercepts(v);
        break;
    case RIGHTS:
    case RIGHTS_SS:
        if (f->kind == RIGHTS_SS)
            b->cpl = (uint8_t)(*value >> 5 & 3);
        member_set(b, f, svm_attributes_from_vmx((uint32_t)*value));
        break;
    case EFER:
        member_set(b, f, *value | EFER_SVME);
        break;
    default:
        member_set(b, f, *value);
        break;
    }
    return FIELD_OK;
}
