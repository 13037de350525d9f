/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a driver and those who speak to it do most: signal a notification, wait, or both. As in
 * fastpath.c nothing is changed before all is checked.
 */
#include "api/fastpath.h"

#include "api/call.h"
#include "api/message.h"
#include "object/queue.h"
#include "object/refill.h"

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

/* The waiter, if there is one, is taken from where it waits; it is not in a ready queue yet. */
static void signal(struct notification *n, uint64_t badge, struct tcb *waiter)
{
    if (!waiter) {
        n->badge = n->state == NOTIFICATION_ACTIVE ? n->badge | badge : badge;
        n->state = NOTIFICATION_ACTIVE;
        return;
    }
    ipc_cancel(waiter);
    message_finish(waiter, badge, 0);
    waiter->state = THREAD_RUNNING;
}

bool fastpath_signal(struct core *core, struct notification *n, uint64_t badge, bool last)
{
    struct tcb *waiter;

    if (!find_waiter(core, n, &waiter)) {
        return false;
    }
    signal(n, badge, waiter);
    if (waiter && last) {
        sched_preempt(core, waiter);
    } else if (waiter) {
        sched_wake(waiter);
    }
    return true;
}

bool fastpath_send(struct core *core, struct tcb *t, uint64_t cptr, bool last)
{
    struct slot *slot;

    return info_extra(t->context.rsi) == 0 && cspace_lookup_flat(t, cptr, &slot) &&
           names(slot->cap, CAP_NOTIFICATION, RIGHT_WRITE) &&
           fastpath_signal(core, cap_object(slot->cap), slot->cap.w1, last);
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

static bool wait_at_endpoint(struct core *core, struct tcb *t, struct cap cap, uint64_t reply_cptr)
{
    struct slot *slot;
    struct endpoint *ep = cap_object(cap);

    if (!cspace_lookup_flat(t, reply_cptr, &slot) || cap_type(slot->cap) != CAP_REPLY) {
        return false;
    }
    struct reply *reply = cap_object(slot->cap);
    if ((reply->tcb && reply->tcb != t) || would_return(t, t->bound_notification)) {
        return false;
    }
    if (take_signal(t->bound_notification, t)) {
        return true;
    }
    if ((ep->head & ENDPOINT_SEND) || (ep->tail && ep->tail->priority < t->priority)) {
        return false;
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
    sched_give_way(core);
    return true;
}

static bool wait_at_notification(struct core *core, struct tcb *t, struct notification *n)
{
    if ((n->bound && n->bound != t) || would_return(t, n)) {
        return false;
    }
    if (take_signal(n, t)) {
        return true;
    }
    t->waiting_on = n;
    t->state = THREAD_BLOCKED_NOTIFICATION;
    queue_insert(&n->waiting, t);
    n->state = NOTIFICATION_WAITING;
    sched_give_way(core);
    return true;
}

bool fastpath_wait(struct core *core, struct tcb *t, bool with_reply)
{
    struct slot *slot;

    /* The first half of its call may have taken the thread to another core. */
    if (core->current != t || !cspace_lookup_flat(t, t->context.rdi, &slot)) {
        return false;
    }
    if (with_reply && names(slot->cap, CAP_ENDPOINT, RIGHT_READ)) {
        return wait_at_endpoint(core, t, slot->cap, t->context.r12);
    }
    return names(slot->cap, CAP_NOTIFICATION, RIGHT_READ) &&
           wait_at_notification(core, t, cap_object(slot->cap));
}
