/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Message registers: MR0..MR3 in R10, R8, R9, R15, the others in the IPC buffer; and the transfer
 * of messages, capabilities and faults from thread to thread.
 */
#ifndef KERNEL_API_MESSAGE_H
#define KERNEL_API_MESSAGE_H

#include "api/call.h"

static inline uint64_t *message_register(struct context *ctx, unsigned i)
{
    switch (i) {
    case 0:
        return &ctx->r10;
    case 1:
        return &ctx->r8;
    case 2:
        return &ctx->r9;
    default:
        return &ctx->r15;
    }
}

/* Message register i; 0 where it would be in a buffer that the thread does not have. */
static inline uint64_t message_get(struct tcb *t, const struct ipc_buffer *buffer, unsigned i)
{
    if (i < MESSAGE_REGISTERS) {
        return *message_register(&t->context, i);
    }
    return buffer && i < MAX_MESSAGE ? buffer->msg[i] : 0;
}

/* Dropped where the thread has no buffer for it. Returns the length if it was the last. */
static inline unsigned message_set(struct tcb *t, struct ipc_buffer *buffer, unsigned i,
                                   uint64_t value)
{
    if (i < MESSAGE_REGISTERS) {
        *message_register(&t->context, i) = value;
        return i + 1;
    }
    if (buffer && i < MAX_MESSAGE) {
        buffer->msg[i] = value;
        return i + 1;
    }
    return MESSAGE_REGISTERS;
}

/* RDI and RSI of the receiver of a message. */
static inline void message_finish(struct tcb *t, uint64_t badge, uint64_t info)
{
    t->context.rdi = badge;
    t->context.rsi = info;
}

/* Sends what sender has to say, its message or its fault, to receiver. */
void message_transfer(struct tcb *sender, struct tcb *receiver, uint64_t badge, bool can_grant);

/* Writes the fault in t->fault as a message into receiver. */
void fault_message(struct tcb *t, struct tcb *receiver, uint64_t badge);

/* The reply of a fault handler to a thread with a fault: takes registers from it where the fault
 * allows that. True: the thread shall run again. */
bool fault_reply(struct tcb *handler, struct tcb *faulter);

/* Lookup failure in message form from register i on; returns the length. */
unsigned message_set_lookup(struct tcb *t, struct ipc_buffer *buffer, unsigned i,
                            struct lookup_fault f);

/* Tells t's fault handler about t->fault; without one the thread stops. */
void fault_send(struct tcb *t);
/* Timeout fault for t if it has a timeout handler: true if it was sent. */
bool fault_timeout(struct tcb *t);

#endif
