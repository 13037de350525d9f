/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From entry.S to the kernel proper and back.
 */
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/entry.h"
#include "x86/offsets.h"
#include "x86/fpu.h"
#include "x86/panic.h"
#include "x86/percpu.h"
#include "x86/smp.h"
#include "x86/virt.h"
#include "api/label.h"
#include "sel4/quoin.h"

#define CHECK(struct_name, member, name) \
    _Static_assert(offsetof(struct struct_name, member) == (name), "offsets.h")
CHECK(context, r15, CONTEXT_R15);
CHECK(context, r14, CONTEXT_R14);
CHECK(context, r13, CONTEXT_R13);
CHECK(context, r12, CONTEXT_R12);
CHECK(context, rbp, CONTEXT_RBP);
CHECK(context, rbx, CONTEXT_RBX);
CHECK(context, r11, CONTEXT_R11);
CHECK(context, r10, CONTEXT_R10);
CHECK(context, r9, CONTEXT_R9);
CHECK(context, r8, CONTEXT_R8);
CHECK(context, rax, CONTEXT_RAX);
CHECK(context, rcx, CONTEXT_RCX);
CHECK(context, rdx, CONTEXT_RDX);
CHECK(context, rsi, CONTEXT_RSI);
CHECK(context, rdi, CONTEXT_RDI);
CHECK(context, vector, CONTEXT_VECTOR);
CHECK(context, error_code, CONTEXT_ERROR_CODE);
CHECK(context, rip, CONTEXT_RIP);
CHECK(context, cs, CONTEXT_CS);
CHECK(context, rflags, CONTEXT_RFLAGS);
CHECK(context, rsp, CONTEXT_RSP);
CHECK(context, ss, CONTEXT_SS);
CHECK(context, restart_ip, CONTEXT_FRAME_SIZE);
CHECK(core, current_context, CORE_CONTEXT);
CHECK(core, kernel_stack, CORE_KERNEL_STACK);
CHECK(core, scratch, CORE_SCRATCH);
CHECK(core, kernel_cr3, CORE_KERNEL_CR3);
CHECK(core, user_cr3, CORE_USER_CR3);
CHECK(core, exit_frame, CORE_EXIT_FRAME);
CHECK(core, self, CORE_SELF);

enum { EXCEPTION_NMI = 2, EXCEPTION_NO_FPU = 7, EXCEPTION_PAGE_FAULT = 14, EXCEPTION_COUNT = 32 };

static bool is_idle(const struct core *core)
{
    return core->current->state == THREAD_IDLE;
}

static void idle(struct core *core)
{
    kernel_unlock();
    unsigned vector = arch_interrupt_wait();
    while (vector == 0 || (interrupt_early(core, vector) && !core->reschedule)) {
        vector = arch_interrupt_wait();
    }
    kernel_enter(core);
    kernel_interrupt(core, vector);
}

/* What runs next is no user thread: the core idles, or runs a guest. */
static __attribute__((noinline)) void leave_otherwise(struct core *core)
{
    do {
        if (is_idle(core)) {
            idle(core);
        } else {
            virt_run(core);
        }
        sched_leave(core);
    } while (core->current->state >= THREAD_RUNNING_VM);
}

/* There is nothing to decide: sched_leave would do no more than switch to the current thread. */
static inline bool is_settled(const struct core *core)
{
    const struct tcb *t = core->current;

    return !QUOIN_DEBUG && t->state == THREAD_RUNNING && t->sc == core->current_sc &&
           !(core->reschedule | core->reprogram);
}

void kernel_leave(struct core *core)
{
    if (likely(is_settled(core))) {
        if (percpu_of(core)->loaded_all != core->current) {
            arch_switch_to(core, core->current);
        }
        kernel_unlock();
        return;
    }
    sched_leave(core);
    if (unlikely(core->current->state >= THREAD_RUNNING_VM)) {
        leave_otherwise(core);
    }
    kernel_unlock();
}

static __attribute__((noinline)) void enter_guest(struct core *core, bool extended)
{
    enum virt_entry entry = virt_enter_quickly(core, extended);
    if (!QUOIN_DEBUG && likely(entry == VIRT_ENTRY_RETURN)) {
        kernel_unlock();
        return;
    }
    if (entry == VIRT_ENTRY_REFUSED) {
        kernel_syscall(core, (int64_t)core->current_context->rdx);
    }
    kernel_leave(core);
}

static inline void take_long_way(struct core *core)
{
    int64_t number = (int64_t)core->current_context->rdx;
    if (number == SYS_VMENTER) {
        enter_guest(core, false);
        return;
    }
    kernel_syscall(core, number);
    kernel_leave(core);
}

void dispatch_syscall(struct core *core)
{
    if (unlikely(!kernel_enter(core))) {
        kernel_leave(core);
        return;
    }
    /* A fast call leaves nothing to decide, and another thread is current. What another core may
     * have asked of this one comes with an interrupt of its own. */
    bool other = !QUOIN_DEBUG;
    if (unlikely(!kernel_fast_syscall(core))) {
        if ((int64_t)core->current_context->rdx == QUOIN_SYS_VMENTER) {
            enter_guest(core, true);
            return;
        }
        if (!kernel_fast_signal(core)) {
            take_long_way(core);
            return;
        }
        other = is_settled(core) && percpu_of(core)->loaded != core->current;
    }
    if (likely(other) && likely(arch_switch_quickly(core, core->current))) {
        kernel_unlock();
        return;
    }
    kernel_leave(core);
}

bool interrupt_early(struct core *core, unsigned vector)
{
    if (vector == VECTOR_SPURIOUS) {
        return true; /* not to be acknowledged (SDM vol. 3, 10.9) */
    }
    if (vector != VECTOR_CORE_CALL) {
        return false;
    }
    apic_eoi();
    core_call_answer(core);
    return true;
}

void kernel_interrupt(struct core *core, unsigned vector)
{
    if (vector >= VECTOR_USER_FIRST && vector <= VECTOR_USER_LAST) {
        irq_deliver(vector - VECTOR_USER_FIRST);
        apic_eoi();
    } else if (vector == VECTOR_TIMER) {
        apic_eoi();
        sched_tick(core);
    } else if (vector == VECTOR_RESCHEDULE) {
        apic_eoi();
        core->reschedule = true;
    } else if (vector == VECTOR_IOMMU) {
        apic_eoi();
        iommu_interrupt();
    } else if (vector == VECTOR_CORE_CALL) {
        interrupt_early(core, vector);
    } else if (vector >= EXCEPTION_COUNT && vector < VECTOR_USER_FIRST) {
        apic_eoi(); /* masked PIC lines do not come here; harmless if one did */
    }
}

/* AMD processors report some exceptions with the non-canonical target in RIP; IRET would fault on
 * it. */
static void check_rip(struct context *c)
{
    if (unlikely(c->rip >= USER_TOP)) {
        c->rip = 0;
        c->restart_ip = 0;
    }
}

static void dispatch_exception(struct core *core, unsigned vector)
{
    struct context *c = core->current_context;
    uint64_t address = vector == EXCEPTION_PAGE_FAULT ? asm_read_cr2() : 0;
    check_rip(c);
    if (kernel_enter(core) && !(vector == EXCEPTION_NO_FPU && fpu_demand(core))) {
        if (vector == EXCEPTION_PAGE_FAULT) {
            kernel_page_fault(core, address, c->error_code);
        } else {
            kernel_user_exception(core, vector, c->error_code);
        }
    }
    kernel_leave(core);
}

void dispatch_interrupt(struct core *core)
{
    struct context *c = core->current_context;
    unsigned vector = (unsigned)c->vector;
    c->restart_ip = c->rip;
    if (vector < EXCEPTION_COUNT) {
        dispatch_exception(core, vector);
    } else if (vector > VECTOR_RESCHEDULE && vector < VECTOR_SPURIOUS) {
        c->restart_ip -= 2; /* INT n */
        if (kernel_enter(core)) {
            kernel_unknown_syscall(core, (uint64_t)vector << 24 | (c->rax & MASK(24)));
        }
        kernel_leave(core);
    } else if (!interrupt_early(core, vector) || core->reschedule) {
        kernel_enter(core);
        kernel_interrupt(core, vector);
        kernel_leave(core);
    }
}

struct fixup {
    uint64_t from, to;
};
extern const struct fixup fixup_table_start[], fixup_table_end[];

void dispatch_kernel_exception(struct context *frame)
{
    for (const struct fixup *f = fixup_table_start; f < fixup_table_end; f++) {
        if (f->from == frame->rip) {
            frame->rip = f->to;
            return;
        }
    }
    panic_exception(frame, core_self());
}

void dispatch_ist(struct context *frame, struct core *core)
{
    if (frame->vector != EXCEPTION_NMI) {
        asm_wrmsr(MSR_GS_BASE, (uint64_t)(uintptr_t)core);
        panic_exception(frame, core);
    }
    panic_check_stop(); /* another core panics: does not return */
}
