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

/* No thread that is ready on the core is more important than priority. */
static inline bool is_highest(const struct core *core, unsigned priority)
{
    for (int i = CONFIG_PRIORITIES / 64 - 1; i >= 0; i--) {
        uint64_t bits = core->ready_bits[core->domain][i];
        if (bits) {
            return (unsigned)i * 64 + 63 - (unsigned)__builtin_clzll(bits) <= priority;
        }
    }
    return true;
}

/* t belongs to this core and to the domain whose turn it is. */
static inline bool runs_here(const struct core *core, const struct tcb *t)
{
    return ((t->core ^ core->id) | (t->domain ^ core->domain)) == 0;
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
                 cap_type(slot->cap) != CAP_ENDPOINT)) {
        return false;
    }
    unsigned rights = cap_rights(slot->cap);
    struct endpoint *ep = cap_object(slot->cap);
    if (unlikely(!(rights & RIGHT_WRITE) || !(rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY)) ||
                 (ep->head & 3) != ENDPOINT_RECEIVE)) {
        return false;
    }
    struct tcb *server = (struct tcb *)(uintptr_t)(ep->head & ~3ull);
    struct sched_context *sc = t->sc;
    if (unlikely(server->sc || !server->reply || !runs_here(core, server) ||
                 (server->priority < t->priority && !is_highest(core, server->priority)))) {
        return false;
    }

    struct tcb *next = server->wait_next;
    struct reply *reply = server->reply;
    server->wait_next = NULL;
    server->waiting_on = NULL;
    if (likely(!next)) {
        ep->head = ENDPOINT_IDLE;
        ep->tail = NULL;
    } else {
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
                 cap_type(slot->cap) != CAP_ENDPOINT || !(cap_rights(slot->cap) & RIGHT_READ))) {
        return false;
    }
    struct reply *reply = cap_object(reply_slot->cap);
    struct endpoint *ep = cap_object(slot->cap);
    struct tcb *caller = reply->tcb;
    struct sched_context *sc = t->sc;
    struct tcb *tail = ep->tail;
    if (unlikely(!caller || caller->state != THREAD_BLOCKED_REPLY || caller->sc ||
                 reply->next != ((uint64_t)(uintptr_t)sc | REPLY_NEXT_IS_CONTEXT) ||
                 caller->fault.type != FAULT_NONE || !runs_here(core, caller) ||
                 (ep->head & 3) == ENDPOINT_SEND || (tail && tail->priority < t->priority) ||
                 (t->bound_notification && t->bound_notification->state == NOTIFICATION_ACTIVE) ||
                 (caller->priority < t->priority && !is_highest(core, caller->priority)))) {
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
