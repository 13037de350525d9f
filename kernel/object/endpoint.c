/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Endpoints: where senders and receivers meet. The queue is ordered by priority, first come first
 * served among equals.
 */
#include "api/message.h"
#include "object/queue.h"
#include "x86/arch.h"

static enum endpoint_state endpoint_state(const struct endpoint *ep)
{
    return (enum endpoint_state)(ep->head & 3);
}

static struct tcb *endpoint_head(const struct endpoint *ep)
{
    return (struct tcb *)(uintptr_t)(ep->head & ~3ull);
}

static void endpoint_enqueue(struct endpoint *ep, struct tcb *t, enum endpoint_state state)
{
    struct tcb_queue q = {endpoint_head(ep), ep->tail};
    queue_insert(&q, t);
    ep->head = (uint64_t)(uintptr_t)q.head | (uint64_t)state;
    ep->tail = q.tail;
}

static void endpoint_dequeue(struct endpoint *ep, struct tcb *t)
{
    struct tcb_queue q = {endpoint_head(ep), ep->tail};
    queue_remove(&q, t);
    ep->head = q.head ? (uint64_t)(uintptr_t)q.head | (ep->head & 3) : (uint64_t)ENDPOINT_IDLE;
    ep->tail = q.tail;
}

/* The sender's message has been taken: it waits for its reply, or stops, or goes on. */
static void sender_after_transfer(struct tcb *sender, struct tcb *receiver, struct reply *reply,
                                  bool wants_reply, bool may_reply, bool donate)
{
    if (wants_reply) {
        if (reply && may_reply) {
            reply_push(reply, sender, receiver, donate);
        } else {
            tcb_set_state(sender, THREAD_INACTIVE);
        }
    } else if (donate && sender->sc && !receiver->sc) {
        sc_donate(sender->sc, receiver);
    }
}

void endpoint_send(struct endpoint *ep, struct tcb *sender, bool block, bool call, bool donate,
                   uint64_t badge, bool can_grant, bool can_grant_reply)
{
    if (endpoint_state(ep) != ENDPOINT_RECEIVE) {
        if (block) {
            sender->waiting_on = ep;
            sender->send_badge = badge;
            sender->send_call = call;
            sender->send_can_grant = can_grant;
            sender->send_can_grant_reply = can_grant_reply;
            tcb_set_state(sender, THREAD_BLOCKED_SEND);
            endpoint_enqueue(ep, sender, ENDPOINT_SEND);
        }
        return;
    }
    struct tcb *receiver = endpoint_head(ep);
    struct reply *reply = receiver->reply;

    endpoint_dequeue(ep, receiver);
    message_transfer(sender, receiver, badge, can_grant);
    if (reply) {
        reply->tcb = NULL;
        receiver->reply = NULL;
    }
    receiver->waiting_on = NULL;
    sender_after_transfer(sender, receiver, reply, call || sender->fault.type != FAULT_NONE,
                          can_grant || can_grant_reply, donate);
    tcb_set_state(receiver, THREAD_RUNNING);
    sched_wake(receiver);
}

void endpoint_receive(struct endpoint *ep, struct tcb *receiver, bool block, struct reply *reply)
{
    uint64_t badge;

    if (reply && reply->tcb && reply->tcb != receiver) {
        ipc_cancel(reply->tcb);
    }
    if (notification_take_bound(receiver, &badge)) {
        message_finish(receiver, badge, 0);
        return;
    }
    if (endpoint_state(ep) != ENDPOINT_SEND) {
        if (!block) {
            receiver->context.rdi = 0;
            return;
        }
        receiver->waiting_on = ep;
        receiver->reply = reply;
        if (reply) {
            reply->tcb = receiver;
        }
        tcb_set_state(receiver, THREAD_BLOCKED_RECEIVE);
        endpoint_enqueue(ep, receiver, ENDPOINT_RECEIVE);
        sc_maybe_return(receiver, receiver->bound_notification);
        return;
    }
    struct tcb *sender = endpoint_head(ep);
    bool may_reply = sender->send_can_grant || sender->send_can_grant_reply;
    bool faulted = sender->fault.type != FAULT_NONE;

    endpoint_dequeue(ep, sender);
    message_transfer(sender, receiver, sender->send_badge, sender->send_can_grant);
    sender->waiting_on = NULL;
    if (sender->send_call || faulted) {
        sender_after_transfer(sender, receiver, reply, true, may_reply,
                              sender->fault.type != FAULT_TIMEOUT);
    } else {
        tcb_set_state(sender, THREAD_RUNNING);
        sched_wake(sender);
    }
}

void endpoint_reorder(struct endpoint *ep, struct tcb *t)
{
    enum endpoint_state state = endpoint_state(ep);
    endpoint_dequeue(ep, t);
    endpoint_enqueue(ep, t, state);
}

static void endpoint_release(struct endpoint *ep, struct tcb *t)
{
    endpoint_dequeue(ep, t);
    t->waiting_on = NULL;
    if (t->reply) {
        t->reply->tcb = NULL;
        t->reply = NULL;
    }
}

void endpoint_cancel_all(struct endpoint *ep)
{
    for (struct tcb *t = endpoint_head(ep); t; t = endpoint_head(ep)) {
        endpoint_release(ep, t);
        if (t->fault.type == FAULT_NONE) {
            tcb_set_state(t, THREAD_RESTART);
            sched_wake(t);
        } else {
            tcb_set_state(t, THREAD_INACTIVE);
        }
    }
}

void endpoint_cancel_badged(struct endpoint *ep, uint64_t badge)
{
    if (endpoint_state(ep) != ENDPOINT_SEND) {
        return;
    }
    for (struct tcb *t = endpoint_head(ep), *next; t; t = next) {
        next = t->wait_next;
        if (t->send_badge == badge) {
            endpoint_release(ep, t);
            if (t->fault.type == FAULT_NONE) {
                tcb_set_state(t, THREAD_RESTART);
                sched_wake(t);
            } else {
                tcb_set_state(t, THREAD_INACTIVE);
            }
        }
    }
}

void ipc_cancel(struct tcb *t)
{
    switch (t->state) {
    case THREAD_BLOCKED_SEND:
    case THREAD_BLOCKED_RECEIVE:
        endpoint_release(t->waiting_on, t);
        break;
    case THREAD_BLOCKED_NOTIFICATION:
        notification_cancel(t->waiting_on, t);
        break;
    case THREAD_BLOCKED_REPLY:
        reply_remove_caller(t);
        break;
    default:
        return;
    }
    t->fault.type = FAULT_NONE;
    tcb_set_state(t, THREAD_INACTIVE);
}
