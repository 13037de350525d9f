/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VT-x: the host's registers around a guest.
 */
#ifndef KERNEL_X86_VMX_HOST_H
#define KERNEL_X86_VMX_HOST_H

#include "x86/vcpu.h"

/* Once on each core, with its tables and MSRs set up. */
void vmx_host_init(unsigned core);
/* The current VMCS comes to this core: its host-state area. */
void vmx_host_load(unsigned core, struct vcpu *v);
/* Before running: what may have changed in the host since. */
void vmx_host_update(struct vcpu *v);
/* Around each entry: registers that a VMCS does not switch. */
void vmx_host_leave(unsigned core, struct vcpu *v);
void vmx_host_return(unsigned core, struct vcpu *v);

#endif
