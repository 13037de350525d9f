/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Several cores: starting them, the lock, calls between them.
 */
#ifndef KERNEL_X86_SMP_H
#define KERNEL_X86_SMP_H

#include "x86/arch.h"

struct acpi_info;

/* Boot core: gives each processor of the MADT a core number, at most max, and starts it. They wait
 * for smp_release in smp_core_main. Sets core_count. */
void smp_start(const struct acpi_info *acpi, unsigned max);
/* The other cores wait here. */
void smp_wait_release(void);
/* The first thread is ready: all cores may schedule. */
void smp_release(void);

/* Answers a waiting core call on this core, if there is one. */
void core_call_answer(struct core *core);

/* Where the idle thread of a core starts (main.c). */
_Noreturn void smp_core_main(unsigned id);

#endif
