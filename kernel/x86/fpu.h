/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whose x87/SSE/AVX state is in a core's registers. A thread that may use them finds its own there
 * whenever it runs (no lazy switching); one that may not finds CR0.TS set.
 */
#ifndef KERNEL_X86_FPU_H
#define KERNEL_X86_FPU_H

#include "x86/arch.h"
#include "x86/percpu.h"

/* The reset state in a thread's XSAVE area. */
void fpu_init_area(uint8_t *area);
/* t runs next on core. */
void fpu_switch_to(struct core *core, struct percpu *p, struct tcb *t);
/* The current thread used the FPU while its own guest's state is loaded (virt.h). */
void fpu_take_back(struct core *core);

#endif
