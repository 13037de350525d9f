/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of scheduling contexts, scheduling control and domains.
 */
#include "api/call.h"
#include "api/label.h"
#include "object/refill.h"
#include "x86/arch.h"

enum result sched_control_decode(struct call *c)
{
    if (c->label != LABEL_SCHED_CONTROL_CONFIGURE) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (c->length < 5 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    uint64_t budget = call_word(c, 0);
    uint64_t period = call_word(c, 1);
    uint64_t extra = call_word(c, 2);
    uint64_t badge = call_word(c, 3);
    uint64_t flags = call_word(c, 4);
    struct cap cap = c->extra[0]->cap;
    uint64_t max_us = UINT64_MAX / (arch_tsc_hz() / 1000000 + 1) / 8;

    if (cap_type(cap) != CAP_SCHED_CONTEXT) {
        return call_invalid_capability(c, 1);
    }
    if (budget < CONFIG_MIN_BUDGET_US || budget > max_us) {
        return call_range_error(c, CONFIG_MIN_BUDGET_US, max_us);
    }
    if (period < CONFIG_MIN_BUDGET_US || period > max_us) {
        return call_range_error(c, CONFIG_MIN_BUDGET_US, max_us);
    }
    if (budget > period) {
        return call_range_error(c, CONFIG_MIN_BUDGET_US, period);
    }
    struct sched_context *sc = cap_object(cap);
    unsigned max_refills = sc_max_refills(sc->size_bits);
    if (extra > max_refills - 2u) {
        return call_range_error(c, 0, max_refills - 2u);
    }
    sc->badge = badge;
    sc_configure(sc, arch_us_to_ticks(budget), arch_us_to_ticks(period), (unsigned)extra + 2,
                 (flags & 1) != 0, (unsigned)c->cap.w1);
    return OK;
}

/* A thread that waits may only get a context that it could run with right away. */
static bool blocked_without_budget(struct tcb *t, struct sched_context *sc)
{
    return !tcb_is_runnable(t) && t->state != THREAD_INACTIVE &&
           (sc->refill_count == 0 || !refill_is_ready(sc, core_self()->now));
}

bool sc_may_bind(struct sched_context *sc, struct tcb *t)
{
    return !sc->tcb && !t->sc && !blocked_without_budget(t, sc);
}

static enum result bind(struct call *c, struct sched_context *sc)
{
    if (c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    struct cap cap = c->extra[0]->cap;
    switch (cap_type(cap)) {
    case CAP_THREAD: {
        struct tcb *t = cap_object(cap);
        if (!sc_may_bind(sc, t)) {
            return call_fail(c, SEL4_ILLEGAL_OPERATION);
        }
        sc_bind_tcb(sc, t);
        return OK;
    }
    case CAP_NOTIFICATION: {
        struct notification *n = cap_object(cap);
        if (n->sc || sc->notification) {
            return call_fail(c, SEL4_ILLEGAL_OPERATION);
        }
        sc_bind_notification(sc, n);
        return OK;
    }
    default:
        return call_invalid_capability(c, 1);
    }
}

static enum result unbind_object(struct call *c, struct sched_context *sc)
{
    if (c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    struct cap cap = c->extra[0]->cap;
    switch (cap_type(cap)) {
    case CAP_THREAD:
        if (sc->tcb != cap_object(cap) || sc->tcb == c->thread) {
            return call_fail(c, SEL4_ILLEGAL_OPERATION);
        }
        sc_unbind_tcb(sc);
        return OK;
    case CAP_NOTIFICATION:
        if (sc->notification != cap_object(cap)) {
            return call_fail(c, SEL4_ILLEGAL_OPERATION);
        }
        sc_unbind_notification(sc);
        return OK;
    default:
        return call_invalid_capability(c, 1);
    }
}

/* The caller lets another thread of its core run before itself (seL4 manual, YieldTo). */
static enum result yield_to(struct call *c, struct sched_context *sc)
{
    struct tcb *self = c->thread;
    struct tcb *target = sc->tcb;
    struct core *core = core_self();

    if (!target || target == self || sc->core != core->id || target->priority > self->mcp ||
        sc->yield_from || self->yield_to) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (!tcb_is_runnable(target) || target->priority < self->priority ||
        target->domain != self->domain || sc->refill_count == 0 ||
        !refill_is_ready(sc, core->now)) {
        call_reply(c, 0, sc_take_consumed(sc));
        return OK;
    }
    /* The caller has not used its time up: it stands first among its equals but the target. */
    sched_dequeue(target);
    sched_charge(core);
    sched_enqueue_head(self);
    sched_enqueue_head(target);
    sc->yield_from = self;
    self->yield_to = sc;
    core->reschedule = true;
    c->no_reply = true;
    return OK;
}

enum result sched_context_decode(struct call *c)
{
    struct sched_context *sc = cap_object(c->cap);

    switch (c->label) {
    case LABEL_SC_BIND:
        return bind(c, sc);
    case LABEL_SC_UNBIND:
        if (sc->tcb == c->thread) {
            return call_fail(c, SEL4_ILLEGAL_OPERATION);
        }
        sc_unbind_tcb(sc);
        sc_unbind_notification(sc);
        return OK;
    case LABEL_SC_UNBIND_OBJECT:
        return unbind_object(c, sc);
    case LABEL_SC_CONSUMED:
        call_reply(c, 0, sc_take_consumed(sc));
        return OK;
    case LABEL_SC_YIELD_TO:
        return yield_to(c, sc);
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}

enum result domain_decode(struct call *c)
{
    switch (c->label) {
    case LABEL_DOMAIN_SET: {
        if (c->length < 1 || c->extra_count < 1) {
            return call_fail(c, SEL4_TRUNCATED_MESSAGE);
        }
        uint64_t domain = call_word(c, 0);
        if (domain >= CONFIG_DOMAINS) {
            return call_invalid_argument(c, 0);
        }
        if (cap_type(c->extra[0]->cap) != CAP_THREAD) {
            return call_invalid_argument(c, 1);
        }
        tcb_set_domain(cap_object(c->extra[0]->cap), (unsigned)domain);
        return OK;
    }
    case LABEL_DOMAIN_SCHEDULE_CONFIGURE:
        if (c->length < 3) {
            return call_fail(c, SEL4_TRUNCATED_MESSAGE);
        }
        if (call_word(c, 0) >= CONFIG_DOMAIN_ENTRIES - 1) {
            return call_range_error(c, 0, CONFIG_DOMAIN_ENTRIES - 2);
        }
        if (call_word(c, 1) >= CONFIG_DOMAINS) {
            return call_range_error(c, 0, CONFIG_DOMAINS - 1);
        }
        if (call_word(c, 2) >= BIT(DOMAIN_DURATION_BITS) ||
            domain_schedule_set((unsigned)call_word(c, 0), (unsigned)call_word(c, 1),
                                call_word(c, 2)) != OK) {
            return call_invalid_argument(c, 2);
        }
        return OK;
    case LABEL_DOMAIN_SCHEDULE_SET_START:
        if (c->length < 1) {
            return call_fail(c, SEL4_TRUNCATED_MESSAGE);
        }
        if (call_word(c, 0) >= CONFIG_DOMAIN_ENTRIES) {
            return call_range_error(c, 0, CONFIG_DOMAIN_ENTRIES - 1);
        }
        if (domain_schedule_start((unsigned)call_word(c, 0)) != OK) {
            return call_invalid_argument(c, 0);
        }
        return OK;
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}
