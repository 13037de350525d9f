/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of VCPU capabilities (ABI sections 9 and 12, sel4/quoin.h).
 */
#include "api/label.h"
#include "x86/arch.h"
#include "x86/ioport.h"
#include "x86/vcpu.h"
#include "x86/vendor.h"
#include "x86/virt_asm.h"

#define MSR_VMX_MISC 0x485u

static enum result set_tcb(struct call *c, struct vcpu *v)
{
    if (c->extra_count < 1)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    if (cap_type(c->extra[0]->cap) != CAP_THREAD)
        return call_invalid_capability(c, 1);
    vcpu_bind(v, cap_object(c->extra[0]->cap));
    return OK;
}

/* --- Fields --- */

static bool is_vector(uint64_t field)
{
    return field >= QUOIN_FIELD_XMM && field < QUOIN_FIELD_XMM_END;
}

/* State that this kernel keeps itself, in the same way on both vendors. */
static uint64_t *kept_field(struct vcpu *v, uint64_t field)
{
    switch (field) {
    case QUOIN_FIELD_XCR0:
        return vcpu_max_xcr0() != 0 ? &v->xcr0 : NULL;
    case QUOIN_FIELD_DR0:
    case QUOIN_FIELD_DR1:
    case QUOIN_FIELD_DR2:
    case QUOIN_FIELD_DR3:
        return &v->dr[field - QUOIN_FIELD_DR0];
    case QUOIN_FIELD_TSC_AUX:
        return cpu.rdtscp ? &v->tsc_aux : NULL;
    default:
        return is_vector(field) ? vcpu_vector(v, (unsigned)(field - QUOIN_FIELD_XMM)) : NULL;
    }
}

static bool kept_is_valid(uint64_t field, uint64_t value)
{
    if (field == QUOIN_FIELD_XCR0)
        return vcpu_xcr0_valid(value);
    if (field == QUOIN_FIELD_TSC_AUX)
        return value >> 32 == 0;
    return true;
}

/* What VMLOAD or WRMSR would fault on in the kernel, or silently change. */
static bool value_is_valid(uint64_t field, uint64_t value)
{
    switch (field) {
    case QUOIN_FIELD_LSTAR:
    case QUOIN_FIELD_CSTAR:
    case QUOIN_FIELD_KERNEL_GS_BASE:
    case VMCS_GUEST_FS_BASE:
    case VMCS_GUEST_GS_BASE:
    case VMCS_GUEST_TR_BASE:
    case VMCS_GUEST_LDTR_BASE:
    case VMCS_GUEST_SYSENTER_ESP:
    case VMCS_GUEST_SYSENTER_EIP:
        return address_is_canonical(value);
    case QUOIN_FIELD_FMASK:
        return value >> 32 == 0;
    default:
        return true;
    }
}

static bool get_field(struct vcpu *v, uint64_t field, uint64_t *value)
{
    const uint64_t *kept = kept_field(v, field);
    vcpu_quiesce(v);
    if (kept) {
        vcpu_unload(core_self());
        *value = *kept;
        return true;
    }
    if (field == QUOIN_FIELD_XSS) {
        *value = 0;
        return true;
    }
    return vendor_get_field(v, field, value);
}

static enum field_result set_field(struct vcpu *v, uint64_t field, uint64_t *value)
{
    uint64_t *kept = kept_field(v, field);
    if (kept ? !kept_is_valid(field, *value) : !value_is_valid(field, *value))
        return FIELD_INVALID;
    vcpu_quiesce(v);
    if (kept) {
        vcpu_unload(core_self());
        *kept = *value;
        if (is_vector(field))
            vcpu_vector_written(v);
        return FIELD_OK;
    }
    if (field == QUOIN_FIELD_XSS) /* no supervisor state is offered to guests */
        return *value == 0 ? FIELD_OK : FIELD_INVALID;
    return vendor_set_field(v, field, value);
}

static enum result read_field(struct call *c, struct vcpu *v)
{
    uint64_t value;
    if (c->length < 1)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    if (!get_field(v, call_word(c, 0), &value))
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    call_reply(c, 0, value);
    return OK;
}

static enum result write_field(struct call *c, struct vcpu *v, uint64_t field, uint64_t value)
{
    switch (set_field(v, field, &value)) {
    case FIELD_OK:
        call_reply(c, 0, value);
        return OK;
    case FIELD_INVALID:
        return call_invalid_argument(c, 1);
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}

/* --- MSRs --- */

static uint64_t field_of_msr(uint64_t msr)
{
    switch (msr) {
    case MSR_STAR:
        return QUOIN_FIELD_STAR;
    case MSR_LSTAR:
        return QUOIN_FIELD_LSTAR;
    case MSR_CSTAR:
        return QUOIN_FIELD_CSTAR;
    case MSR_FMASK:
        return QUOIN_FIELD_FMASK;
    case MSR_KERNEL_GS_BASE:
        return QUOIN_FIELD_KERNEL_GS_BASE;
    case MSR_TSC_AUX:
        return QUOIN_FIELD_TSC_AUX;
    default:
        return 0;
    }
}

static enum result read_msr(struct call *c, struct vcpu *v)
{
    if (c->length < 1)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    uint64_t msr = call_word(c, 0), value;
    if (msr == MSR_VMX_MISC && vcpu_vendor == VENDOR_VMX) {
        call_reply(c, 0, vmx_misc());
        return OK;
    }
    uint64_t field = field_of_msr(msr);
    if (field == 0 || !get_field(v, field, &value))
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    call_reply(c, 0, value);
    return OK;
}

static enum result write_msr(struct call *c, struct vcpu *v)
{
    if (c->length < 2)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    uint64_t field = field_of_msr(call_word(c, 0));
    if (field == 0)
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    return write_field(c, v, field, call_word(c, 1));
}

static enum result set_msr_access(struct call *c, struct vcpu *v)
{
    if (c->length < 2)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    uint64_t msr = call_word(c, 0), access = call_word(c, 1);
    if (msr > UINT32_MAX)
        return call_invalid_argument(c, 0);
    if (access & ~(uint64_t)(QUOIN_MSR_READ | QUOIN_MSR_WRITE))
        return call_invalid_argument(c, 1);
    if (access & ~(uint64_t)msr_policy((uint32_t)msr))
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    vcpu_quiesce(v);
    vendor_allow_msr(v, (uint32_t)msr, (access & QUOIN_MSR_READ) != 0,
                     (access & QUOIN_MSR_WRITE) != 0);
    if (msr == MSR_SPEC_CTRL && access != 0)
        v->spec_ctrl_used = true;
    return OK;
}

/* --- Ports, registers, timer --- */

static enum result enable_port(struct call *c, struct vcpu *v)
{
    if (c->length < 2 || c->extra_count < 1)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    struct cap port = c->extra[0]->cap;
    uint64_t low = call_word(c, 0), high = call_word(c, 1);
    if (cap_type(port) != CAP_IO_PORT)
        return call_invalid_capability(c, 1);
    if (low > high)
        return call_invalid_argument(c, 0);
    if (low < ioport_first(port) || high > ioport_last(port))
        return call_range_error(c, ioport_first(port), ioport_last(port));
    vcpu_quiesce(v);
    if (!vcpu_port_enable(v, (uint16_t)low, (uint16_t)high)) {
        c->error_a = 0;
        return call_fail(c, SEL4_NOT_ENOUGH_MEMORY);
    }
    return OK;
}

static enum result disable_port(struct call *c, struct vcpu *v)
{
    if (c->length < 2)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    uint64_t low = call_word(c, 0), high = call_word(c, 1);
    if (low > high || high > UINT16_MAX)
        return call_range_error(c, 0, UINT16_MAX);
    vcpu_quiesce(v);
    if (!vcpu_port_disable(v, (uint16_t)low, (uint16_t)high)) {
        c->error_a = 0;
        return call_fail(c, SEL4_NOT_ENOUGH_MEMORY);
    }
    return OK;
}

static enum result serve_port(struct call *c, struct vcpu *v)
{
    if (c->length < 3)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    uint64_t port = call_word(c, 0), how = call_word(c, 1), value = call_word(c, 2);
    if (port > UINT16_MAX)
        return call_range_error(c, 0, UINT16_MAX);
    if (how > QUOIN_PORT_COLLECT)
        return call_invalid_argument(c, 1);
    if (value > UINT8_MAX)
        return call_invalid_argument(c, 2);
    vcpu_quiesce(v);
    if (!vcpu_port_serve(v, (uint16_t)port, (uint8_t)how, (uint8_t)value)) {
        c->error_a = 0;
        return call_fail(c, SEL4_NOT_ENOUGH_MEMORY);
    }
    return OK;
}

enum { SHORT_REGISTERS = 7 };

static enum result write_registers(struct call *c, struct vcpu *v)
{
    if (c->length < SHORT_REGISTERS)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    unsigned count = c->length < VCPU_GPRS ? SHORT_REGISTERS : VCPU_GPRS;
    vcpu_quiesce(v);
    for (unsigned i = 0; i < count; i++)
        v->gpr[i] = call_word(c, i);
    return OK;
}

static enum result set_timer(struct call *c, struct vcpu *v)
{
    if (c->extra_count < 1)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    struct slot *source = c->extra[0];
    struct cap derived = cap_null();
    if (!cap_is_null(source->cap)) {
        if (cap_type(source->cap) != CAP_TIMER)
            return call_invalid_capability(c, 1);
        enum result r = cap_derive(c, source, source->cap, &derived);
        if (r != OK)
            return r;
    }
    struct cap old = v->timer.cap;
    if (cap_is_null(derived)) {
        slot_delete_short(&v->timer);
    } else if (cap_is_null(old) || cap_object(old) != cap_object(derived)) {
        slot_delete_short(&v->timer);
        slot_insert(&v->timer, derived, source, false);
    }
    return OK;
}

enum result vcpu_decode(struct call *c)
{
    struct vcpu *v = cap_object(c->cap);
    switch (c->label) {
    case LABEL_VCPU_SET_TCB:
        return set_tcb(c, v);
    case LABEL_VCPU_READ_VMCS:
        return read_field(c, v);
    case LABEL_VCPU_WRITE_VMCS:
        if (c->length < 2)
            return call_fail(c, SEL4_TRUNCATED_MESSAGE);
        return write_field(c, v, call_word(c, 0), call_word(c, 1));
    case LABEL_VCPU_READ_MSR:
        return read_msr(c, v);
    case LABEL_VCPU_WRITE_MSR:
        return write_msr(c, v);
    case LABEL_VCPU_ENABLE_IO_PORT:
        return enable_port(c, v);
    case LABEL_VCPU_DISABLE_IO_PORT:
        return disable_port(c, v);
    case LABEL_VCPU_WRITE_REGISTERS:
        return write_registers(c, v);
    case QUOIN_LABEL_VCPU_SET_MSR_ACCESS:
        return set_msr_access(c, v);
    case QUOIN_LABEL_VCPU_SET_TIMER:
        return set_timer(c, v);
    case QUOIN_LABEL_VCPU_SERVE_PORT:
        return serve_port(c, v);
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}
