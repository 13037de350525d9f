/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end: a broken invariant or an exception of the kernel itself.
 */
#ifndef KERNEL_X86_PANIC_H
#define KERNEL_X86_PANIC_H

#include "x86/arch.h"

/* Prints core, registers and backtrace, stops all cores. */
_Noreturn void panic_exception(const struct context *frame, const struct core *core);
/* Called on NMI: halts if a panic is under way on another core. */
void panic_check_stop(void);

#endif
