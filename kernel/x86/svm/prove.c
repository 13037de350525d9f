/* SPDX-License-Identifier: BSD-2-Clause
 *
 * State that VMRUN refuses (AMD APM vol. 2, 15.5.1, canonicalization and consistency checks) is
 * refused before it. What a processor leaves in the VMCB after VMEXIT_INVALID is not defined:
 * QEMU's TCG leaves the host's registers there, and the guest's are gone.
 */
#include "x86/svm/svm.h"
#include "x86/virt_asm.h"

#define ATTRIBUTE_LONG BIT(9) /* of a code segment: L, D */
#define ATTRIBUTE_32   BIT(10)

static bool cr0_is_valid(uint64_t cr0)
{
    return cr0 >> 32 == 0 && !((cr0 & CR0_NW) && !(cr0 & CR0_CD));
}

/* Long mode, or what is to become it with paging. */
static bool mode_is_valid(const struct vmcb *b)
{
    const uint16_t both = ATTRIBUTE_LONG | ATTRIBUTE_32;
    if (!(b->efer & EFER_LME) || !(b->cr0 & CR0_PG))
        return true;
    return (b->cr4 & CR4_PAE) && (b->cr0 & CR0_PE) && (b->cs.attributes & both) != both;
}

static bool state_is_valid(const struct vmcb *b)
{
    return cr0_is_valid(b->cr0) && b->cr3 >> cpu.physical_bits == 0 &&
           (b->cr4 & ~svm_has.cr4_allowed) == 0 && b->dr6 >> 32 == 0 && b->dr7 >> 32 == 0 &&
           (b->efer & EFER_SVME) && (b->efer & ~(svm_has.efer_allowed | EFER_SVME)) == 0 &&
           mode_is_valid(b);
}

void svm_exit_before_entry(struct vcpu *v, uint64_t exit_code)
{
    struct vmcb *b = svm_block(v);
    b->exit_code = exit_code;
    b->exit_info1 = b->exit_info2 = 0;
    b->exit_int_info = b->event_injection;
    if (v->virtual_interrupt) {
        b->exit_int_info =
            EVENT_VALID | (b->interrupt_control >> VINTR_VECTOR_SHIFT & EVENT_VECTOR);
    } else if ((b->event_injection >> EVENT_TYPE_SHIFT & EVENT_TYPE_MASK) == EVENT_NMI) {
        v->nmi_blocked = false; /* nor has it begun */
        svm_update_intercepts(v);
    }
    if (v->soft_event)
        b->rip = v->soft_rip;
    v->soft_event = false;
}

bool svm_prove_state(struct vcpu *v)
{
    struct vmcb *b = svm_block(v);
    if (!state_is_valid(b)) {
        svm_exit_before_entry(v, SVM_EXIT_INVALID);
        return false;
    }
    v->proven_cr0 = b->cr0;
    return true;
}

bool svm_state_is_of_host(const struct vmcb *b)
{
    return svm_is_invalid(b->exit_code) && b->rip == (uintptr_t)svm_vmrun;
}
