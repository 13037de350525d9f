/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a vCPU is doing, told to the log (vm_report): registers, code and stack. For a guest that
 * has failed, and for one that hangs, on request.
 */
#ifndef VMM_VCPU_DUMP_H
#define VMM_VCPU_DUMP_H

#include "vmm/vm.h"

/* Tells at once. By the vCPU's own thread, between two entries. */
void dump_vcpu(struct vcpu *vcpu);

/* Has every vCPU tell before its next entry, wherever its thread is now. */
void dump_request(struct vm *vm);

#endif
