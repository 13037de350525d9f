/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reply objects. A scheduling context that was passed along a chain of calls remembers the chain:
 * sc->reply is the reply object of the last call, reply->prev that of the call before it. Answering
 * the last call hands the context back one step. Taking out one in the middle cuts the chain: the
 * context then goes back no further than the cut.
 */
#include "api/message.h"
#include "object/refill.h"
#include "x86/arch.h"

static struct reply *reply_next(const struct reply *r)
{
    return r->next & REPLY_NEXT_IS_CONTEXT ? NULL : (struct reply *)(uintptr_t)r->next;
}

void reply_push_context(struct reply *reply, struct sched_context *sc)
{
    reply->prev = sc->reply;
    if (reply->prev) {
        reply->prev->next = (uint64_t)(uintptr_t)reply;
    }
    reply->next = (uint64_t)(uintptr_t)sc | REPLY_NEXT_IS_CONTEXT;
    sc->reply = reply;
}

void reply_push(struct reply *reply, struct tcb *caller, struct tcb *callee, bool donate)
{
    struct sched_context *sc = caller->sc;

    reply->tcb = caller;
    caller->reply = reply;
    tcb_set_state(caller, THREAD_BLOCKED_REPLY);
    reply->prev = NULL;
    reply->next = 0;
    if (donate && sc && !callee->sc) {
        reply_push_context(reply, sc);
        sc_donate(sc, callee);
    }
}

/* Takes the reply out of its chain and its caller out of the reply. Returns the scheduling context
 * that comes back to the caller, if this was the end of the chain. */
static struct sched_context *reply_unlink(struct reply *reply)
{
    struct sched_context *sc = reply_context(reply);

    if (sc) {
        sc->reply = reply->prev;
        if (reply->prev) {
            reply->prev->next = reply->next;
        }
    } else {
        if (reply_next(reply)) {
            reply_next(reply)->prev = NULL;
        }
        if (reply->prev) {
            reply->prev->next = 0;
        }
    }
    reply->prev = NULL;
    reply->next = 0;
    if (reply->tcb) {
        reply->tcb->reply = NULL;
        reply->tcb = NULL;
    }
    return sc;
}

void reply_send(struct reply *reply, struct tcb *replier, bool can_grant)
{
    struct tcb *caller = reply->tcb;

    if (!caller || caller->state != THREAD_BLOCKED_REPLY) {
        return;
    }
    struct sched_context *sc = reply_unlink(reply);
    if (sc && !caller->sc) {
        sc_donate(sc, caller);
    }
    bool run = true;
    if (caller->fault.type == FAULT_NONE) {
        message_transfer(replier, caller, 0, can_grant);
        tcb_set_state(caller, THREAD_RUNNING);
    } else {
        bool timeout = caller->fault.type == FAULT_TIMEOUT;
        run = fault_reply(replier, caller);
        caller->fault.type = FAULT_NONE;
        /* A thread that ran out of budget goes on where it was, it repeats nothing. */
        tcb_set_state(caller, !run ? THREAD_INACTIVE : timeout ? THREAD_RUNNING : THREAD_RESTART);
    }
    if (run && sc && caller->sc == sc && !sc_is_round_robin(sc) &&
        !refill_is_ready(sc, core_self()->now) && fault_timeout(caller)) {
        return; /* the context came back used up: its handler decides what now */
    }
    if (run) {
        sched_wake(caller);
    }
}

void reply_clear(struct reply *reply)
{
    struct tcb *t = reply->tcb;

    if (t && t->state == THREAD_BLOCKED_REPLY) {
        struct sched_context *sc = reply_unlink(reply);
        if (sc && !t->sc) {
            sc_donate(sc, t);
        }
        t->fault.type = FAULT_NONE;
        tcb_set_state(t, THREAD_INACTIVE);
    } else if (t) {
        ipc_cancel(t);
    }
}

void reply_remove_caller(struct tcb *caller)
{
    if (caller->reply) {
        (void)reply_unlink(caller->reply);
    }
}
