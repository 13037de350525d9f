/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Scheduling contexts: who has which, and how they pass between threads and notifications.
 */
#include "api/message.h"
#include "object/refill.h"
#include "x86/arch.h"

void sc_init(struct sched_context *sc, unsigned size_bits)
{
    sc->size_bits = (uint8_t)size_bits;
}

unsigned sc_max_refills(unsigned size_bits)
{
    return (unsigned)((BIT(size_bits) - SC_CORE_SIZE) / sizeof(struct refill));
}

void sc_configure(struct sched_context *sc, ticks_t budget, ticks_t period, unsigned max_refills,
                  bool sporadic, unsigned core)
{
    struct core *self = core_self();
    struct tcb *t = sc->tcb;

    if (t) {
        tcb_stall(t);
    }
    if (self->current_sc == sc) {
        sched_charge(self);
        self->reprogram = true;
    }
    bool was_queued = t && (t->queued || t->in_release);
    if (t) {
        sched_dequeue(t);
    }
    sc->sporadic = sporadic;
    if (period == budget) {
        period = 0;
        max_refills = 1;
    }
    if (sc->refill_count != 0 && t && tcb_is_runnable(t) && sc->core == core && period != 0 &&
        sc->period != 0) {
        refill_update(sc, budget, period, max_refills, self->now);
    } else {
        sc->budget = budget;
        sc->period = period;
        sc->refill_max = max_refills;
        refill_reset(sc, self->now);
    }
    sc->core = core;
    if (!t) {
        return;
    }
    tcb_set_core(t, core);
    if (was_queued || (tcb_is_runnable(t) && cores[t->core].current != t)) {
        sched_wake(t);
    } else if (self->current == t) {
        self->reschedule = true;
    }
}

void sc_bind_tcb(struct sched_context *sc, struct tcb *t)
{
    sc->tcb = t;
    t->sc = sc;
    tcb_set_core(t, sc->core);
    if (tcb_is_runnable(t)) {
        sched_wake(t);
    }
}

void sc_unbind_tcb(struct sched_context *sc)
{
    struct tcb *t = sc->tcb;

    if (!t) {
        return;
    }
    tcb_stall(t);
    sched_dequeue(t);
    for (unsigned i = 0; i < core_count; i++) {
        if (cores[i].current_sc == sc) {
            sched_charge(&cores[i]);
            cores[i].current_sc = NULL;
        }
    }
    if (cores[t->core].current == t) {
        cores[t->core].reschedule = true;
    }
    sc->tcb = NULL;
    t->sc = NULL;
}

void sc_bind_notification(struct sched_context *sc, struct notification *n)
{
    sc->notification = n;
    n->sc = sc;
}

void sc_unbind_notification(struct sched_context *sc)
{
    if (sc->notification) {
        sc->notification->sc = NULL;
        sc->notification = NULL;
    }
}

void sc_donate(struct sched_context *sc, struct tcb *to)
{
    struct tcb *from = sc->tcb;

    if (from) {
        tcb_stall(from);
        sched_dequeue(from);
        from->sc = NULL;
        if (cores[from->core].current == from) {
            cores[from->core].reschedule = true;
        }
    }
    sc->tcb = to;
    to->sc = sc;
    tcb_set_core(to, sc->core);
}

void sc_maybe_donate(struct tcb *t, struct notification *n)
{
    if (n && n->sc && !t->sc && !n->sc->tcb) {
        sc_donate(n->sc, t);
        if (n->sc != core_self()->current_sc) {
            refill_unblock(n->sc, core_self()->now);
        }
    }
}

void sc_maybe_return(struct tcb *t, struct notification *n)
{
    struct sched_context *sc = t->sc;

    if (n && sc && n->sc == sc) {
        sched_dequeue(t);
        t->sc = NULL;
        sc->tcb = NULL;
        if (cores[t->core].current == t) {
            cores[t->core].reschedule = true;
        }
    }
}

/* Consumed since the last report, in microseconds. */
uint64_t sc_take_consumed(struct sched_context *sc)
{
    struct core *core = &cores[sc->core];
    ticks_t consumed;

    if (core == core_self() && core->current_sc == sc) {
        sched_charge(core);
        core->reprogram = true;
    }
    if (core != core_self() && core->current_sc == sc && sc->tcb) {
        tcb_stall(sc->tcb); /* settles its account */
    }
    consumed = sc->consumed;
    sc->consumed = 0;
    return arch_ticks_to_us(consumed);
}

void sc_complete_yield(struct tcb *yielder)
{
    struct sched_context *sc = yielder->yield_to;

    yielder->yield_to = NULL;
    sc->yield_from = NULL;
    message_set(yielder, ipc_buffer_of(yielder), 0, sc_take_consumed(sc));
    message_finish(yielder, 0, info_make(SEL4_NO_ERROR, 0, 0, 1));
}

void sc_finalise(struct sched_context *sc)
{
    sc_unbind_tcb(sc);
    sc_unbind_notification(sc);
    if (sc->yield_from) {
        sc_complete_yield(sc->yield_from);
    }
    /* Its callers get nothing back any more. */
    if (sc->reply) {
        sc->reply->next = 0;
        sc->reply = NULL;
    }
    for (unsigned i = 0; i < core_count; i++) {
        if (cores[i].current_sc == sc) {
            cores[i].current_sc = NULL;
            cores[i].reschedule = true;
        }
    }
}
