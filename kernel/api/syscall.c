/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls (ABI section 5).
 */
#include "api/fastpath.h"
#include "api/label.h"
#include "api/message.h"
#include "x86/arch.h"

static void cap_fault(struct tcb *t, uint64_t cptr, bool in_receive, struct lookup_fault lookup)
{
    t->fault =
        (struct fault){.type = FAULT_CAP, .in_receive = in_receive, .a = cptr, .lookup = lookup};
    fault_send(t);
}

static const struct lookup_fault missing_capability = {LOOKUP_MISSING_CAPABILITY, 0, 0, 0};

static void reply_error(struct call *c)
{
    struct tcb *t = c->thread;
    unsigned length = 0;

    switch (c->error) {
    case SEL4_INVALID_ARGUMENT:
    case SEL4_INVALID_CAPABILITY:
    case SEL4_NOT_ENOUGH_MEMORY:
        length = message_set(t, c->buffer, 0, c->error_a);
        break;
    case SEL4_RANGE_ERROR:
        message_set(t, c->buffer, 0, c->error_a);
        length = message_set(t, c->buffer, 1, c->error_b);
        break;
    case SEL4_FAILED_LOOKUP:
        message_set(t, c->buffer, 0, c->lookup_was_source);
        length = message_set_lookup(t, c->buffer, 1, c->lookup);
        break;
    default:
        break;
    }
    message_finish(t, 0, info_make((uint64_t)c->error, 0, 0, length));
}

static enum result decode(struct call *c)
{
    if (c->cap.w0 & 1) {
        return x86_decode(c);
    }
    switch (cap_type(c->cap)) {
    case CAP_UNTYPED:
        return untyped_decode(c);
    case CAP_CNODE:
        return cnode_decode(c);
    case CAP_THREAD:
        return tcb_decode(c);
    case CAP_IRQ_CONTROL:
        return irq_control_decode(c);
    case CAP_IRQ_HANDLER:
        return irq_handler_decode(c);
    case CAP_DOMAIN:
        return domain_decode(c);
    case CAP_SCHED_CONTEXT:
        return sched_context_decode(c);
    case CAP_SCHED_CONTROL:
        return sched_control_decode(c);
    case CAP_TIMER:
        return timer_decode(c);
    default:
        return call_invalid_capability(c, 0);
    }
}

static bool is_ipc(struct cap c)
{
    return cap_type(c) == CAP_ENDPOINT || cap_type(c) == CAP_NOTIFICATION ||
           cap_type(c) == CAP_REPLY;
}

static void reply_invalid_capability(struct tcb *t)
{
    struct call c = {.thread = t, .buffer = ipc_buffer_of(t)};

    (void)call_invalid_capability(&c, 0);
    reply_error(&c);
}

/* Sends through an endpoint, signals a notification, answers through a reply object. */
static bool invoke_ipc(struct tcb *t, struct cap cap, bool block, bool wants_reply, bool donate)
{
    unsigned rights = cap_rights(cap);

    if (cap_type(cap) == CAP_REPLY) {
        reply_send(cap_object(cap), t, (rights & RIGHT_GRANT) != 0);
    } else if (unlikely(!(rights & RIGHT_WRITE))) {
        if (wants_reply) {
            reply_invalid_capability(t);
        }
        return true;
    } else if (cap_type(cap) == CAP_NOTIFICATION) {
        notification_signal(cap_object(cap), cap.w1);
    } else {
        endpoint_send(cap_object(cap), t, block, wants_reply, donate, cap.w1,
                      (rights & RIGHT_GRANT) != 0, (rights & RIGHT_GRANT_REPLY) != 0);
        return tcb_is_runnable(t);
    }
    if (wants_reply) {
        message_finish(t, 0, info_make(SEL4_NO_ERROR, 0, 0, 0));
    }
    return tcb_is_runnable(t);
}

/* The extra capabilities of the message. False: one cannot be looked up, which is a fault. */
static bool lookup_extra(struct call *c, uint64_t info)
{
    struct lookup_fault fault;

    for (unsigned i = 0; c->buffer && i < info_extra(info); i++) {
        uint64_t cptr = c->buffer->caps_or_badges[i];
        if (cspace_lookup(c->thread, cptr, &c->extra[i], &fault) != OK) {
            if (c->block) {
                cap_fault(c->thread, cptr, false, fault);
            }
            return false;
        }
        c->extra_count = i + 1;
    }
    return true;
}

/* Everything but a message without capabilities through an endpoint and the like. */
static __attribute__((noinline)) bool invoke_object(struct tcb *t, struct slot *slot, bool block,
                                                    bool wants_reply, bool donate)
{
    uint64_t info = t->context.rsi;
    struct call c;

    c.thread = t;
    c.slot = slot;
    c.cap = slot->cap;
    c.label = info_label(info);
    c.length = info_length(info);
    c.extra_count = 0;
    c.buffer = ipc_buffer_of(t);
    c.block = block;
    c.wants_reply = wants_reply;
    c.no_reply = false;
    c.reply_length = 0;
    if (unlikely(!c.buffer && c.length > MESSAGE_REGISTERS)) {
        c.length = MESSAGE_REGISTERS;
    }
    if (!lookup_extra(&c, info)) {
        return !block;
    }
    if (is_ipc(c.cap)) {
        /* Looked up again at the transfer, which may come much later. */
        return invoke_ipc(t, c.cap, block, wants_reply, donate);
    }
    enum result r = decode(&c);
    if (r == ERR_PREEMPTED) {
        if (tcb_is_runnable(t)) {
            tcb_apply_restart(t);
        }
        return false;
    }
    if (r == ERR_SYSCALL && wants_reply) {
        reply_error(&c);
    } else if (r == OK && wants_reply && !c.no_reply) {
        message_finish(t, 0, info_make(SEL4_NO_ERROR, 0, 0, c.reply_length));
    }
    return tcb_is_runnable(t);
}

/* Sends the thread's message to cptr. True: the thread goes on to the next phase of its call. */
static bool invoke(struct tcb *t, uint64_t cptr, bool block, bool wants_reply, bool donate)
{
    struct lookup_fault fault;
    struct slot *slot;

    if (unlikely(cspace_lookup(t, cptr, &slot, &fault) != OK)) {
        if (block) {
            cap_fault(t, cptr, false, fault);
        }
        return !block;
    }
    if (is_ipc(slot->cap) && info_extra(t->context.rsi) == 0) {
        return invoke_ipc(t, slot->cap, block, wants_reply, donate);
    }
    return invoke_object(t, slot, block, wants_reply, donate);
}

/* Waits at (or polls) what cptr names. */
static void receive(struct tcb *t, uint64_t cptr, bool block, bool with_reply, uint64_t reply_cptr)
{
    struct slot *slot;
    struct slot *reply_slot = NULL;
    struct lookup_fault fault;

    if (cspace_lookup(t, cptr, &slot, &fault) != OK) {
        cap_fault(t, cptr, true, fault);
        return;
    }
    struct cap cap = slot->cap;
    unsigned rights = is_ipc(cap) ? cap_rights(cap) : 0;
    if (cap_type(cap) == CAP_ENDPOINT && (rights & RIGHT_READ)) {
        if (with_reply) {
            if (cspace_lookup(t, reply_cptr, &reply_slot, &fault) != OK) {
                cap_fault(t, reply_cptr, true, fault);
                return;
            }
            if (cap_type(reply_slot->cap) != CAP_REPLY) {
                cap_fault(t, reply_cptr, true, missing_capability);
                return;
            }
        }
        endpoint_receive(cap_object(cap), t, block,
                         reply_slot ? cap_object(reply_slot->cap) : NULL);
    } else if (cap_type(cap) == CAP_NOTIFICATION && (rights & RIGHT_READ)) {
        struct notification *n = cap_object(cap);
        if (n->bound && n->bound != t) {
            cap_fault(t, cptr, true, missing_capability);
            return;
        }
        notification_wait(n, t, block);
    } else {
        cap_fault(t, cptr, true, missing_capability);
    }
}

/* The second half of a call. Its first may have taken the thread to another core, where it stands
 * in a queue now: there it waits, or goes on. */
static void receive_then(struct core *core, struct tcb *t, uint64_t cptr, bool with_reply,
                         uint64_t reply_cptr)
{
    if (unlikely(core->current != t)) {
        sched_dequeue(t);
        receive(t, cptr, true, with_reply, reply_cptr);
        sched_wake(t);
        return;
    }
    receive(t, cptr, true, with_reply, reply_cptr);
}

static void unknown_syscall(struct tcb *t, uint64_t number)
{
    t->fault = (struct fault){.type = FAULT_UNKNOWN_SYSCALL, .a = number};
    fault_send(t);
}

bool kernel_fast_syscall(struct core *core)
{
    struct tcb *t = core->current;
    int64_t number = (int64_t)t->context.rdx;

    if (unlikely(core->now > core->slice_end)) {
        return false;
    }
    return number == SYS_CALL         ? fastpath_call(core, t)
           : number == SYS_REPLY_RECV ? fastpath_reply_recv(core, t)
                                      : false;
}

bool kernel_fast_signal(struct core *core)
{
    struct tcb *t = core->current;
    const struct context *ctx = &t->context;
    struct tcb *woken;

    if (unlikely(core->now > core->slice_end)) {
        return false;
    }
    switch ((int64_t)ctx->rdx) {
    case SYS_CALL:
        return fastpath_acknowledge(t);
    case SYS_SEND:
        return fastpath_send(core, t, ctx->rdi);
    case SYS_RECV:
        return fastpath_wait(core, t, true, NULL);
    case SYS_WAIT:
        return fastpath_wait(core, t, false, NULL);
    case SYS_NB_SEND_RECV:
        if (!fastpath_send_first(core, t, ctx->r13, &woken)) {
            return false;
        }
        if (!fastpath_wait(core, t, true, woken)) {
            receive_then(core, t, ctx->rdi, true, ctx->r12);
        }
        return true;
    default:
        return false;
    }
}

__attribute__((noinline)) void kernel_syscall(struct core *core, int64_t number)
{
    struct tcb *t = core->current;
    const struct context *ctx = &t->context;

    if (!sched_check_budget(core)) {
        return;
    }
    switch (number) {
    case SYS_CALL:
        invoke(t, ctx->rdi, true, true, true);
        break;
    case SYS_REPLY_RECV:
        if (invoke(t, ctx->r12, false, false, false)) {
            receive_then(core, t, ctx->rdi, true, ctx->r12);
        }
        break;
    case SYS_NB_SEND_RECV:
        if (invoke(t, ctx->r13, false, false, true) && !fastpath_wait(core, t, true, NULL)) {
            receive_then(core, t, ctx->rdi, true, ctx->r12);
        }
        break;
    case SYS_NB_SEND_WAIT:
        if (invoke(t, ctx->r12, false, false, true)) {
            receive_then(core, t, ctx->rdi, false, 0);
        }
        break;
    case SYS_SEND:
        invoke(t, ctx->rdi, true, false, false);
        break;
    case SYS_NB_SEND:
        invoke(t, ctx->rdi, false, false, false);
        break;
    case SYS_RECV:
        receive(t, ctx->rdi, true, true, ctx->r12);
        break;
    case SYS_NB_RECV:
        receive(t, ctx->rdi, false, true, ctx->r12);
        break;
    case SYS_WAIT:
        receive(t, ctx->rdi, true, false, 0);
        break;
    case SYS_NB_WAIT:
        receive(t, ctx->rdi, false, false, 0);
        break;
    case SYS_YIELD:
        sched_yield(core);
        break;
    case SYS_VMENTER:
    case QUOIN_SYS_VMENTER:
        if (t->vcpu) {
            arch_vmenter(core, t, number == QUOIN_SYS_VMENTER);
        } else {
            unknown_syscall(t, (uint64_t)number);
        }
        break;
    case SYS_SET_TLS_BASE:
        arch_set_fs_base(t, ctx->rdi < USER_TOP ? ctx->rdi : 0);
        break;
    default:
        if (!QUOIN_DEBUG || !debug_syscall(core, number)) {
            unknown_syscall(t, (uint64_t)number);
        }
        break;
    }
}

void kernel_unknown_syscall(struct core *core, uint64_t number)
{
    if (sched_check_budget(core)) {
        unknown_syscall(core->current, number);
    }
}

void kernel_user_exception(struct core *core, unsigned vector, uint64_t error_code)
{
    struct tcb *t = core->current;

    if (sched_check_budget(core)) {
        t->fault = (struct fault){.type = FAULT_USER_EXCEPTION, .a = vector, .b = error_code};
        fault_send(t);
    }
}

void kernel_page_fault(struct core *core, uint64_t address, uint64_t error_code)
{
    struct tcb *t = core->current;

    if (sched_check_budget(core)) {
        t->fault = (struct fault){.type = FAULT_VM, .a = address, .b = error_code};
        fault_send(t);
    }
}
