/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the objects and the scheduler need from the machine, and what the machine's entry code
 * calls. kernel/object and kernel/api include this header of x86/ and no other.
 */
#ifndef KERNEL_X86_ARCH_H
#define KERNEL_X86_ARCH_H

#include "api/call.h"
#include "object/sched.h"

/* --- The machine, for everyone ------------------------------------------------------------ */

/* The core this code runs on (GS base). */
static inline struct core *core_self(void);

/* TSC now; the kernel's time everywhere. */
static inline ticks_t arch_now(void)
{
    return __builtin_ia32_rdtsc();
}
ticks_t arch_us_to_ticks(uint64_t us); /* saturates */
uint64_t arch_ticks_to_us(ticks_t t);
uint64_t arch_tsc_hz(void);
/* Arms this core's timer interrupt (VECTOR_TIMER) for an absolute TSC value; the past: at once. */
void arch_set_deadline(ticks_t deadline);

/* Runs fn(arg) on another core with that core's user state saved, and waits until it has run. The
 * caller holds the kernel lock. fn runs in interrupt context without the lock. If reschedule, the
 * other core goes through sched_enter/sched_leave with the lock before it returns to user. */
void arch_core_call(unsigned core, void (*fn)(void *arg), void *arg, bool reschedule);
/* Asks another core to go through sched_leave soon (its ready queue changed). Does not wait. */
void arch_core_reschedule(unsigned core);

/* The kernel's one lock. Spinning answers arch_core_call. */
void kernel_lock(void);
void kernel_unlock(void);

static inline void *arch_window(struct paddr p)
{
    return (void *)(uintptr_t)(p.v + PHYS_WINDOW_BASE);
}
static inline struct paddr arch_paddr(const void *window)
{
    return (struct paddr){(uint64_t)(uintptr_t)window - PHYS_WINDOW_BASE};
}

/* --- Threads ------------------------------------------------------------------------------- */

/* Registers and XSAVE area of a new thread (reset state, ABI section 2). */
void arch_tcb_init(struct tcb *t);
/* Makes t the thread whose state entry/exit code uses on this core: address space, FPU, FS/GS
 * bases, VCPU. Called by sched_leave for core->current. Saves the FS/GS bases of the thread that
 * ran before (which may be the same). */
void arch_switch_to(struct core *core, struct tcb *t);
/* The same for the most frequent case, another thread in user mode that does not have the FPU:
 * false if it is not that, and nothing was done. */
bool arch_switch_quickly(struct core *core, struct tcb *t);
/* The thread's FPU state is put into its XSAVE area, wherever it was. */
void arch_fpu_release(struct tcb *t);
/* FS/GS base of a thread that may have changed them itself (FSGSBASE) into its context. */
void arch_sync_bases(struct tcb *t);
/* For arch_core_call: the core saves the FS/GS bases of the thread that it ran and forgets it, so
 * that its next arch_switch_to saves nothing over what the caller changes. */
void arch_detach(void *core);
/* FS base of the current thread, at once (SetTLSBase). */
void arch_set_fs_base(struct tcb *t, uint64_t base);
/* Thread register i of the ABI's seL4_UserContext order (0..19). Setting sanitises as ABI section
 * 8 says and marks the context ENTRY_FULL. */
uint64_t arch_get_register(const struct tcb *t, unsigned i);
void arch_set_register(struct tcb *t, unsigned i, uint64_t value);
/* The thread is being deleted: forget it in every core (FPU owner, VCPU). */
void arch_tcb_finalise(struct tcb *t);

/* --- Capabilities of odd type --------------------------------------------------------------- */

enum result arch_cap_derive(struct call *c, struct slot *slot, struct cap cap, struct cap *derived);
struct cap arch_cap_mask_rights(struct cap cap, unsigned rights);
struct cap arch_cap_update_data(bool preserve, uint64_t data, struct cap cap);
bool arch_cap_same_object(struct cap a, struct cap b);
bool arch_cap_region_contains(struct cap a, struct cap b);
/* Physical range of a frame or paging object: false if it has none. */
bool arch_cap_region(struct cap cap, struct paddr *base, unsigned *size_bits);
/* One capability goes away (unmaps a frame); final: the object with it. Bounded. */
void arch_cap_finalise(struct cap cap, bool final);

/* Retype: object size in bits for an x86 type (>= OBJECT_PDPT), 0 if there is no such type. */
unsigned arch_object_bits(uint64_t type);
bool arch_object_device_ok(uint64_t type); /* frames */
/* Makes one object in cleared memory (device: uncleared, frames only) and returns its cap. */
struct cap arch_object_create(uint64_t type, struct paddr base, bool device);

/* The frame cap may hold an IPC buffer at address: frame of RAM, read and write. */
bool arch_is_valid_buffer(struct cap frame, uint64_t address);
bool arch_is_valid_vspace(struct cap cap); /* PML4 with a valid ASID */

/* --- Interrupts ----------------------------------------------------------------------------- */

/* IRQControl labels of x86: GetIOAPIC and GetMSI. */
enum result arch_irq_control_decode(struct call *c);
/* An interrupt came, or was acknowledged (irq: 0..IRQ_COUNT-1). Messages cannot be masked; where
 * the IOMMU can hold them back, acknowledging may signal once more what was dropped. */
void arch_irq_mask(unsigned irq, bool mask);
/* Its handler capability is gone: it comes no more. */
void arch_irq_release(unsigned irq);

/* Generic side: the handler's notification slots, by irq. */
extern struct slot irq_notifications[IRQ_COUNT];
enum irq_state { IRQ_FREE, IRQ_ISSUED };
extern uint8_t irq_states[IRQ_COUNT];
/* A user interrupt fired on this core: masks it, signals its notification. */
void irq_deliver(unsigned irq);
/* Signals its notification alone. */
void irq_signal(unsigned irq);
void irq_handler_finalise(unsigned irq);

/* --- Entry: x86/entry code calls these with the lock held, registers saved in the current
 * thread's context (vector and error code in it for all but system calls) and sched_enter() done;
 * sched_leave() and the unlocking follow in the entry code. --------------------------------- */

void kernel_syscall(struct core *core, int64_t number);
/* The fast forms of Call and ReplyRecv: false if it is none, and nothing was changed. */
bool kernel_fast_syscall(struct core *core);
/* The same for signals, waits and acknowledgements; what sched_leave decides may be left to do. */
bool kernel_fast_signal(struct core *core);
void kernel_user_exception(struct core *core, unsigned vector, uint64_t error_code);
void kernel_page_fault(struct core *core, uint64_t address, uint64_t error_code);
void kernel_unknown_syscall(struct core *core, uint64_t number); /* INT n from user mode */

/* VMEnter (ABI section 13, sel4/quoin.h) of a thread that has a VCPU: puts it into its guest, or
 * returns a result. */
void arch_vmenter(struct core *core, struct tcb *t, bool extended);
/* A notification arrived for a thread in its guest: the registers of VMEnter's result 0 are
 * written, except the badge. */
void arch_vm_interrupted(struct tcb *t);

/* --- Console and panic ---------------------------------------------------------------------- */

void console_put(char c);
void console_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void kernel_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void arch_halt(void);

/* Debug builds panic on a broken invariant of the kernel itself; never on anything a user chose. */
#define kernel_assert(condition)                                       \
    do {                                                               \
        if (QUOIN_DEBUG && unlikely(!(condition)))                     \
            kernel_panic("%s:%d: %s", __FILE__, __LINE__, #condition); \
    } while (0)

void memory_clear(void *p, size_t bytes);
void memory_copy(void *to, const void *from, size_t bytes);

static inline struct core *core_self(void)
{
    struct core *self;
    __asm__("mov %%gs:%c1, %0" : "=r"(self) : "i"(offsetof(struct core, self)));
    return self;
}

#endif
