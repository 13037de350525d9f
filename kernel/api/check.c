/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/check.h"

#include "api/call.h"
#include "object/refill.h"
#include "x86/arch.h"

static bool enabled;
static struct cap root_cnode;

static void check_that(bool holds, const char *invariant, const void *object)
{
    if (!holds) {
        kernel_panic("invariant broken at %p: %s", object, invariant);
    }
}

/* One list of the tree, from its head on. */
static void check_list(const struct slot *head)
{
    const struct slot *previous = NULL;

    for (const struct slot *s = head; s; s = slot_next(s)) {
        check_that(slot_prev(s) == previous, "a slot's predecessor does not know it", s);
        check_that(!slot_is_empty(s), "an empty slot stands in the tree", s);
        if (cap_type(s->cap) == CAP_UNTYPED) {
            check_that((s->cap.w1 & MASK(48)) <= BIT(cap_untyped_bits(s->cap)),
                       "an untyped gave out more than it has", s);
        }
        previous = s;
    }
}

static void check_derivation(void)
{
    if (cap_type(root_cnode) != CAP_CNODE) {
        return;
    }
    const struct slot *slots = cap_object(root_cnode);
    for (uint64_t i = 0; i < BIT(cap_cnode_radix(root_cnode)); i++) {
        const struct slot *s = &slots[i];
        if (slot_is_empty(s)) {
            check_that(s->prev == 0 && s->next == 0, "an empty slot has links", s);
        } else if (!slot_prev(s)) {
            check_list(s);
        }
    }
}

/* What is kept beside the state that it was made from. */
static void check_cached(const struct tcb *t)
{
    struct cap root = t->slots[TCB_SLOT_CSPACE].cap;

    check_that(t->place == sched_place(t->core, t->domain), "a thread's place is another", t);
    if (root.w0 == t->flat.root && t->flat.count != 0) {
        check_that(t->flat.slots == cap_object(root) &&
                       t->flat.guard == root.w1 << cap_cnode_radix(root) &&
                       t->flat.count == BIT(cap_cnode_radix(root)),
                   "a thread's flat CSpace is not its CSpace", t);
    }
}

static void check_ready_queue(const struct core *core, unsigned domain, unsigned priority)
{
    const struct tcb_queue *q = &core->ready[domain][priority];
    const struct tcb *previous = NULL;
    bool bit = (core->ready_bits[domain][priority / 64] >> (priority % 64) & 1) != 0;

    check_that(bit == (q->head != NULL), "a ready bit is wrong", q);
    for (const struct tcb *t = q->head; t; t = t->ready_next) {
        check_that(t->queued && !t->in_release, "a ready thread is not marked so", t);
        check_that(tcb_is_runnable(t), "a thread that waits is in a ready queue", t);
        check_that(t->core == core->id && t->domain == domain && t->priority == priority,
                   "a thread is in another's ready queue", t);
        check_that(t->sc && t->sc->tcb == t, "a ready thread has no scheduling context", t);
        check_that(t->ready_prev == previous, "a ready queue's links differ", t);
        check_that(t != core->current, "the current thread is queued", t);
        check_cached(t);
        previous = t;
    }
    check_that(!q->head || q->tail == previous, "a ready queue's end is wrong", q);
}

static void check_release_queue(const struct core *core)
{
    const struct tcb *previous = NULL;
    ticks_t time = 0;

    for (const struct tcb *t = core->release_head; t; t = t->ready_next) {
        check_that(t->in_release && !t->queued, "a released thread is not marked so", t);
        check_that(t->core == core->id, "a thread is in another core's release queue", t);
        check_that(t->sc && t->sc->tcb == t, "a waiting thread has no scheduling context", t);
        check_that(t->ready_prev == previous, "the release queue's links differ", t);
        check_that(refill_head(t->sc)->time >= time, "the release queue is out of order", t);
        time = refill_head(t->sc)->time;
        previous = t;
    }
}

static void check_scheduler(void)
{
    for (unsigned i = 0; i < core_count; i++) {
        const struct core *core = &cores[i];
        check_that(core->place == sched_place(core->id, core->domain), "a core's place is another",
                   core);
        if (core->current != core->idle) {
            check_cached(core->current);
        }
        for (unsigned domain = 0; domain < CONFIG_DOMAINS; domain++) {
            for (unsigned priority = 0; priority < CONFIG_PRIORITIES; priority++) {
                check_ready_queue(core, domain, priority);
            }
        }
        check_release_queue(core);
    }
}

void check_enable(const struct tcb *t, bool enable)
{
    root_cnode = t->slots[TCB_SLOT_CSPACE].cap;
    enabled = true;
    check_all_enabled();
    enabled = enable;
}

void check_all_enabled(void)
{
    if (enabled) {
        check_derivation();
        check_scheduler();
    }
}
