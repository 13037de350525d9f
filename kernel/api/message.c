/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/message.h"

#include "x86/arch.h"

struct ipc_buffer *ipc_buffer_of(const struct tcb *tcb)
{
    struct cap cap = tcb->slots[TCB_SLOT_BUFFER].cap;

    /* Checked when it was set: alignment, a RAM frame, inside it. Rights are the frame's. */
    if (cap_type(cap) != CAP_FRAME || cap_frame_rights(cap) != (RIGHT_READ | RIGHT_WRITE)) {
        return NULL;
    }
    uint64_t offset = tcb->buffer_address & MASK(cap_frame_bits(cap));
    return arch_window((struct paddr){cap_paddr(cap).v + offset});
}

/* Unwraps or transfers the extra capabilities (seL4 manual 4.2.2). Returns the message info with
 * the receiver's counts. */
static uint64_t transfer_caps(struct tcb *sender, struct ipc_buffer *from, struct tcb *receiver,
                              struct ipc_buffer *to, uint64_t info, struct endpoint *ep)
{
    unsigned extra = info_extra(info);
    unsigned unwrapped = 0;
    unsigned received = 0;
    struct slot *dest = NULL;
    unsigned length = info_length(info);
    uint64_t label = info_label(info);

    if (!from || !to || extra == 0) {
        return info_make(label, 0, 0, length);
    }
    struct lookup_fault fault;
    struct slot *root;
    unsigned bits_left;
    uint64_t depth = to->receive_depth;
    if (cspace_lookup(receiver, to->receive_cnode, &root, &fault) == OK && depth >= 1 &&
        depth <= 64 &&
        cspace_resolve(root->cap, to->receive_index, (unsigned)depth, &dest, &bits_left, &fault) ==
            OK &&
        bits_left == 0 && slot_is_empty(dest)) {
        /* dest is where the one capability goes that cannot be unwrapped */
    } else {
        dest = NULL;
    }
    for (unsigned i = 0; i < extra; i++) {
        struct slot *slot;
        if (cspace_lookup(sender, from->caps_or_badges[i], &slot, &fault) != OK ||
            slot_is_empty(slot)) {
            break;
        }
        if (cap_type(slot->cap) == CAP_ENDPOINT && ep && cap_object(slot->cap) == ep) {
            to->caps_or_badges[i] = slot->cap.w1;
            unwrapped |= 1u << i;
        } else {
            struct call scratch = {.thread = sender};
            struct cap derived;
            if (!dest || cap_derive(&scratch, slot, slot->cap, &derived) != OK ||
                cap_is_null(derived)) {
                break;
            }
            slot_insert_derived(dest, derived, slot);
            dest = NULL;
        }
        received++;
    }
    return info_make(label, unwrapped, received, length);
}

void message_transfer(struct tcb *sender, struct tcb *receiver, uint64_t badge, bool can_grant)
{
    if (sender->fault.type != FAULT_NONE) {
        fault_message(sender, receiver, badge);
        return;
    }
    uint64_t info = sender->context.rsi;
    unsigned length = info_length(info);
    struct context *s = &sender->context;
    struct context *r = &receiver->context;

    r->r10 = s->r10;
    r->r8 = s->r8;
    r->r9 = s->r9;
    r->r15 = s->r15;
    if (length > MESSAGE_REGISTERS || info_extra(info) != 0) {
        struct ipc_buffer *from = ipc_buffer_of(sender);
        struct ipc_buffer *to = ipc_buffer_of(receiver);
        if (length > MESSAGE_REGISTERS) {
            if (from && to) {
                memory_copy(&to->msg[MESSAGE_REGISTERS], &from->msg[MESSAGE_REGISTERS],
                            (length - MESSAGE_REGISTERS) * sizeof(uint64_t));
            } else {
                length = MESSAGE_REGISTERS;
            }
        }
        info = info_make(info_label(info), 0, info_extra(info), length);
        if (can_grant && info_extra(info) != 0) {
            struct endpoint *ep =
                receiver->state == THREAD_BLOCKED_RECEIVE ? receiver->waiting_on : NULL;
            if (sender->state == THREAD_BLOCKED_SEND) {
                ep = sender->waiting_on;
            }
            info = transfer_caps(sender, from, receiver, to, info, ep);
        } else {
            info = info_make(info_label(info), 0, 0, length);
        }
    } else {
        info = info_make(info_label(info), 0, 0, length);
    }
    message_finish(receiver, badge, info);
}

unsigned message_set_lookup(struct tcb *t, struct ipc_buffer *buffer, unsigned i,
                            struct lookup_fault f)
{
    unsigned length = message_set(t, buffer, i, (uint64_t)f.kind);
    if (f.kind == LOOKUP_INVALID_ROOT) {
        return length;
    }
    length = message_set(t, buffer, i + 1, f.a);
    if (f.kind == LOOKUP_MISSING_CAPABILITY) {
        return length;
    }
    length = message_set(t, buffer, i + 2, f.b);
    if (f.kind == LOOKUP_DEPTH_MISMATCH) {
        return length;
    }
    return message_set(t, buffer, i + 3, f.c);
}
