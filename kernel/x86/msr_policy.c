/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The MSRs that a guest may be allowed to use without an exit. Default deny: an MSR stands here
 * only if what the guest reads or writes is the guest's own, switched by hardware or by this
 * kernel.
 */
#include "x86/vcpu.h"
#include "x86/virt_asm.h"

#define READ_WRITE (QUOIN_MSR_READ | QUOIN_MSR_WRITE)
#define MSR_TSC    0x10u

static const struct {
    uint32_t msr;
    unsigned access;
} rules[] = {
    /* In the VMCB and the VMCS: switched at each entry and exit. */
    {MSR_SYSENTER_CS, READ_WRITE},
    {MSR_SYSENTER_ESP, READ_WRITE},
    {MSR_SYSENTER_EIP, READ_WRITE},
    {MSR_FS_BASE, READ_WRITE},
    {MSR_GS_BASE, READ_WRITE},
    /* In the VMCB; on VT-x the kernel switches them. The host's are back before user mode. */
    {MSR_KERNEL_GS_BASE, READ_WRITE},
    {MSR_STAR, READ_WRITE},
    {MSR_LSTAR, READ_WRITE},
    {MSR_CSTAR, READ_WRITE},
    {MSR_FMASK, READ_WRITE},
    /* The kernel switches it with the debug registers. */
    {MSR_TSC_AUX, READ_WRITE},
    /* Hardware adds the guest's offset. A write would set the host's TSC. */
    {MSR_TSC, QUOIN_MSR_READ},
};

unsigned msr_policy(uint32_t msr)
{
    if (msr == MSR_SPEC_CTRL) /* the kernel saves the guest's value and restores its own */
        return cpu.spec_ctrl ? READ_WRITE : 0;
    if (msr == MSR_PRED_CMD) /* write only; a barrier harms nobody but the guest's own speed */
        return cpu.ibpb ? QUOIN_MSR_WRITE : 0;
    if (msr == MSR_TSC_AUX && !cpu.rdtscp)
        return 0;
    for (unsigned i = 0; i < ARRAY_SIZE(rules); i++) {
        if (rules[i].msr == msr)
            return rules[i].access;
    }
    return 0;
}
