/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Deleting capabilities, and with the last one of them the object.
 *
 * A CNode or thread whose last capability goes becomes a zombie: a capability that no lookup
 * goes through and that counts the slots still to be emptied, from the end. So the work can stop
 * after any step and go on later. A slot of a zombie may itself hold the last capability of a
 * CNode; that becomes a zombie too and is emptied first.
 */
#include "api/call.h"
#include "x86/arch.h"

static unsigned work_done; /* under the kernel lock */

/* Counts a unit of work: true when interrupts should get a chance. */
static bool preemption_point(void)
{
    if (++work_done >= CONFIG_PREEMPTION_UNITS) {
        work_done = 0;
        return true;
    }
    return false;
}

static bool cap_is_container(struct cap c)
{
    return cap_type(c) == CAP_CNODE || cap_type(c) == CAP_THREAD;
}

/* The effects on the object of losing this capability. Containers become zombies elsewhere. */
static void cap_finalise(struct cap c, bool final)
{
    if (c.w0 & 1) {
        arch_cap_finalise(c, final);
        return;
    }
    if (!final) {
        return;
    }
    switch (cap_type(c)) {
    case CAP_ENDPOINT:
        endpoint_cancel_all(cap_object(c));
        break;
    case CAP_NOTIFICATION: {
        struct notification *n = cap_object(c);
        if (n->sc) {
            sc_unbind_notification(n->sc);
        }
        if (n->bound) {
            notification_unbind(n->bound);
        }
        notification_cancel_all(n);
        break;
    }
    case CAP_REPLY:
        reply_clear(cap_object(c));
        break;
    case CAP_SCHED_CONTEXT:
        sc_finalise(cap_object(c));
        break;
    case CAP_IRQ_HANDLER:
        irq_handler_finalise((unsigned)c.w1);
        break;
    case CAP_TIMER: {
        struct timer *t = cap_object(c);
        timer_cancel(t);
        slot_delete_short(&t->notification);
        break;
    }
    default:
        break;
    }
}

void slot_delete_short(struct slot *s)
{
    if (!slot_is_empty(s)) {
        struct cap cap = s->cap;
        bool final = slot_is_final(s);
        kernel_assert(!(final && cap_is_container(cap)) && cap_type(cap) != CAP_ZOMBIE);
        slot_clear(s);
        cap_finalise(cap, final);
    }
}

static struct slot *zombie_slots(struct cap c)
{
    return cap_object(c); /* a thread's slots come first in its TCB */
}

static void zombie_make(struct slot *s)
{
    struct cap cap = s->cap;
    if (cap_type(cap) == CAP_THREAD) {
        tcb_finalise(cap_object(cap));
        s->cap = cap_make(CAP_ZOMBIE, (uint64_t)(uintptr_t)cap_object(cap), BIT(6), TCB_SLOT_COUNT);
    } else {
        unsigned radix = cap_cnode_radix(cap);
        s->cap = cap_make(CAP_ZOMBIE, (uint64_t)(uintptr_t)cap_object(cap), radix, BIT(radix));
    }
}

/*
 * One step of emptying the slot root, which holds a zombie. Goes down to the innermost zombie.
 * A chain of CNodes each holding the next one's last capability is walked from the start at each
 * step: doc/CAVEATS.md.
 */
static void zombie_step(struct slot *root)
{
    struct slot *at = root;

    for (;;) {
        uint64_t left = at->cap.w1;
        if (left == 0) {
            slot_clear(at);
            return;
        }
        struct slot *end = &zombie_slots(at->cap)[left - 1];
        if (slot_is_empty(end) || end == at) {
            /* A zombie in its own CNode goes last, when nothing else is left. */
            at->cap.w1 = left - 1;
            return;
        }
        if (end == root) {
            /* Two CNodes that hold each other: let the outer slot free its own CNode; the other
             * then holds itself, and goes when its memory is revoked. */
            slot_swap(root, at->cap, at, root->cap);
            return;
        }
        if (cap_type(end->cap) == CAP_ZOMBIE) {
            at = end;
        } else if (cap_is_container(end->cap) && slot_is_final(end)) {
            zombie_make(end);
            return;
        } else {
            slot_delete_short(end);
            return;
        }
    }
}

enum result slot_delete(struct slot *s)
{
    if (slot_is_empty(s)) {
        return OK;
    }
    if (cap_is_container(s->cap) && slot_is_final(s)) {
        zombie_make(s);
    } else if (cap_type(s->cap) != CAP_ZOMBIE) {
        slot_delete_short(s);
        return OK;
    }
    while (cap_type(s->cap) == CAP_ZOMBIE) {
        zombie_step(s);
        if (preemption_point()) {
            return slot_is_empty(s) ? OK : ERR_PREEMPTED;
        }
    }
    return OK;
}

enum result slot_revoke(struct slot *s)
{
    while (slot_has_descendants(s)) {
        if (slot_delete(slot_next(s)) != OK || preemption_point()) {
            return slot_has_descendants(s) ? ERR_PREEMPTED : OK;
        }
    }
    return OK;
}
