/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One-shot timer objects: signal a notification at a TSC value, on the core that armed them.
 */
#include "api/call.h"
#include "api/label.h"
#include "x86/arch.h"

void timer_cancel(struct timer *t)
{
    if (!t->armed) {
        return;
    }
    if (t->prev) {
        t->prev->next = t->next;
    } else {
        cores[t->core].timer_head = t->next;
    }
    if (t->next) {
        t->next->prev = t->prev;
    }
    t->next = NULL;
    t->prev = NULL;
    t->armed = false;
}

void timer_arm(struct timer *t, ticks_t deadline)
{
    struct core *core = core_self();
    struct timer *before = NULL;
    struct timer *after;

    timer_cancel(t);
    for (after = core->timer_head; after && after->deadline <= deadline; after = after->next) {
        before = after;
    }
    t->deadline = deadline;
    t->core = core->id;
    t->prev = before;
    t->next = after;
    t->armed = true;
    if (after) {
        after->prev = t;
    }
    if (before) {
        before->next = t;
    } else {
        core->timer_head = t;
        core->reprogram = true;
    }
}

void timer_expire(struct core *core)
{
    while (core->timer_head && core->timer_head->deadline <= core->now) {
        struct timer *t = core->timer_head;
        timer_cancel(t);
        if (cap_type(t->notification.cap) == CAP_NOTIFICATION) {
            notification_signal(cap_object(t->notification.cap), t->notification.cap.w1);
        }
    }
}

enum result timer_decode(struct call *c)
{
    struct timer *t = cap_object(c->cap);

    switch (c->label) {
    case QUOIN_LABEL_TIMER_SET_NOTIFICATION: {
        if (c->extra_count < 1) {
            return call_fail(c, SEL4_TRUNCATED_MESSAGE);
        }
        struct cap n = c->extra[0]->cap;
        if (cap_type(n) != CAP_NOTIFICATION || !(cap_rights(n) & RIGHT_WRITE)) {
            return call_invalid_capability(c, 1);
        }
        slot_delete_short(&t->notification);
        slot_insert(&t->notification, n, c->extra[0], false);
        return OK;
    }
    case QUOIN_LABEL_TIMER_ARM:
        if (c->length < 1) {
            return call_fail(c, SEL4_TRUNCATED_MESSAGE);
        }
        timer_arm(t, call_word(c, 0));
        return OK;
    case QUOIN_LABEL_TIMER_CANCEL:
        timer_cancel(t);
        return OK;
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}
