/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The objects threads meet at: endpoints, notifications, reply objects, and the IPC buffer.
 */
#ifndef KERNEL_OBJECT_IPC_H
#define KERNEL_OBJECT_IPC_H

#include "object/cap.h"

struct tcb;
struct sched_context;

enum { MAX_MESSAGE = 120, MAX_EXTRA_CAPS = 3, MESSAGE_REGISTERS = 4 };

/* ABI section 8. */
struct ipc_buffer {
    uint64_t tag;
    uint64_t msg[MAX_MESSAGE];
    uint64_t user_data;
    uint64_t caps_or_badges[MAX_EXTRA_CAPS];
    uint64_t receive_cnode;
    uint64_t receive_index;
    uint64_t receive_depth;
};
_Static_assert(offsetof(struct ipc_buffer, user_data) == 968, "ABI");
_Static_assert(offsetof(struct ipc_buffer, receive_depth) == 1016, "ABI");
_Static_assert(sizeof(struct ipc_buffer) == 1024, "ABI");

/* Message info word, ABI section 5. */
static inline uint64_t info_make(uint64_t label, unsigned unwrapped, unsigned extra,
                                 unsigned length)
{
    return label << 12 | (uint64_t)unwrapped << 9 | (uint64_t)extra << 7 | length;
}
static inline uint64_t info_label(uint64_t info)
{
    return info >> 12;
}
static inline unsigned info_length(uint64_t info)
{
    unsigned length = (unsigned)(info & 127);
    return length > MAX_MESSAGE ? MAX_MESSAGE : length;
}
static inline unsigned info_extra(uint64_t info)
{
    return (unsigned)(info >> 7 & 3);
}

struct tcb_queue {
    struct tcb *head, *tail;
};

/* 16 bytes. The threads waiting: all of them senders, or all of them receivers. */
struct endpoint {
    uint64_t head; /* struct tcb * | enum endpoint_state */
    struct tcb *tail;
};
enum endpoint_state { ENDPOINT_IDLE, ENDPOINT_SEND, ENDPOINT_RECEIVE };
_Static_assert(sizeof(struct endpoint) == 16, "ABI size");

enum notification_state { NOTIFICATION_IDLE, NOTIFICATION_WAITING, NOTIFICATION_ACTIVE };
struct notification {
    uint64_t state; /* enum notification_state */
    uint64_t badge; /* of all signals not yet received */
    struct tcb_queue waiting;
    struct tcb *bound;
    struct sched_context *sc;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct notification) == 64, "ABI size");

/* A reply object: armed for tcb, and a frame of the stack of calls that tcb's scheduling context
 * was passed along. 32 bytes. */
struct reply {
    struct tcb *tcb;
    struct reply *prev; /* called before: its caller donated the context to tcb */
    uint64_t next;      /* struct reply * called after, or struct sched_context * | 1 at the top */
    uint64_t unused;
};
_Static_assert(sizeof(struct reply) == 32, "ABI size");

/* Sends a message or fault of sender through ep (ABI section 5). block: wait when nobody receives.
 * call: the sender wants a reply (and then lends its scheduling context to a passive receiver;
 * so does a plain Send or NBSend with donate). Acts only; sender's registers hold the message. */
void endpoint_send(struct endpoint *ep, struct tcb *sender, bool block, bool call, bool donate,
                   uint64_t badge, bool can_grant, bool can_grant_reply);

/* receiver waits at (or polls, when !block) the endpoint in cap, reply may be null. */
void endpoint_receive(struct endpoint *ep, struct tcb *receiver, bool block, struct reply *reply);

/* Takes a thread out of the endpoint or notification that it waits at, and makes it inactive. */
void ipc_cancel(struct tcb *tcb);

/* All waiting threads go on as if restarted (the object is being deleted). */
void endpoint_cancel_all(struct endpoint *ep);

/* Restarts the senders with this badge. */
void endpoint_cancel_badged(struct endpoint *ep, uint64_t badge);

/* A waiting thread's priority changed: keeps the queue ordered. */
void endpoint_reorder(struct endpoint *ep, struct tcb *tcb);

void notification_signal(struct notification *n, uint64_t badge);
void notification_wait(struct notification *n, struct tcb *receiver, bool block);
void notification_cancel_all(struct notification *n);
/* Takes one thread out of the queue; its state is the caller's business. */
void notification_cancel(struct notification *n, struct tcb *t);
void notification_bind(struct notification *n, struct tcb *tcb);
void notification_unbind(struct tcb *tcb);
void notification_reorder(struct notification *n, struct tcb *tcb);
/* If a signal waits in the thread's bound notification, takes it into the badge: true. */
bool notification_take_bound(struct tcb *tcb, uint64_t *badge);

static inline bool notification_is_pending(const struct notification *n)
{
    return n && n->state == NOTIFICATION_ACTIVE;
}

/* next of a reply object that is the last of its chain: the context that is lent along it. */
#define REPLY_NEXT_IS_CONTEXT 1ull
static inline struct sched_context *reply_context(const struct reply *r)
{
    return r->next & REPLY_NEXT_IS_CONTEXT
               ? (struct sched_context *)(uintptr_t)(r->next & ~REPLY_NEXT_IS_CONTEXT)
               : NULL;
}
/* reply becomes the end of the chain that sc is lent along. */
void reply_push_context(struct reply *reply, struct sched_context *sc);
/* Pushes a call: caller waits in reply; its scheduling context goes to callee if it has none. */
void reply_push(struct reply *reply, struct tcb *caller, struct tcb *callee, bool donate);
/* Answers the caller waiting in reply with replier's message. */
void reply_send(struct reply *reply, struct tcb *replier, bool can_grant);
/* The object is being deleted, or reused by its receiver. */
void reply_clear(struct reply *reply);
/* The caller stops waiting (cancelled): takes its reply out of the call stack. */
void reply_remove_caller(struct tcb *caller);

/* Where tcb's IPC buffer is, or null if it has no valid one. */
struct ipc_buffer *ipc_buffer_of(const struct tcb *tcb);

#endif
