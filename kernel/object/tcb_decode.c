/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of threads, but for registers (tcb_registers.c).
 */
#include "api/call.h"
#include "api/label.h"
#include "object/tcb_decode.h"
#include "x86/arch.h"
#include "x86/virt.h"

/* New contents for some of a thread's slots, checked. */
struct space {
    bool set[TCB_SLOT_COUNT];
    struct cap cap[TCB_SLOT_COUNT];
    struct slot *source[TCB_SLOT_COUNT];
    uint64_t buffer_address;
};

static enum result decode_handler(struct call *c, unsigned number, enum tcb_slot slot,
                                  struct space *s)
{
    struct cap cap = c->extra[number - 1]->cap;

    if (!cap_is_null(cap) && (cap_type(cap) != CAP_ENDPOINT || !(cap_rights(cap) & RIGHT_WRITE) ||
                              !(cap_rights(cap) & (RIGHT_GRANT | RIGHT_GRANT_REPLY)))) {
        return call_invalid_capability(c, number);
    }
    s->set[slot] = true;
    s->cap[slot] = cap;
    s->source[slot] = c->extra[number - 1];
    return OK;
}

static enum result decode_root(struct call *c, struct slot *source, uint64_t data,
                               enum tcb_slot slot, struct space *s)
{
    struct cap cap = source->cap;
    struct cap derived;

    if (data != 0) {
        cap = cap_update_data(false, data, cap);
    }
    enum result r = cap_derive(c, source, cap, &derived);
    if (r != OK) {
        return r;
    }
    bool valid =
        slot == TCB_SLOT_CSPACE ? cap_type(derived) == CAP_CNODE : arch_is_valid_vspace(derived);
    if (!valid) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    s->set[slot] = true;
    s->cap[slot] = derived;
    s->source[slot] = source;
    return OK;
}

static enum result decode_buffer(struct call *c, struct slot *source, uint64_t address,
                                 struct space *s)
{
    struct cap derived = cap_null();

    if (address != 0) {
        enum result r = cap_derive(c, source, source->cap, &derived);
        if (r != OK) {
            return r;
        }
        if (cap_type(derived) != CAP_FRAME || cap_frame_device(derived)) {
            return call_fail(c, SEL4_ILLEGAL_OPERATION);
        }
        if ((address & MASK(10)) != 0 || !arch_is_valid_buffer(derived, address)) {
            return call_fail(c, SEL4_ALIGNMENT_ERROR);
        }
    }
    s->set[TCB_SLOT_BUFFER] = true;
    s->cap[TCB_SLOT_BUFFER] = derived;
    s->source[TCB_SLOT_BUFFER] = source;
    s->buffer_address = address;
    return OK;
}

/* Empties the slots (which may take several goes), then fills them. */
static enum result install(struct tcb *t, const struct space *s)
{
    for (unsigned i = 0; i < TCB_SLOT_COUNT; i++) {
        if (s->set[i] && slot_delete(&t->slots[i]) != OK) {
            return ERR_PREEMPTED;
        }
    }
    for (unsigned i = 0; i < TCB_SLOT_COUNT; i++) {
        /* Deleting may have deleted the source too, if it was in the old CSpace. */
        if (s->set[i] && !cap_is_null(s->cap[i]) && cap_same_object(s->source[i]->cap, s->cap[i])) {
            slot_insert(&t->slots[i], s->cap[i], s->source[i], false);
        }
    }
    tcb_root_changed(t);
    if (s->set[TCB_SLOT_BUFFER]) {
        t->buffer_address = s->buffer_address;
    }
    return OK;
}

static enum result decode_configure(struct call *c, struct tcb *t)
{
    struct space s = {0};

    if (c->length < 3 || c->extra_count < 3) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    enum result r = decode_root(c, c->extra[0], call_word(c, 0), TCB_SLOT_CSPACE, &s);
    if (r == OK) {
        r = decode_root(c, c->extra[1], call_word(c, 1), TCB_SLOT_VSPACE, &s);
    }
    if (r == OK) {
        r = decode_buffer(c, c->extra[2], call_word(c, 2), &s);
    }
    return r == OK ? install(t, &s) : r;
}

static enum result decode_set_space(struct call *c, struct tcb *t)
{
    struct space s = {0};

    if (c->length < 2 || c->extra_count < 3) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    enum result r = decode_handler(c, 1, TCB_SLOT_FAULT, &s);
    if (r == OK) {
        r = decode_root(c, c->extra[1], call_word(c, 0), TCB_SLOT_CSPACE, &s);
    }
    if (r == OK) {
        r = decode_root(c, c->extra[2], call_word(c, 1), TCB_SLOT_VSPACE, &s);
    }
    return r == OK ? install(t, &s) : r;
}

static enum result decode_set_buffer(struct call *c, struct tcb *t)
{
    struct space s = {0};

    if (c->length < 1 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    enum result r = decode_buffer(c, c->extra[0], call_word(c, 0), &s);
    return r == OK ? install(t, &s) : r;
}

static enum result decode_set_timeout_endpoint(struct call *c, struct tcb *t)
{
    struct space s = {0};

    if (c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    enum result r = decode_handler(c, 1, TCB_SLOT_TIMEOUT, &s);
    return r == OK ? install(t, &s) : r;
}

/* Authority over priorities is another thread's maximum controlled priority. */
static enum result check_priority(struct call *c, uint64_t priority)
{
    struct cap authority = c->extra[0]->cap;

    if (cap_type(authority) != CAP_THREAD) {
        return call_invalid_capability(c, 1);
    }
    const struct tcb *t = cap_object(authority);
    return priority > t->mcp ? call_range_error(c, 0, t->mcp) : OK;
}

static enum result decode_set_priority(struct call *c, struct tcb *t)
{
    if (c->length < 1 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    enum result r = check_priority(c, call_word(c, 0));
    if (r != OK) {
        return r;
    }
    if (c->label == LABEL_TCB_SET_PRIORITY) {
        tcb_set_priority(t, (unsigned)call_word(c, 0));
    } else {
        t->mcp = (uint8_t)call_word(c, 0);
    }
    return OK;
}

static enum result decode_set_sched_params(struct call *c, struct tcb *t)
{
    struct space s = {0};

    if (c->length < 2 || c->extra_count < 3) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    enum result r = check_priority(c, call_word(c, 0));
    if (r == OK) {
        r = check_priority(c, call_word(c, 1));
    }
    if (r != OK) {
        return r;
    }
    struct cap sc_cap = c->extra[1]->cap;
    struct sched_context *sc = NULL;
    if (cap_type(sc_cap) == CAP_SCHED_CONTEXT) {
        sc = cap_object(sc_cap);
        if (t->sc != sc && !sc_may_bind(sc, t)) {
            return call_fail(c, SEL4_ILLEGAL_OPERATION);
        }
    } else if (!cap_is_null(sc_cap)) {
        return call_invalid_capability(c, 2);
    } else if (t == c->thread) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    r = decode_handler(c, 3, TCB_SLOT_FAULT, &s);
    if (r != OK) {
        return r;
    }
    r = install(t, &s);
    if (r != OK) {
        return r;
    }
    t->mcp = (uint8_t)call_word(c, 0);
    tcb_set_priority(t, (unsigned)call_word(c, 1));
    if (sc && t->sc != sc) {
        sc_bind_tcb(sc, t);
    } else if (!sc && t->sc) {
        sc_unbind_tcb(t->sc);
    }
    return OK;
}

static enum result decode_bind_notification(struct call *c, struct tcb *t)
{
    if (c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    struct cap cap = c->extra[0]->cap;
    if (t->bound_notification || cap_type(cap) != CAP_NOTIFICATION ||
        !(cap_rights(cap) & RIGHT_READ)) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    struct notification *n = cap_object(cap);
    if (n->bound || n->state == NOTIFICATION_WAITING) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    notification_bind(n, t);
    return OK;
}

static enum result decode_set_tls_base(struct call *c, struct tcb *t)
{
    if (c->length < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    uint64_t base = call_word(c, 0);
    tcb_stall(t);
    if (core_self()->current == t) {
        arch_set_fs_base(t, base < USER_TOP ? base : 0);
    } else {
        t->context.fs_base = base < USER_TOP ? base : 0;
    }
    return OK;
}

static enum result decode_set_flags(struct call *c, struct tcb *t)
{
    if (c->length < 2) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    uint64_t flags = (t->flags & ~call_word(c, 0)) | (call_word(c, 1) & TCB_FLAG_FPU_DISABLED);
    tcb_stall(t);
    if (flags & TCB_FLAG_FPU_DISABLED) {
        arch_fpu_release(t);
    }
    t->flags = flags;
    call_reply(c, 0, flags);
    return OK;
}

enum result tcb_decode(struct call *c)
{
    struct tcb *t = cap_object(c->cap);

    switch (c->label) {
    case LABEL_TCB_READ_REGISTERS:
    case LABEL_TCB_WRITE_REGISTERS:
    case LABEL_TCB_COPY_REGISTERS:
        return tcb_registers_decode(c, t);
    case LABEL_TCB_CONFIGURE:
        return decode_configure(c, t);
    case LABEL_TCB_SET_PRIORITY:
    case LABEL_TCB_SET_MC_PRIORITY:
        return decode_set_priority(c, t);
    case LABEL_TCB_SET_SCHED_PARAMS:
        return decode_set_sched_params(c, t);
    case LABEL_TCB_SET_TIMEOUT_ENDPOINT:
        return decode_set_timeout_endpoint(c, t);
    case LABEL_TCB_SET_IPC_BUFFER:
        return decode_set_buffer(c, t);
    case LABEL_TCB_SET_SPACE:
        return decode_set_space(c, t);
    case LABEL_TCB_SUSPEND:
        tcb_suspend(t);
        return OK;
    case LABEL_TCB_RESUME:
        tcb_restart(t);
        return OK;
    case LABEL_TCB_BIND_NOTIFICATION:
        return decode_bind_notification(c, t);
    case LABEL_TCB_UNBIND_NOTIFICATION:
        if (!t->bound_notification) {
            return call_fail(c, SEL4_ILLEGAL_OPERATION);
        }
        notification_unbind(t);
        return OK;
    case LABEL_TCB_SET_TLS_BASE:
        return decode_set_tls_base(c, t);
    case LABEL_TCB_SET_FLAGS:
        return decode_set_flags(c, t);
    case LABEL_TCB_SET_EPT_ROOT:
        return virt_tcb_set_ept_root(c);
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}
