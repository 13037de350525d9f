/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whose x87/SSE/AVX state is in a core's registers. A thread that may use them finds its own there,
 * at once or (cpu.fpu_on_demand) after a first #NM; one that may not finds CR0.TS set.
 */
#ifndef KERNEL_X86_FPU_H
#define KERNEL_X86_FPU_H

#include "x86/arch.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/percpu.h"

/* Closes or opens the FPU registers for what runs in user mode: CR0.TS. */
static inline void fpu_set_disabled(struct percpu *p, bool disabled)
{
    if (p->fpu_disabled == disabled) {
        return;
    }
    p->fpu_disabled = disabled;
    if (disabled) {
        asm_write_cr0(asm_read_cr0() | CR0_TS);
    } else {
        asm_clts();
    }
}

/* The reset state in a thread's XSAVE area. */
void fpu_init_area(uint8_t *area);
/* t runs next on core. */
void fpu_switch_to(struct core *core, struct percpu *p, struct tcb *t);
/* #NM in the current thread; lock held. True: its state is loaded now. False: it may have none. */
bool fpu_demand(struct core *core);

#endif
