/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VM-execution, exit and entry controls, and the control registers' owned bits: what the VMM asks
 * for, fitted to what the kernel needs and the processor has.
 */
#include "x86/virt_asm.h"
#include "x86/vmx/vmx.h"

/* #DB and #AC: see vmx_handle_exit. #MC is the host's. */
#define EXCEPTIONS_FORCED (BIT(1) | BIT(17) | BIT(18))

uint32_t vmx_fit_control(const struct vmx_control *c, uint64_t value)
{
    return ((uint32_t)value & c->allowed) | c->forced;
}

void vmx_write_primary(struct vcpu *v)
{
    vmwrite(VMCS_PRIMARY_CONTROLS, vmx_fit_control(&vmx_has.primary, v->controls));
}

void vmx_write_exceptions(struct vcpu *v)
{
    vmwrite(VMCS_EXCEPTION_BITMAP, v->exceptions | EXCEPTIONS_FORCED);
}

/* Bits that the guest must not change directly: those fixed in VMX operation, and in CR4 those
 * that no guest is offered, and MCE, without which a machine check would shut the machine down
 * (SDM vol. 3, 28.1, note on CR4.MCE). */
static uint64_t cr0_owned(void)
{
    return vmx_has.cr0_fixed0;
}
static uint64_t cr4_owned(void)
{
    return vmx_has.cr4_fixed0 | CR4_MCE | ~vmx_has.cr4_allowed;
}

void vmx_write_cr_masks(struct vcpu *v)
{
    vmwrite(VMCS_CR0_MASK, v->cr0_mask | cr0_owned());
    vmwrite(VMCS_CR4_MASK, v->cr4_mask | cr4_owned());
}

uint64_t vmx_get_cr0(const struct vcpu *v)
{
    uint64_t owned = cr0_owned();
    return (vmread(VMCS_GUEST_CR0) & ~owned) | (v->cr0_shadow & owned);
}

uint64_t vmx_get_cr4(const struct vcpu *v)
{
    uint64_t owned = cr4_owned();
    return (vmread(VMCS_GUEST_CR4) & ~owned) | (v->cr4_shadow & owned);
}

uint64_t vmx_set_cr0(struct vcpu *v, uint64_t value)
{
    uint64_t owned = cr0_owned();
    uint64_t real = (value | vmx_has.cr0_fixed0) & vmx_has.cr0_fixed1;
    v->cr0_shadow = (v->cr0_shadow & ~owned) | (value & owned);
    vmwrite(VMCS_CR0_SHADOW, v->cr0_shadow);
    vmwrite(VMCS_GUEST_CR0, real);
    return real;
}

uint64_t vmx_set_cr4(struct vcpu *v, uint64_t value)
{
    uint64_t owned = cr4_owned();
    uint64_t real =
        ((value & vmx_has.cr4_allowed) | vmx_has.cr4_fixed0 | CR4_MCE) & vmx_has.cr4_fixed1;
    v->cr4_shadow = (v->cr4_shadow & ~owned) | (value & owned);
    vmwrite(VMCS_CR4_SHADOW, v->cr4_shadow);
    vmwrite(VMCS_GUEST_CR4, real);
    return real;
}

/* The entry control "IA-32e mode guest" must say what EFER.LMA says (SDM vol. 3, 27.3.1.1); exits
 * keep it so. */
void vmx_write_efer(uint64_t efer)
{
    uint64_t entry = vmread(VMCS_ENTRY_CONTROLS) & ~ENTRY_LONG_MODE;
    vmwrite(VMCS_GUEST_EFER, efer);
    vmwrite(VMCS_ENTRY_CONTROLS, entry | (efer & EFER_LMA ? ENTRY_LONG_MODE : 0));
}
