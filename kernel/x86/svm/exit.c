/* SPDX-License-Identifier: BSD-2-Clause
 *
 * After #VMEXIT (AMD APM vol. 2, 15.6): what the kernel handles itself, and the report to the VMM.
 */
#include "x86/arch.h"
#include "x86/svm/svm.h"
#include "x86/virt_asm.h"

enum { VECTOR_DEBUG = 1, VECTOR_ALIGNMENT = 17, VECTOR_MACHINE_CHECK = 18 };

/* Exceptions that push an error code (APM 8.2). */
#define EXCEPTIONS_WITH_ERROR_CODE                                                            \
    (BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(17) | BIT(21) | BIT(29) | \
     BIT(30))

static bool is_exception(uint64_t exit_code)
{
    return exit_code - SVM_EXIT_EXCEPTION < 32;
}

uint32_t svm_exit_info(const struct vmcb *b)
{
    if (!is_exception(b->exit_code))
        return 0;
    uint32_t vector = (uint32_t)(b->exit_code - SVM_EXIT_EXCEPTION);
    uint32_t type = vector == 3 || vector == 4 ? EVENT_SOFTWARE_EXCEPTION
                    : vector == 2              ? EVENT_NMI
                                               : EVENT_HARDWARE_EXCEPTION;
    uint32_t info = vector | type << EVENT_TYPE_SHIFT | EVENT_VALID;
    return EXCEPTIONS_WITH_ERROR_CODE >> vector & 1 ? info | EVENT_ERROR_CODE : info;
}

uint32_t svm_instruction_length(const struct vmcb *b)
{
    uint64_t length = 0;
    if (b->exit_code == SVM_EXIT_IOIO)
        length = b->exit_info2 - b->rip;
    else if (svm_has.next_rip)
        length = b->next_rip - b->rip;
    return length <= 15 ? (uint32_t)length : 0;
}

void svm_requeue_event(struct vcpu *v)
{
    struct vmcb *b = svm_block(v);
    uint64_t event = b->exit_int_info;
    bool soft = v->soft_event;
    b->event_injection = 0;
    if (unlikely(v->virtual_interrupt)) {
        /* V_IRQ still set: something else came first (APM 15.21.4), the interrupt is still due. */
        if (b->interrupt_control & VINTR_IRQ)
            b->exit_int_info =
                EVENT_VALID | (b->interrupt_control >> VINTR_VECTOR_SHIFT & EVENT_VECTOR);
        else
            v->virtual_interrupt = false;
        if (v->virtual_interrupt)
            return;
    }
    v->soft_event = false;
    if (likely(!(event & EVENT_VALID)))
        return;
    uint32_t type = svm_event_to_vmx(event) >> EVENT_TYPE_SHIFT & EVENT_TYPE_MASK;
    if (type == EVENT_SOFTWARE_INTERRUPT || type == EVENT_SOFTWARE_EXCEPTION) {
        /* The instruction that raised it is executed again. */
        if (soft)
            b->rip = v->soft_rip;
    } else {
        b->event_injection = event;
    }
}

/* One IN or OUT on a port that the guest was given. */
static bool handle_port(struct vcpu *v, struct vmcb *b)
{
    uint16_t port = (uint16_t)(b->exit_info1 >> 16);
    unsigned bytes = (unsigned)(b->exit_info1 >> IOIO_SIZE_SHIFT) & 7;
    bool in = (b->exit_info1 & IOIO_IN) != 0;
    if (b->exit_info1 & (IOIO_STRING | IOIO_REP))
        return false;
    /* A guest that steps itself is the VMM's affair. */
    bool plain = bytes == 1 && !(b->rflags & (RFLAGS_TF | RFLAGS_RF));
    if (!plain || !vcpu_port_served(v, port, in)) {
        if (!vcpu_port_allowed(v, port, bytes))
            return false;
        vcpu_port_access(v, port, bytes, in);
    }
    b->rip = b->exit_info2;
    b->interrupt_shadow = 0;
    return true;
}

bool svm_handle_exit(struct vcpu *v)
{
    struct vmcb *b = svm_block(v);
    uint64_t code = b->exit_code;
    if (code == SVM_EXIT_IOIO)
        return (v->port_count | v->service_count) != 0 && handle_port(v, b);
    if (code == SVM_EXIT_IRET && v->nmi_blocked) {
        v->nmi_blocked = false;
        svm_update_intercepts(v);
        return !(v->controls & CONTROL_NMI_WINDOW) &&
               !(v->intercepts[INTERCEPT_MISC1] & MISC1_IRET);
    }
    if (is_exception(code)) {
        unsigned vector = (unsigned)(code - SVM_EXIT_EXCEPTION);
        if (vector == VECTOR_MACHINE_CHECK)
            kernel_panic("machine check while a guest ran");
        /* Intercepted only because their endless delivery would lock the core up
         * (CVE-2015-5307, CVE-2015-8104). */
        if ((vector == VECTOR_DEBUG || vector == VECTOR_ALIGNMENT) &&
            !(v->exceptions >> vector & 1)) {
            b->event_injection = svm_event_from_vmx(svm_exit_info(b), (uint32_t)b->exit_info1);
            return true;
        }
    }
    return false;
}

static void report_bytes(const struct vmcb *b, uint64_t *msg)
{
    uint64_t bytes[2] = {0, 0};
    for (unsigned i = 0; i < b->fetched_count && i < sizeof(b->fetched); i++)
        bytes[i / 8] |= (uint64_t)b->fetched[i] << i % 8 * 8;
    msg[QUOIN_VM_INSTRUCTION_INFO] = b->fetched_count;
    msg[QUOIN_VM_INSTRUCTION_BYTES] = bytes[0];
    msg[QUOIN_VM_INSTRUCTION_BYTES + 1] = bytes[1];
}

/* What few exits have to report. */
static __attribute__((noinline)) void report_rest(struct vcpu *v, struct context *regs,
                                                  uint64_t *msg, bool extended)
{
    struct vmcb *b = svm_block(v);
    uint64_t event = b->exit_int_info;
    if (svm_is_invalid(b->exit_code))
        regs->r15 = QUOIN_VM_ENTRY_FAILED;
    if (event & EVENT_VALID) { /* to be injected again only if the VMM wants that */
        b->event_injection = 0;
        if (v->virtual_interrupt)
            svm_drop_virtual_interrupt(v);
    }
    if (svm_has.next_rip || b->exit_code == SVM_EXIT_IOIO)
        msg[QUOIN_VM_INSTRUCTION_LEN] = svm_instruction_length(b);
    if (!extended)
        return;
    if (event & EVENT_VALID) {
        msg[QUOIN_VM_VECTORING_INFO] = svm_event_to_vmx(event);
        msg[QUOIN_VM_VECTORING_ERROR] = event >> 32;
    }
    if (is_exception(b->exit_code)) {
        uint32_t info = svm_exit_info(b);
        msg[QUOIN_VM_EXIT_INFO] = info;
        msg[QUOIN_VM_EXIT_ERROR] = info & EVENT_ERROR_CODE ? (uint32_t)b->exit_info1 : 0;
    }
    if (svm_has.decode_assists)
        report_bytes(b, msg);
}

/* Attributes of code segments are few, and compared in no time. */
static inline uint32_t code_rights(struct vcpu *v, uint16_t attributes)
{
    if (unlikely(v->code_attributes != attributes)) {
        v->code_attributes = attributes;
        v->code_rights = svm_attributes_to_vmx(attributes);
    }
    return v->code_rights;
}

void svm_report(struct vcpu *v, struct context *regs, uint64_t *msg, bool extended)
{
    const struct vmcb *b = svm_block(v);
    uint64_t code = b->exit_code;
    regs->r10 = b->rip;
    regs->r8 = v->controls;
    regs->r9 = 0;
    regs->r15 = code;
    msg[QUOIN_VM_QUALIFICATION] = b->exit_info1;
    msg[QUOIN_VM_INSTRUCTION_LEN] = 0;
    msg[QUOIN_VM_GUEST_PHYSICAL] = b->exit_info2;
    msg[QUOIN_VM_RFLAGS] = b->rflags;
    msg[QUOIN_VM_INTERRUPTIBILITY] = svm_interruptibility(v, b);
    msg[QUOIN_VM_CR3] = b->cr3;
    if (extended) {
        msg[QUOIN_VM_RSP] = b->rsp;
        msg[QUOIN_VM_CR0] = b->cr0;
        msg[QUOIN_VM_CR4] = b->cr4;
        msg[QUOIN_VM_EFER] = b->efer & ~EFER_SVME;
        msg[QUOIN_VM_CS_BASE] = b->cs.base;
        msg[QUOIN_VM_CS_RIGHTS] = code_rights(v, b->cs.attributes);
        msg[QUOIN_VM_VECTORING_INFO] = 0;
        msg[QUOIN_VM_INSTRUCTION_INFO] = 0;
    }
    bool plain = (code > SVM_EXIT_IOIO && code <= SVM_EXIT_NPF) || code == SVM_EXIT_CPUID;
    if (unlikely(!plain || svm_has.reports_more || (b->exit_int_info & EVENT_VALID)))
        report_rest(v, regs, msg, extended);
}

void svm_report_interrupted(struct vcpu *v, struct context *regs, uint64_t *msg)
{
    struct vmcb *b = svm_block(v);
    if (v->soft_event)
        b->rip = v->soft_rip;
    v->soft_event = false;
    regs->r10 = b->rip;
    regs->r8 = v->controls;
    regs->r9 = svm_event_to_vmx(b->event_injection);
    if (v->virtual_interrupt) {
        regs->r9 = EVENT_VALID | (b->interrupt_control >> VINTR_VECTOR_SHIFT & EVENT_VECTOR);
        svm_drop_virtual_interrupt(v);
    }
    if (!msg)
        return;
    msg[QUOIN_VM_RFLAGS] = b->rflags;
    msg[QUOIN_VM_INTERRUPTIBILITY] = svm_interruptibility(v, b);
    msg[QUOIN_VM_CR3] = b->cr3;
    msg[QUOIN_VM_RSP] = b->rsp;
    msg[QUOIN_VM_CR0] = b->cr0;
    msg[QUOIN_VM_CR4] = b->cr4;
    msg[QUOIN_VM_EFER] = b->efer & ~EFER_SVME;
    msg[QUOIN_VM_CS_BASE] = b->cs.base;
    msg[QUOIN_VM_CS_RIGHTS] = svm_attributes_to_vmx(b->cs.attributes);
    msg[QUOIN_VM_EXIT_ERROR] = b->event_injection >> 32;
}
