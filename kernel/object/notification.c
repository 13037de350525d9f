/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/message.h"
#include "object/queue.h"
#include "x86/arch.h"

/* t gets the badge and runs. */
static void notification_deliver(struct notification *n, struct tcb *t, uint64_t badge)
{
    message_finish(t, badge, 0);
    sc_maybe_donate(t, n);
    tcb_set_state(t, THREAD_RUNNING);
    sched_wake(t);
}

void notification_signal(struct notification *n, uint64_t badge)
{
    switch ((enum notification_state)n->state) {
    case NOTIFICATION_IDLE: {
        struct tcb *t = n->bound;
        if (t && t->state == THREAD_BLOCKED_RECEIVE) {
            ipc_cancel(t);
            notification_deliver(n, t, badge);
            return;
        }
        if (t && t->state == THREAD_RUNNING_VM) {
            tcb_stall(t);
            if (t->state == THREAD_RUNNING_VM) {
                /* A thread that waits for its turn keeps its place in the queue. */
                arch_vm_interrupted(t);
                notification_deliver(n, t, badge);
                return;
            }
        }
        n->state = NOTIFICATION_ACTIVE;
        n->badge = badge;
        return;
    }
    case NOTIFICATION_WAITING: {
        struct tcb *t = n->waiting.head;
        notification_cancel(n, t);
        notification_deliver(n, t, badge);
        return;
    }
    case NOTIFICATION_ACTIVE:
        n->badge |= badge;
        return;
    }
}

void notification_wait(struct notification *n, struct tcb *receiver, bool block)
{
    if (n->state == NOTIFICATION_ACTIVE) {
        uint64_t badge = n->badge;
        n->state = NOTIFICATION_IDLE;
        n->badge = 0;
        message_finish(receiver, badge, 0);
        sc_maybe_donate(receiver, n);
        return;
    }
    if (!block) {
        receiver->context.rdi = 0;
        return;
    }
    receiver->waiting_on = n;
    tcb_set_state(receiver, THREAD_BLOCKED_NOTIFICATION);
    queue_insert(&n->waiting, receiver);
    n->state = NOTIFICATION_WAITING;
    sc_maybe_return(receiver, n);
}

bool notification_take_bound(struct tcb *tcb, uint64_t *badge)
{
    struct notification *n = tcb->bound_notification;

    if (!n || n->state != NOTIFICATION_ACTIVE) {
        return false;
    }
    *badge = n->badge;
    n->state = NOTIFICATION_IDLE;
    n->badge = 0;
    sc_maybe_donate(tcb, n);
    return true;
}

void notification_cancel(struct notification *n, struct tcb *t)
{
    queue_remove(&n->waiting, t);
    t->waiting_on = NULL;
    if (!n->waiting.head) {
        n->state = NOTIFICATION_IDLE;
    }
}

void notification_cancel_all(struct notification *n)
{
    while (n->waiting.head) {
        struct tcb *t = n->waiting.head;
        notification_cancel(n, t);
        tcb_set_state(t, THREAD_RESTART);
        sched_wake(t);
    }
}

void notification_reorder(struct notification *n, struct tcb *t)
{
    queue_remove(&n->waiting, t);
    queue_insert(&n->waiting, t);
}

void notification_bind(struct notification *n, struct tcb *tcb)
{
    n->bound = tcb;
    tcb->bound_notification = n;
}

void notification_unbind(struct tcb *tcb)
{
    if (tcb->bound_notification) {
        tcb->bound_notification->bound = NULL;
        tcb->bound_notification = NULL;
    }
}
