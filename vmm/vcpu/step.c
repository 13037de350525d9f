/* SPDX-License-Identifier: BSD-2-Clause
 *
 * AMD-V tells of an IRET before it is executed (APM vol. 2, 15.9: an intercept has the instruction
 * still to come), and has no exit for the moment at which NMIs are taken again. So the guest
 * executes the IRET with TF set, and the trap behind it is that moment. TF is not seen by the
 * guest: IRET loads the flags anew, and a fault in it leaves TF in the saved flags alone, with
 * which the same IRET is tried again.
 */
#include "vmm/vcpu/step.h"

#include "vmm/vcpu/alu.h"
#include "vmm/vm.h"

#define DR6_BS    (1ull << 14)
#define DR6_OTHER 0x200full /* BD, B3 to B0 */

#define INTERCEPT_DB (1u << EXCEPTION_DB)

void step_complete(struct vcpu *vcpu)
{
    uint64_t flags = vcpu->mr[QUOIN_VM_RFLAGS];
    if ((flags & FLAG_RF) != 0)
        vcpu_set_rflags(vcpu, flags & ~FLAG_RF);
    if ((flags & FLAG_TF) == 0)
        return;
    uint64_t dr6 = vcpu->operations->read(vcpu, QUOIN_FIELD_DR6);
    vcpu->operations->write(vcpu, QUOIN_FIELD_DR6, dr6 | DR6_BS);
    vcpu_raise(vcpu, EXCEPTION_DB);
}

void step_begin(struct vcpu *vcpu)
{
    uint64_t flags = vcpu->mr[QUOIN_VM_RFLAGS];
    vcpu->stepping = true;
    vcpu->step_iret = vcpu->iret_awaited;
    vcpu->step_own = (flags & FLAG_TF) != 0;
    vcpu->step_dr6 = vcpu->operations->read(vcpu, QUOIN_FIELD_DR6);
    vcpu->operations->write(vcpu, FIELD_EXCEPTION_BITMAP, INTERCEPT_DB);
    vcpu_set_rflags(vcpu, flags | FLAG_TF);
}

bool step_end(struct vcpu *vcpu)
{
    if (!vcpu->stepping)
        return false;
    vcpu->stepping = false;
    vcpu->operations->write(vcpu, FIELD_EXCEPTION_BITMAP, 0);
    if (vcpu->step_own)
        return false;
    if (!vcpu->step_iret)
        vcpu_set_rflags(vcpu, vcpu->mr[QUOIN_VM_RFLAGS] & ~FLAG_TF);
    /* The trap behind the IRET may be that of a breakpoint as well, which the guest must see. */
    uint64_t dr6 = vcpu->operations->read(vcpu, QUOIN_FIELD_DR6);
    bool other = (dr6 & ~vcpu->step_dr6 & DR6_OTHER) != 0;
    vcpu->operations->write(vcpu, QUOIN_FIELD_DR6, other ? dr6 & ~DR6_BS : vcpu->step_dr6);
    return !other;
}
