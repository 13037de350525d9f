/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's one lock, and calls that its holder makes on other cores. A core that waits for the
 * lock answers calls meanwhile: its holder may be waiting for that.
 */
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/entry.h"
#include "x86/fair_lock.h"
#include "x86/percpu.h"
#include "x86/smp.h"

static _Alignas(64) struct fair_lock lock;

void kernel_lock(void)
{
    if (core_count == 1) {
        return;
    }
    struct core *self = core_self();
    for (unsigned turn = 0; !fair_lock_try(&lock, self->id, turn); turn++) {
        core_call_answer(self);
        asm_pause();
    }
}

void kernel_unlock(void)
{
    if (core_count == 1) {
        return;
    }
    fair_lock_release(&lock);
}

/* What the current thread came for is dropped: it is set back so that it will ask again when it
 * runs again. An exception's instruction is repeated anyway; behind SYSCALL, INT n and INT3 it
 * takes going back. */
static void set_back(struct context *c)
{
    if (c->vector == ENTRY_SYSCALL) {
        c->rip -= 2;
        c->vector = ENTRY_FULL;
    } else if (c->vector == 3) {
        c->rip -= 1;
    } else if (c->vector > VECTOR_RESCHEDULE && c->vector < VECTOR_SPURIOUS) {
        c->rip -= 2;
    }
}

void core_call_answer(struct core *core)
{
    struct percpu *p = percpu_of(core);
    if (!__atomic_load_n(&p->call.pending, __ATOMIC_ACQUIRE)) {
        return;
    }
    if (p->call.reschedule) {
        core->reschedule = true;
        if (p->in_kernel_enter && !p->aborted) {
            p->aborted = true;
            if (core->current->state != THREAD_RUNNING_VM && core->current != core->idle) {
                set_back(core->current_context);
            }
        }
    }
    p->call.fn(p->call.arg);
    __atomic_store_n(&p->call.pending, false, __ATOMIC_RELEASE);
}

void arch_core_call(unsigned core, void (*fn)(void *arg), void *arg, bool reschedule)
{
    struct percpu *p = &percpus[core];
    p->call.fn = fn;
    p->call.arg = arg;
    p->call.reschedule = reschedule;
    __atomic_store_n(&p->call.pending, true, __ATOMIC_RELEASE);
    apic_send(cores[core].apic_id, VECTOR_CORE_CALL);
    while (__atomic_load_n(&p->call.pending, __ATOMIC_ACQUIRE)) {
        asm_pause();
    }
}

void arch_core_reschedule(unsigned core)
{
    apic_send(cores[core].apic_id, VECTOR_RESCHEDULE);
}

bool kernel_enter_locking(struct core *core)
{
    struct percpu *p = percpu_of(core);
    p->aborted = false;
    p->in_kernel_enter = true;
    kernel_lock();
    p->in_kernel_enter = false;
    sched_enter(core);
    return !p->aborted;
}
