/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a driver and those who speak to it do most: signal a notification, wait, or both, and
 * acknowledge an interrupt. As in fastpath.c nothing is changed before all is checked.
 */
#include "api/fastpath.h"

#include "api/call.h"
#include "api/label.h"
#include "api/message.h"
#include "object/queue.h"
#include "object/refill.h"
#include "x86/arch.h"

static inline bool names(struct cap cap, unsigned type, unsigned right)
{
    return (cap.w0 & (MASK(5) | cap_rights_mask(right))) == (type | cap_rights_mask(right));
}

/* Woken, it runs on this core by a time slice of its own: that is usable at any time. */
static bool can_wake(const struct core *core, const struct tcb *t)
{
    return t->place == core->place && t->sc && sc_is_round_robin(t->sc);
}

/* Whom a signal to n would wake. False: that is for the slow path to say. */
static bool find_waiter(const struct core *core, const struct notification *n, struct tcb **waiter)
{
    struct tcb *t = NULL;

    if (n->state == NOTIFICATION_WAITING) {
        t = n->waiting.head;
    } else if (n->state == NOTIFICATION_IDLE && n->bound) {
        if (n->bound->state == THREAD_RUNNING_VM) {
            return false;
        }
        t = n->bound->state == THREAD_BLOCKED_RECEIVE ? n->bound : NULL;
    }
    *waiter = t;
    return !t || can_wake(core, t);
}

/* The thread, which waits to receive, is in no queue afterwards. */
static inline void stop_waiting(struct tcb *t)
{
    if (unlikely(t->wait_next || t->wait_prev)) {
        ipc_cancel(t);
        return;
    }
    /* It is the only one there. */
    if (t->state == THREAD_BLOCKED_RECEIVE) {
        struct endpoint *ep = t->waiting_on;
        ep->head = ENDPOINT_IDLE;
        ep->tail = NULL;
        if (t->reply) {
            t->reply->tcb = NULL;
            t->reply = NULL;
        }
    } else {
        struct notification *n = t->waiting_on;
        n->waiting.head = NULL;
        n->waiting.tail = NULL;
        n->state = NOTIFICATION_IDLE;
    }
    t->waiting_on = NULL;
}

/* The waiter, if there is one, is taken from where it waits; it is not in a ready queue yet. */
static inline void signal(struct notification *n, uint64_t badge, struct tcb *waiter)
{
    if (!waiter) {
        n->badge = n->state == NOTIFICATION_ACTIVE ? n->badge | badge : badge;
        n->state = NOTIFICATION_ACTIVE;
        return;
    }
    stop_waiting(waiter);
    message_finish(waiter, badge, 0);
    waiter->state = THREAD_RUNNING;
}

bool fastpath_signal(struct core *core, struct notification *n, uint64_t badge)
{
    struct tcb *waiter;

    if (!find_waiter(core, n, &waiter)) {
        return false;
    }
    signal(n, badge, waiter);
    if (waiter) {
        sched_preempt(core, waiter);
    }
    return true;
}

/* The capability of a notification that the current thread's message goes to, or null. */
static inline const struct cap *signalled(const struct tcb *t, uint64_t cptr)
{
    struct slot *slot;

    return info_extra(t->context.rsi) == 0 && cspace_lookup_flat(t, cptr, &slot) &&
                   names(slot->cap, CAP_NOTIFICATION, RIGHT_WRITE)
               ? &slot->cap
               : NULL;
}

bool fastpath_send(struct core *core, struct tcb *t, uint64_t cptr)
{
    const struct cap *cap = signalled(t, cptr);

    return cap && fastpath_signal(core, cap_object(*cap), cap->w1);
}

bool fastpath_send_first(struct core *core, struct tcb *t, uint64_t cptr, struct tcb **woken)
{
    const struct cap *cap = signalled(t, cptr);

    if (!cap || !find_waiter(core, cap_object(*cap), woken)) {
        return false;
    }
    signal(cap_object(*cap), cap->w1, *woken);
    return true;
}

bool fastpath_acknowledge(struct tcb *t)
{
    struct slot *slot;

    if (info_label(t->context.rsi) != LABEL_IRQ_ACK || info_extra(t->context.rsi) != 0 ||
        !cspace_lookup_flat(t, t->context.rdi, &slot) || cap_type(slot->cap) != CAP_IRQ_HANDLER) {
        return false;
    }
    arch_irq_mask((unsigned)slot->cap.w1, false);
    message_finish(t, 0, info_make(SEL4_NO_ERROR, 0, 0, 0));
    return true;
}

/* A signal that came before: true, and the thread has it. */
static bool take_signal(struct notification *n, struct tcb *t)
{
    if (!n || n->state != NOTIFICATION_ACTIVE) {
        return false;
    }
    message_finish(t, n->badge, 0);
    n->state = NOTIFICATION_IDLE;
    n->badge = 0;
    return true;
}

/* The thread would give the context back that it has by the notification. */
static bool would_return(const struct tcb *t, const struct notification *n)
{
    return n && n->sc == t->sc;
}

/* What there is to be waited for, and how. */
enum wait { WAIT_REFUSED, WAIT_OVER, WAIT_BEGUN };

static inline enum wait wait_at_endpoint(struct tcb *t, struct cap cap, uint64_t reply_cptr)
{
    struct slot *slot;
    struct endpoint *ep = cap_object(cap);

    if (!cspace_lookup_flat(t, reply_cptr, &slot) || cap_type(slot->cap) != CAP_REPLY) {
        return WAIT_REFUSED;
    }
    struct reply *reply = cap_object(slot->cap);
    if ((reply->tcb && reply->tcb != t) || would_return(t, t->bound_notification)) {
        return WAIT_REFUSED;
    }
    if (take_signal(t->bound_notification, t)) {
        return WAIT_OVER;
    }
    if ((ep->head & ENDPOINT_SEND) || (ep->tail && ep->tail->priority < t->priority)) {
        return WAIT_REFUSED;
    }
    t->waiting_on = ep;
    t->reply = reply;
    reply->tcb = t;
    t->state = THREAD_BLOCKED_RECEIVE;
    t->wait_prev = ep->tail;
    t->wait_next = NULL;
    if (ep->tail) {
        ep->tail->wait_next = t;
    } else {
        ep->head = (uint64_t)(uintptr_t)t | ENDPOINT_RECEIVE;
    }
    ep->tail = t;
    return WAIT_BEGUN;
}

static inline enum wait wait_at_notification(struct tcb *t, struct notification *n)
{
    if ((n->bound && n->bound != t) || would_return(t, n)) {
        return WAIT_REFUSED;
    }
    if (take_signal(n, t)) {
        return WAIT_OVER;
    }
    t->waiting_on = n;
    t->state = THREAD_BLOCKED_NOTIFICATION;
    queue_insert(&n->waiting, t);
    n->state = NOTIFICATION_WAITING;
    return WAIT_BEGUN;
}

static inline enum wait begin_wait(struct tcb *t, bool with_reply)
{
    struct slot *slot;

    if (!cspace_lookup_flat(t, t->context.rdi, &slot)) {
        return WAIT_REFUSED;
    }
    if (with_reply && names(slot->cap, CAP_ENDPOINT, RIGHT_READ)) {
        return wait_at_endpoint(t, slot->cap, t->context.r12);
    }
    return names(slot->cap, CAP_NOTIFICATION, RIGHT_READ)
               ? wait_at_notification(t, cap_object(slot->cap))
               : WAIT_REFUSED;
}

bool fastpath_wait(struct core *core, struct tcb *t, bool with_reply, struct tcb *woken)
{
    /* The first half of its call may have taken the thread to another core. */
    enum wait wait = core->current == t ? begin_wait(t, with_reply) : WAIT_REFUSED;

    if (wait == WAIT_BEGUN && woken) {
        sched_hand_over(core, woken);
    } else if (wait == WAIT_BEGUN) {
        sched_give_way(core);
    } else if (woken) {
        sched_wake(woken);
    }
    return wait != WAIT_REFUSED;
}
