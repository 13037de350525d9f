/* SPDX-License-Identifier: BSD-2-Clause */
#include "object/tcb.h"

#include "object/refill.h"
#include "x86/arch.h"

void tcb_init(struct tcb *t)
{
    t->state = THREAD_INACTIVE;
    t->core = core_self()->id;
    t->domain = (uint8_t)core_self()->domain;
    t->place = sched_place(t->core, t->domain);
    arch_tcb_init(t);
}

void tcb_root_changed(struct tcb *t)
{
    struct cap cap = t->slots[TCB_SLOT_CSPACE].cap;
    unsigned radix = cap_cnode_radix(cap);

    t->space.key = 0;
    t->flat = (struct flat_cspace){.root = cap.w0};
    if (cap_type(cap) == CAP_CNODE && radix + cap_cnode_guard_size(cap) == 64) {
        t->flat.guard = cap.w1 << radix;
        t->flat.count = BIT(radix);
        t->flat.slots = cap_object(cap);
    }
}

void tcb_set_state(struct tcb *t, enum thread_state state)
{
    t->state = state;
    if (!tcb_is_runnable(t) && cores[t->core].current == t) {
        cores[t->core].reschedule = true;
    }
}

void tcb_apply_restart(struct tcb *t)
{
    t->context.rip = t->context.restart_ip;
    if (t->state == THREAD_RESTART) {
        t->state = THREAD_RUNNING;
    }
}

void tcb_stall(struct tcb *t)
{
    struct core *core = &cores[t->core];
    struct core *self = core_self();

    if (core == self || core->current != t) {
        return;
    }
    arch_core_call(t->core, arch_detach, core, true);
    /* It waits for the lock now. Settle its accounts as if it had entered just now. */
    if (self->now > core->now) {
        core->now = self->now;
    }
    sched_charge(core);
    core->current_sc = NULL;
    core->current = core->idle;
    core->reschedule = true;
    sched_enqueue_head(t);
}

void tcb_suspend(struct tcb *t)
{
    tcb_stall(t);
    if (t->yield_to) {
        t->yield_to->yield_from = NULL;
        t->yield_to = NULL;
    }
    switch (t->state) {
    case THREAD_RUNNING:
        t->context.restart_ip = t->context.rip; /* Resume goes on where it stopped */
        break;
    case THREAD_RUNNING_VM:
        /* Resume enters the guest again, with the registers where the protocol wants them. */
        arch_vm_interrupted(t);
        t->context.rdi = 0;
        break;
    case THREAD_INACTIVE:
    case THREAD_RESTART:
    case THREAD_IDLE:
        break;
    default:
        ipc_cancel(t);
        break;
    }
    sched_dequeue(t);
    tcb_set_state(t, THREAD_INACTIVE);
}

void tcb_restart(struct tcb *t)
{
    if (tcb_is_runnable(t) || t->state == THREAD_IDLE) {
        return;
    }
    ipc_cancel(t);
    tcb_set_state(t, THREAD_RESTART);
    sched_wake(t);
}

/* Queued threads change place: out, change, in. */
static void requeue(struct tcb *t, bool was_queued)
{
    struct core *core = &cores[t->core];

    if (was_queued) {
        sched_wake(t);
    }
    if (core->current == t) {
        core->reschedule = true;
        if (core != core_self()) {
            arch_core_reschedule(core->id);
        }
    }
}

void tcb_set_priority(struct tcb *t, unsigned priority)
{
    bool was_queued = t->queued || t->in_release;

    sched_dequeue(t);
    t->priority = (uint8_t)priority;
    requeue(t, was_queued);
    if (t->state == THREAD_BLOCKED_RECEIVE || t->state == THREAD_BLOCKED_SEND) {
        endpoint_reorder(t->waiting_on, t);
    } else if (t->state == THREAD_BLOCKED_NOTIFICATION) {
        notification_reorder(t->waiting_on, t);
    }
}

void tcb_set_domain(struct tcb *t, unsigned domain)
{
    bool was_queued;

    tcb_stall(t);
    was_queued = t->queued || t->in_release;
    sched_dequeue(t);
    t->domain = (uint8_t)domain;
    t->place = sched_place(t->core, domain);
    requeue(t, was_queued);
}

void tcb_set_core(struct tcb *t, unsigned core)
{
    bool was_queued;

    if (t->core == core) {
        return;
    }
    tcb_stall(t);
    was_queued = t->queued || t->in_release;
    sched_dequeue(t);
    if (cores[t->core].current == t) {
        /* It runs here: this core picks another one on its way out. */
        struct core *self = &cores[t->core];
        sched_charge(self);
        arch_detach(self);
        self->current_sc = NULL;
        self->current = self->idle;
        self->reschedule = true;
        was_queued = tcb_is_runnable(t);
    }
    arch_fpu_release(t);
    t->core = core;
    t->place = sched_place(core, t->domain);
    if (was_queued) {
        sched_wake(t);
    }
}

void tcb_finalise(struct tcb *t)
{
    tcb_suspend(t);
    if (t->sc) {
        sc_unbind_tcb(t->sc);
    }
    if (t->reply) {
        reply_remove_caller(t);
    }
    notification_unbind(t);
    arch_tcb_finalise(t);
    if (cores[t->core].current == t) {
        struct core *core = &cores[t->core];
        core->current = core->idle;
        core->current_sc = NULL;
        core->reschedule = true;
    }
}
