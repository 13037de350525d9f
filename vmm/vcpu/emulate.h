/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Carrying out the instruction of a memory exit, and string port I/O.
 */
#ifndef VMM_VCPU_EMULATE_H
#define VMM_VCPU_EMULATE_H

#include "vmm/vcpu/access.h"

enum emulate_result {
    EMULATE_DONE = 0,     /* RIP has been moved, or an exception queued */
    EMULATE_UNKNOWN = -1, /* no such instruction here; nothing was changed */
};

/* The instruction accessed device memory at exit->memory.gpa. */
int emulate_memory(struct vcpu *vcpu, const struct exit *exit, const struct insn *insn);

/* MOVS, STOS, LODS, CMPS, SCAS with device memory on either side. */
int emulate_string(struct vcpu *vcpu, const struct insn *insn);

/* INS and OUTS. */
int emulate_string_port(struct vcpu *vcpu, const struct exit *exit, const struct insn *insn);

#endif
