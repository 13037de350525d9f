/* SPDX-License-Identifier: BSD-2-Clause
 *
 * After a VM exit (SDM vol. 3, chapter 28): what the kernel handles itself, and the report to the
 * VMM.
 */
#include "x86/arch.h"
#include "x86/virt_asm.h"
#include "x86/vmx/vmx.h"

enum { VECTOR_DEBUG = 1, VECTOR_NMI = 2, VECTOR_ALIGNMENT = 17, VECTOR_MACHINE_CHECK = 18 };

static unsigned event_type(uint32_t info)
{
    return info >> EVENT_TYPE_SHIFT & EVENT_TYPE_MASK;
}

static void inject(struct vcpu *v, uint32_t info, uint32_t error_code)
{
    vmwrite(VMCS_ENTRY_INFO, info & ~EVENT_NMI_UNBLOCKING);
    if (info & EVENT_ERROR_CODE)
        vmwrite(VMCS_ENTRY_ERROR_CODE, error_code);
    if (event_type(info) >= EVENT_SOFTWARE_INTERRUPT)
        vmwrite(VMCS_ENTRY_INSTRUCTION_LEN, vmread(VMCS_INSTRUCTION_LEN));
    v->event_queued = true;
}

void vmx_requeue_event(struct vcpu *v)
{
    v->vectoring_info = (uint32_t)vmread(VMCS_VECTORING_INFO);
    v->event_queued = false;
    if (unlikely(v->vectoring_info & EVENT_VALID)) {
        if (event_type(v->vectoring_info) == EVENT_NMI) /* delivered again, so not blocked yet */
            vmwrite(VMCS_GUEST_INTERRUPTIBILITY,
                    vmread(VMCS_GUEST_INTERRUPTIBILITY) & ~(uint64_t)BLOCKED_BY_NMI);
        inject(v, v->vectoring_info, (uint32_t)vmread(VMCS_VECTORING_ERROR_CODE));
    }
}

/* An IRET had ended the blocking of NMIs before it faulted (SDM vol. 3, 28.2.3): block again. */
static void restore_nmi_blocking(const struct vcpu *v, uint64_t unblocking)
{
    if ((unblocking & EVENT_NMI_UNBLOCKING) && !(v->vectoring_info & EVENT_VALID))
        vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) | BLOCKED_BY_NMI);
}

/* DR6 as the debug exception would have left it (SDM vol. 3, 28.2.1, table 28-1). */
static void update_dr6(void)
{
    uint64_t causes = vmread(VMCS_QUALIFICATION) & 0x600f;
    dr6_write((dr6_read() & ~0xfull) | causes);
}

static bool handle_exception(struct vcpu *v)
{
    uint32_t info = (uint32_t)vmread(VMCS_EXIT_INFO);
    unsigned vector = info & EVENT_VECTOR;
    restore_nmi_blocking(v, info);
    if (vector == VECTOR_MACHINE_CHECK)
        kernel_panic("machine check while a guest ran");
    if (vector == VECTOR_DEBUG)
        update_dr6();
    /* Intercepted only because their endless delivery would lock the core up (CVE-2015-5307,
     * CVE-2015-8104). */
    if ((vector == VECTOR_DEBUG || vector == VECTOR_ALIGNMENT) && !(v->exceptions >> vector & 1)) {
        inject(v, info, (uint32_t)vmread(VMCS_EXIT_ERROR_CODE));
        return true;
    }
    return false;
}

/* Qualification of I/O instructions: SDM vol. 3, table 28-5. */
static bool handle_port(struct vcpu *v)
{
    uint64_t q = vmread(VMCS_QUALIFICATION);
    unsigned bytes = (unsigned)(q & 7) + 1;
    uint16_t port = (uint16_t)(q >> 16);
    bool in = (q & BIT(3)) != 0, string = (q & BIT(4)) != 0;
    if (string)
        return false;
    /* A guest that steps itself is the VMM's affair. */
    bool plain = bytes == 1 && !(vmread(VMCS_GUEST_RFLAGS) & (RFLAGS_TF | RFLAGS_RF));
    if (!plain || !vcpu_port_served(v, port, in)) {
        if (!vcpu_port_allowed(v, port, bytes))
            return false;
        vcpu_port_access(v, port, bytes, in);
    }
    vmwrite(VMCS_GUEST_RIP, vmread(VMCS_GUEST_RIP) + vmread(VMCS_INSTRUCTION_LEN));
    vmwrite(VMCS_GUEST_INTERRUPTIBILITY,
            vmread(VMCS_GUEST_INTERRUPTIBILITY) & ~(uint64_t)(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
    return true;
}

bool vmx_handle_exit(struct vcpu *v)
{
    switch (v->exit_reason) {
    case VMX_EXIT_EXCEPTION:
        return handle_exception(v);
    case VMX_EXIT_PORT:
        return (v->port_count | v->service_count) != 0 && handle_port(v);
    case VMX_EXIT_EPT_VIOLATION:
        restore_nmi_blocking(v, vmread(VMCS_QUALIFICATION));
        return false;
    default:
        return false;
    }
}

/* --- Reports --- */

static void report_state(const struct vcpu *v, uint64_t *msg)
{
    msg[QUOIN_VM_RSP] = vmread(VMCS_GUEST_RSP);
    msg[QUOIN_VM_CR0] = vmx_get_cr0(v);
    msg[QUOIN_VM_CR4] = vmx_get_cr4(v);
    msg[QUOIN_VM_EFER] = vmread(VMCS_GUEST_EFER);
    msg[QUOIN_VM_CS_BASE] = vmread(VMCS_GUEST_CS_BASE);
    msg[QUOIN_VM_CS_RIGHTS] = vmread(VMCS_GUEST_CS_RIGHTS);
}

void vmx_report(struct vcpu *v, struct context *regs, uint64_t *msg, bool extended)
{
    if (unlikely(v->event_queued)) {
        vmwrite(VMCS_ENTRY_INFO, 0);
        v->event_queued = false;
    }
    bool failed = (v->exit_reason & VMX_REASON_FAILED) != 0;
    regs->r10 = vmread(VMCS_GUEST_RIP);
    regs->r8 = v->controls;
    regs->r9 = 0;
    regs->r15 = failed ? QUOIN_VM_ENTRY_FAILED : v->exit_reason & 0xffff;
    /* Of a failed entry: the reason (VM-entry failure), or all ones with the instruction error. */
    msg[QUOIN_VM_QUALIFICATION] = failed ? v->exit_reason : vmread(VMCS_QUALIFICATION);
    msg[QUOIN_VM_INSTRUCTION_LEN] = vmread(VMCS_INSTRUCTION_LEN);
    msg[QUOIN_VM_GUEST_PHYSICAL] = v->exit_reason == VMX_EXIT_NO_ENTRY
                                       ? vmread(VMCS_INSTRUCTION_ERROR)
                                       : vmread(VMCS_GUEST_PHYSICAL);
    msg[QUOIN_VM_RFLAGS] = vmread(VMCS_GUEST_RFLAGS);
    msg[QUOIN_VM_INTERRUPTIBILITY] = vmread(VMCS_GUEST_INTERRUPTIBILITY);
    msg[QUOIN_VM_CR3] = vmread(VMCS_GUEST_CR3);
    if (!extended)
        return;
    report_state(v, msg);
    msg[QUOIN_VM_EXIT_INFO] = 0;
    msg[QUOIN_VM_EXIT_ERROR] = 0;
    if (v->exit_reason == VMX_EXIT_EXCEPTION) {
        msg[QUOIN_VM_EXIT_INFO] = vmread(VMCS_EXIT_INFO);
        msg[QUOIN_VM_EXIT_ERROR] = vmread(VMCS_EXIT_ERROR_CODE);
    }
    msg[QUOIN_VM_VECTORING_INFO] = v->vectoring_info;
    msg[QUOIN_VM_VECTORING_ERROR] = 0;
    if (unlikely(v->vectoring_info & EVENT_VALID))
        msg[QUOIN_VM_VECTORING_ERROR] =
            vmread(failed ? VMCS_ENTRY_ERROR_CODE : VMCS_VECTORING_ERROR_CODE);
    msg[QUOIN_VM_LINEAR] = vmread(VMCS_GUEST_LINEAR);
    msg[QUOIN_VM_INSTRUCTION_INFO] = vmread(VMCS_INSTRUCTION_INFO);
    msg[QUOIN_VM_INSTRUCTION_BYTES] = 0;
    msg[QUOIN_VM_INSTRUCTION_BYTES + 1] = 0;
}

void vmx_report_interrupted(struct vcpu *v, struct context *regs, uint64_t *msg)
{
    regs->r10 = vmread(VMCS_GUEST_RIP);
    regs->r8 = v->controls;
    regs->r9 = v->event_queued ? vmread(VMCS_ENTRY_INFO) : 0;
    if (!msg)
        return;
    msg[QUOIN_VM_INSTRUCTION_LEN] = vmread(VMCS_ENTRY_INSTRUCTION_LEN);
    msg[QUOIN_VM_RFLAGS] = vmread(VMCS_GUEST_RFLAGS);
    msg[QUOIN_VM_INTERRUPTIBILITY] = vmread(VMCS_GUEST_INTERRUPTIBILITY);
    msg[QUOIN_VM_CR3] = vmread(VMCS_GUEST_CR3);
    report_state(v, msg);
    msg[QUOIN_VM_EXIT_ERROR] = vmread(VMCS_ENTRY_ERROR_CODE);
}
