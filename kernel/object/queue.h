/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Queues of waiting threads, linked through wait_next and wait_prev, ordered by priority.
 */
#ifndef KERNEL_OBJECT_QUEUE_H
#define KERNEL_OBJECT_QUEUE_H

#include "object/tcb.h"

/* Behind all threads of its priority and above. */
static inline void queue_insert(struct tcb_queue *q, struct tcb *t)
{
    struct tcb *before = q->tail;

    while (before && before->priority < t->priority) {
        before = before->wait_prev;
    }
    t->wait_prev = before;
    t->wait_next = before ? before->wait_next : q->head;
    if (t->wait_next) {
        t->wait_next->wait_prev = t;
    } else {
        q->tail = t;
    }
    if (before) {
        before->wait_next = t;
    } else {
        q->head = t;
    }
}

static inline void queue_remove(struct tcb_queue *q, struct tcb *t)
{
    if (t->wait_prev) {
        t->wait_prev->wait_next = t->wait_next;
    } else {
        q->head = t->wait_next;
    }
    if (t->wait_next) {
        t->wait_next->wait_prev = t->wait_prev;
    } else {
        q->tail = t->wait_prev;
    }
    t->wait_next = NULL;
    t->wait_prev = NULL;
}

#endif
