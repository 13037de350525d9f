/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Between entry.S and C, and the way in and out of the kernel proper: interrupts are off in the
 * kernel; one core at a time is between kernel_enter and the end of kernel_leave.
 */
#ifndef KERNEL_X86_ENTRY_H
#define KERNEL_X86_ENTRY_H

#include "x86/arch.h"

/* --- entry.S ---------------------------------------------------------------------------------- */

void entry_syscall(void);          /* LSTAR */
void entry_syscall_isolated(void); /* LSTAR with Meltdown isolation */
/* 256 stubs of ENTRY_STUB_SIZE bytes, for each kind. */
extern const char entry_stubs[], entry_stubs_isolated[];
#define ENTRY_STUB_SIZE 16
void entry_nmi(void);
void entry_double_fault(void);
void entry_machine_check(void);

/* Leaves to user mode with core->current_context; the end of booting. */
_Noreturn void entry_exit(void);
_Noreturn void entry_exit_isolated(void);

/* Halts with interrupts on until one arrives. Returns its vector without having acknowledged it to
 * the local APIC; 0 if something else woke the core. See also arch_interrupt_window in virt.h. */
unsigned arch_interrupt_wait(void);

/* --- dispatch.c ------------------------------------------------------------------------------- */

/* Takes the lock and starts the clock of this entry. False if another core took the current thread
 * away while this one waited for the lock: then what it wanted is dropped (its context was set
 * back, it will ask again) and only kernel_leave follows. */
bool kernel_enter_locking(struct core *core);
static inline bool kernel_enter(struct core *core)
{
    if (unlikely(core_count != 1)) {
        return kernel_enter_locking(core);
    }
    sched_enter(core);
    return true;
}
/* Picks the next thread and gives up the lock; runs idling and guests until a thread is to run in
 * user mode. */
void kernel_leave(struct core *core);

/* What of an interrupt that arrived outside user mode can be done without the lock: true if that is
 * all of it (a core call). The caller then goes on with what it did, or, if core->reschedule is
 * set, through kernel_enter and sched_leave. Optional before kernel_interrupt (virt.h). */
bool interrupt_early(struct core *core, unsigned vector);

/* Called by entry.S. */
void dispatch_syscall(struct core *core);
void dispatch_interrupt(struct core *core);
void dispatch_kernel_exception(struct context *frame);
void dispatch_ist(struct context *frame, struct core *core);

#endif
