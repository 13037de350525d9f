/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The scheduler of one core: ready queues by domain and priority, threads that wait for a refill,
 * and the core's timer.
 *
 * The current thread stands in no queue. A thread in a ready queue has a context whose head refill
 * is usable; one that waits for that stands in the release queue, which shares the links.
 */
#include "api/check.h"
#include "api/message.h"
#include "object/refill.h"
#include "x86/arch.h"

struct core cores[CONFIG_MAX_CORES];
unsigned core_count;
struct sched_limits sched_limits;

void sched_init(void)
{
    sched_limits.min_budget = arch_us_to_ticks(CONFIG_MIN_BUDGET_US);
    sched_limits.wcet = arch_us_to_ticks(CONFIG_KERNEL_WCET_US);
}

/* --- Ready queues --------------------------------------------------------------------------- */

static void ready_insert(struct tcb *t, bool at_head)
{
    struct core *core = &cores[t->core];
    struct tcb_queue *q = &core->ready[t->domain][t->priority];

    if (!q->head) {
        t->ready_next = NULL;
        t->ready_prev = NULL;
        q->head = t;
        q->tail = t;
        core->ready_bits[t->domain][t->priority / 64] |= BIT(t->priority % 64);
    } else if (at_head) {
        t->ready_next = q->head;
        t->ready_prev = NULL;
        q->head->ready_prev = t;
        q->head = t;
    } else {
        t->ready_next = NULL;
        t->ready_prev = q->tail;
        q->tail->ready_next = t;
        q->tail = t;
    }
    t->queued = 1;
}

static void ready_remove(struct tcb *t)
{
    struct core *core = &cores[t->core];
    struct tcb_queue *q = &core->ready[t->domain][t->priority];

    if (t->ready_prev) {
        t->ready_prev->ready_next = t->ready_next;
    } else {
        q->head = t->ready_next;
    }
    if (t->ready_next) {
        t->ready_next->ready_prev = t->ready_prev;
    } else {
        q->tail = t->ready_prev;
    }
    if (!q->head) {
        core->ready_bits[t->domain][t->priority / 64] &= ~BIT(t->priority % 64);
    }
    t->queued = 0;
}

static struct tcb *ready_highest(struct core *core)
{
    for (int i = CONFIG_PRIORITIES / 64 - 1; i >= 0; i--) {
        uint64_t bits = core->ready_bits[core->domain][i];
        if (bits) {
            unsigned priority = (unsigned)i * 64 + 63 - (unsigned)__builtin_clzll(bits);
            return core->ready[core->domain][priority].head;
        }
    }
    return NULL;
}

/* The one that ready_highest found leaves its queue. */
static inline void ready_take(struct core *core, struct tcb *t)
{
    struct tcb_queue *q = &core->ready[core->domain][t->priority];

    q->head = t->ready_next;
    if (t->ready_next) {
        t->ready_next->ready_prev = NULL;
    } else {
        q->tail = NULL;
        core->ready_bits[core->domain][t->priority / 64] &= ~BIT(t->priority % 64);
    }
    t->queued = 0;
}

/* --- Release queue -------------------------------------------------------------------------- */

static void release_insert(struct tcb *t)
{
    struct core *core = &cores[t->core];
    struct tcb *before = NULL;
    struct tcb *after = core->release_head;
    ticks_t time = refill_head(t->sc)->time;

    while (after && refill_head(after->sc)->time <= time) {
        before = after;
        after = after->ready_next;
    }
    t->ready_prev = before;
    t->ready_next = after;
    if (after) {
        after->ready_prev = t;
    }
    if (before) {
        before->ready_next = t;
    } else {
        core->release_head = t;
        core->reprogram = true;
        if (core != core_self()) {
            arch_core_reschedule(t->core);
        }
    }
    t->in_release = true;
}

static void release_remove(struct tcb *t)
{
    if (t->ready_prev) {
        t->ready_prev->ready_next = t->ready_next;
    } else {
        cores[t->core].release_head = t->ready_next;
        cores[t->core].reprogram = true;
    }
    if (t->ready_next) {
        t->ready_next->ready_prev = t->ready_prev;
    }
    t->in_release = false;
}

static void release_wake(struct core *core)
{
    while (core->release_head && refill_is_ready(core->release_head->sc, core->now)) {
        struct tcb *t = core->release_head;
        release_remove(t);
        sched_wake(t);
    }
}

/* --- Queueing ------------------------------------------------------------------------------- */

static void enqueue(struct tcb *t, bool at_head)
{
    if (t->queued || t->in_release || !t->sc || t->sc->refill_count == 0 || !tcb_is_runnable(t)) {
        return;
    }
    if (refill_is_ready(t->sc, cores[t->core].now > core_self()->now ? cores[t->core].now
                                                                     : core_self()->now)) {
        ready_insert(t, at_head);
    } else {
        release_insert(t);
    }
}

void sched_enqueue_head(struct tcb *t)
{
    enqueue(t, true);
}

void sched_dequeue(struct tcb *t)
{
    if (t->queued) {
        ready_remove(t);
    } else if (t->in_release) {
        release_remove(t);
    }
}

/* The current thread stops and has lent its context to t, and no other thread is more important:
 * t goes on in its place, without a detour through the ready queue. */
static bool take_over(struct core *core, struct tcb *t)
{
    if (t->sc != core->current_sc || core != core_self() || tcb_is_runnable(core->current) ||
        t->place != core->place || !tcb_is_runnable(t) || t->queued || t->in_release ||
        !sched_is_highest(core, t->priority)) {
        return false;
    }
    core->current = t;
    core->reschedule = false;
    return true;
}

void sched_wake(struct tcb *t)
{
    struct core *core = &cores[t->core];

    if (!t->sc || core->current == t || take_over(core, t)) {
        return;
    }
    if (t->sc != core->current_sc) {
        refill_unblock(t->sc, core_self()->now);
    }
    /* The last one made ready runs first among its equals; only used-up slices go to the end. */
    enqueue(t, true);
    if (!t->queued || t->domain != core->domain) {
        return;
    }
    if (core->current == core->idle || t->priority > core->current->priority) {
        core->reschedule = true;
        if (core != core_self()) {
            arch_core_reschedule(t->core);
        }
    } else if (t->priority == core->current->priority) {
        core->reprogram = true; /* the time slice has an end now */
        if (core != core_self()) {
            arch_core_reschedule(t->core);
        }
    }
}

/* --- Time ------------------------------------------------------------------------------------ */

void sched_update_slice(struct core *core)
{
    struct sched_context *sc = core->current_sc;

    core->slice_end = UINT64_MAX;
    if (sc && sc->refill_count != 0) {
        ticks_t amount = refill_head(sc)->amount;
        core->slice_end = core->slice_start +
                          (amount > sched_limits.min_budget ? amount - sched_limits.min_budget : 0);
    }
}

/* What current_sc has to pay for so far. */
static ticks_t slice_used(const struct core *core)
{
    return core->current_sc && core->now > core->slice_start ? core->now - core->slice_start : 0;
}

void sched_charge(struct core *core)
{
    struct sched_context *sc = core->current_sc;
    ticks_t used = slice_used(core);

    if (used != 0) {
        if (sc->refill_count != 0) {
            refill_charge(sc, used, core->now);
        }
        sc->consumed += used;
    }
    core->slice_start = core->now;
    sched_update_slice(core);
}

/* The current thread has used its refill up: behind its equals, or out until the next one. */
static void end_slice(struct core *core)
{
    struct tcb *t = core->current;
    bool round_robin = sc_is_round_robin(core->current_sc);

    sched_charge(core);
    core->reschedule = true;
    if (t->sc != core->current_sc || !tcb_is_runnable(t)) {
        return;
    }
    if (!round_robin && !refill_is_ready(t->sc, core->now) && fault_timeout(t)) {
        return;
    }
    enqueue(t, false);
}

bool sched_out_of_budget(struct core *core)
{
    tcb_apply_restart(core->current);
    end_slice(core);
    return false;
}

void sched_yield(struct core *core)
{
    struct sched_context *sc = core->current_sc;
    ticks_t left = refill_head(sc)->amount;
    ticks_t used = slice_used(core);

    /* What is left of the refill is given up (seL4 manual, seL4_Yield under MCS): it is paid for as
     * if it had been used, but not reported as consumed. */
    if (used < left) {
        core->slice_start = core->now - left;
        sched_charge(core);
        sc->consumed -= left - used;
    } else {
        sched_charge(core);
    }
    enqueue(core->current, false);
    core->reschedule = true;
}

void sched_tick(struct core *core)
{
    core->deadline = UINT64_MAX; /* it has fired */
    core->reprogram = true;
    if (core->current != core->idle && core->now > core->slice_end) {
        end_slice(core);
    }
    domain_tick(core);
    timer_expire(core);
    release_wake(core);
}

/* When the core's timer has to fire next. */
static ticks_t next_deadline(struct core *core)
{
    ticks_t deadline = domain_deadline(core);
    struct sched_context *sc = core->current_sc;

    core->slice_ends = false;
    if (core->release_head) {
        ticks_t time = refill_head(core->release_head->sc)->time;
        deadline = time < deadline ? time : deadline;
    }
    if (core->timer_head && core->timer_head->deadline < deadline) {
        deadline = core->timer_head->deadline;
    }
    if (sc && core->current != core->idle) {
        const struct tcb *t = core->current;
        /* A round robin slice only ends if an equal waits for its turn. */
        if (!sc_is_round_robin(sc) || core->ready[t->domain][t->priority].head) {
            ticks_t end = core->slice_start + refill_head(sc)->amount;
            core->slice_ends = true;
            deadline = end < deadline ? end : deadline;
        }
    }
    return deadline;
}

void sched_set_deadline(struct core *core)
{
    ticks_t deadline = next_deadline(core);

    core->reprogram = false;
    if (deadline != core->deadline) {
        core->deadline = deadline;
        arch_set_deadline(deadline);
    }
}

/* What the current context has used so far, as sched_charge, but for the slice's end. */
static inline void charge_current(struct core *core)
{
    struct sched_context *sc = core->current_sc;

    if (likely(sc && sc_is_round_robin(sc) && sc->refill_count != 0)) {
        ticks_t used = core->now > core->slice_start ? core->now - core->slice_start : 0;
        if (used != 0) {
            refill_charge_slice(sc, used, core->now);
            sc->consumed += used;
        }
        core->slice_start = core->now;
    } else {
        sched_charge(core);
    }
}

static void choose(struct core *core)
{
    struct tcb *t = core->current;

    charge_current(core);
    core->reprogram = true;
    if (t != core->idle) {
        enqueue(t, true);
    }
    /* Each turn takes one thread out of the ready queue. */
    for (;;) {
        t = ready_highest(core);
        if (!t) {
            t = core->idle;
            break;
        }
        ready_take(core, t);
        if (refill_is_ready(t->sc, core->now)) {
            break;
        }
        release_insert(t);
    }
    core->current = t;
    core->reschedule = false;
}

/* Something changed since the last time: who runs, what pays for it, or when the timer fires. */
static __attribute__((noinline)) void settle(struct core *core)
{
    release_wake(core);
    while (core->reschedule) {
        choose(core);
        if (core->current->yield_to) {
            sc_complete_yield(core->current);
        }
    }
    struct tcb *t = core->current;
    if (t->sc != core->current_sc) {
        if (core->slice_start != core->now) {
            sched_charge(core);
        }
        core->current_sc = t->sc;
        core->reprogram = true;
    }
    if (t->state == THREAD_RESTART) {
        tcb_apply_restart(t);
    }
    if (core->reprogram) {
        sched_update_slice(core);
        sched_set_deadline(core);
    }
}

/* --- In one step ----------------------------------------------------------------------------- */

static inline void run_now(struct core *core, struct tcb *t)
{
    struct sched_context *sc = t->sc;

    core->reschedule = false;
    core->current = t;
    core->current_sc = sc;
    sched_update_slice(core);
    /* The timer depends on who runs only where slices end. */
    if (unlikely(core->reprogram || core->slice_ends || !sc_is_round_robin(sc) ||
                 core->ready[t->domain][t->priority].head)) {
        sched_set_deadline(core);
    }
}

static void go_idle(struct core *core)
{
    charge_current(core);
    core->reschedule = false;
    core->current = core->idle;
    core->current_sc = NULL;
    core->slice_end = UINT64_MAX;
    if (unlikely(core->reprogram || core->slice_ends)) {
        sched_set_deadline(core);
    }
}

void sched_preempt(struct core *core, struct tcb *t)
{
    /* Another core may have made a third one ready that is more important than both. */
    if (unlikely(core->reschedule || t->priority <= core->current->priority)) {
        sched_wake(t);
        return;
    }
    charge_current(core);
    enqueue(core->current, true);
    run_now(core, t);
}

void sched_give_way(struct core *core)
{
    struct tcb *t = ready_highest(core);

    if (!t) {
        go_idle(core);
        return;
    }
    if (unlikely(!refill_is_ready(t->sc, core->now) || t->yield_to)) {
        core->reschedule = true;
        return;
    }
    charge_current(core);
    ready_take(core, t);
    run_now(core, t);
}

void sched_hand_over(struct core *core, struct tcb *t)
{
    if (unlikely(t->yield_to || !sched_is_highest(core, t->priority))) {
        sched_wake(t);
        sched_give_way(core);
        return;
    }
    charge_current(core);
    run_now(core, t);
}

void sched_leave(struct core *core)
{
    const struct tcb *t = core->current;

    /* The timer interrupt wakes the release queue; a fast call needs nothing of all this. */
    if (unlikely(core->reschedule || core->reprogram || t->sc != core->current_sc ||
                 t->state == THREAD_RESTART)) {
        settle(core);
    }
    if (QUOIN_DEBUG) {
        check_all_enabled();
    }
    arch_switch_to(core, core->current);
}
