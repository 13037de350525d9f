/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end of an instruction, where the VMM must have a part in it: one that it carried out itself,
 * and the IRET behind which an AMD-V guest can take its next NMI.
 */
#ifndef VMM_VCPU_STEP_H
#define VMM_VCPU_STEP_H

#include <stdbool.h>

struct vcpu;

/* What the processor does behind an instruction: RF is cleared (SDM vol. 3, 18.3.1.1), and with TF
 * set a single-step trap is raised (18.3.1.4). RIP is behind the instruction. */
void step_complete(struct vcpu *vcpu);

/* AMD-V: the guest is about to execute the IRET that ends its NMI handler, or the instruction
 * behind STI or MOV SS. It executes that one instruction; no NMI is injected until then. */
void step_begin(struct vcpu *vcpu);

/* A debug exception came as an exit. True: it was the VMM's step; false: it is the guest's. */
bool step_end(struct vcpu *vcpu);

#endif
