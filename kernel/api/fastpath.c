/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A thread that runs has a scheduling context, and one that waits has not yielded (yield_to); a
 * pending reschedule is sched_leave's business whoever is current. So none of that is asked here.
 */

#include "api/fastpath.h"

#include "api/call.h"

#define INFO_UNWRAPPED (MASK(3) << 9)

/* Label, at most four message registers, no capabilities. */
static bool info_is_short(uint64_t info)
{
    return (info & 0x1ff) <= MESSAGE_REGISTERS;
}

/* The capability is one of an endpoint, with this right. */
static inline bool is_endpoint_with(struct cap cap, unsigned right)
{
    return (cap.w0 & (MASK(5) | cap_rights_mask(right))) == (CAP_ENDPOINT | cap_rights_mask(right));
}

static inline void copy_message(struct tcb *to, const struct tcb *from, uint64_t badge)
{
    to->context.r10 = from->context.r10;
    to->context.r8 = from->context.r8;
    to->context.r9 = from->context.r9;
    to->context.r15 = from->context.r15;
    to->context.rsi = from->context.rsi & ~INFO_UNWRAPPED;
    to->context.rdi = badge;
}

static inline void move_context(struct sched_context *sc, struct tcb *from, struct tcb *to)
{
    from->sc = NULL;
    to->sc = sc;
    sc->tcb = to;
}

bool fastpath_call(struct core *core, struct tcb *t)
{
    if (unlikely(!info_is_short(t->context.rsi))) {
        return false;
    }
    struct slot *slot;
    if (unlikely(!cspace_lookup_flat(t, t->context.rdi, &slot) ||
                 !is_endpoint_with(slot->cap, RIGHT_WRITE) ||
                 !(slot->cap.w0 & cap_rights_mask(RIGHT_GRANT | RIGHT_GRANT_REPLY)))) {
        return false;
    }
    struct endpoint *ep = cap_object(slot->cap);
    uint64_t head = ep->head;
    if (unlikely(!(head & ENDPOINT_RECEIVE))) {
        return false;
    }
    struct tcb *server = (struct tcb *)(uintptr_t)(head - ENDPOINT_RECEIVE);
    struct sched_context *sc = t->sc;
    if (unlikely(server->sc || !server->reply || server->place != core->place ||
                 (server->priority < t->priority && !sched_is_highest(core, server->priority)))) {
        return false;
    }

    struct tcb *next = server->wait_next;
    struct reply *reply = server->reply;
    server->waiting_on = NULL;
    if (likely(!next)) {
        ep->head = ENDPOINT_IDLE;
        ep->tail = NULL;
    } else {
        server->wait_next = NULL;
        next->wait_prev = NULL;
        ep->head = (uint64_t)(uintptr_t)next | ENDPOINT_RECEIVE;
    }
    server->reply = NULL;
    reply->tcb = t;
    t->reply = reply;
    t->state = THREAD_BLOCKED_REPLY;
    reply_push_context(reply, sc);
    move_context(sc, t, server);
    copy_message(server, t, slot->cap.w1);
    server->state = THREAD_RUNNING;
    core->current = server;
    return true;
}

bool fastpath_reply_recv(struct core *core, struct tcb *t)
{
    if (unlikely(!info_is_short(t->context.rsi))) {
        return false;
    }
    struct slot *reply_slot;
    struct slot *slot;
    if (unlikely(!cspace_lookup_flat(t, t->context.r12, &reply_slot) ||
                 cap_type(reply_slot->cap) != CAP_REPLY ||
                 !cspace_lookup_flat(t, t->context.rdi, &slot) ||
                 !is_endpoint_with(slot->cap, RIGHT_READ))) {
        return false;
    }
    struct reply *reply = cap_object(reply_slot->cap);
    struct endpoint *ep = cap_object(slot->cap);
    struct tcb *caller = reply->tcb;
    struct sched_context *sc = t->sc;
    struct tcb *tail = ep->tail;
    if (unlikely(!caller || caller->state != THREAD_BLOCKED_REPLY || caller->sc ||
                 reply->next != ((uint64_t)(uintptr_t)sc | REPLY_NEXT_IS_CONTEXT) ||
                 caller->fault.type != FAULT_NONE || caller->place != core->place ||
                 (ep->head & ENDPOINT_SEND) || (tail && tail->priority < t->priority) ||
                 (t->bound_notification && t->bound_notification->state == NOTIFICATION_ACTIVE) ||
                 (caller->priority < t->priority && !sched_is_highest(core, caller->priority)))) {
        return false;
    }

    sc->reply = reply->prev;
    if (unlikely(reply->prev)) {
        reply->prev->next = reply->next;
    }
    reply->prev = NULL;
    reply->next = 0;
    reply->tcb = t;
    caller->reply = NULL;
    move_context(sc, t, caller);
    copy_message(caller, t, 0);
    caller->state = THREAD_RUNNING;

    t->reply = reply;
    t->waiting_on = ep;
    t->state = THREAD_BLOCKED_RECEIVE;
    t->wait_prev = tail;
    ep->tail = t;
    if (likely(!tail)) {
        ep->head = (uint64_t)(uintptr_t)t | ENDPOINT_RECEIVE;
    } else {
        tail->wait_next = t;
    }
    core->current = caller;
    return true;
}
