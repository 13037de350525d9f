/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/label.h"
#include "object/tcb_decode.h"
#include "x86/arch.h"

/* seL4_UserContext: 18 frame registers, then 2 others (ABI section 8). */
enum { FRAME_REGISTERS = 18, ALL_REGISTERS = 20 };

static enum result decode_read(struct call *c, struct tcb *t)
{
    if (c->length < 2) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    uint64_t count = call_word(c, 1);
    if (count < 1 || count > ALL_REGISTERS) {
        return call_range_error(c, 1, ALL_REGISTERS);
    }
    if (t == c->thread) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (call_word(c, 0) & 1) {
        tcb_suspend(t);
    } else {
        tcb_stall(t);
    }
    arch_sync_bases(t);
    for (unsigned i = 0; i < count; i++) {
        call_reply(c, i, arch_get_register(t, i));
    }
    return OK;
}

static enum result decode_write(struct call *c, struct tcb *t)
{
    if (c->length < 2) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    uint64_t count = call_word(c, 1);
    if (count > c->length - 2) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    if (t == c->thread) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    bool resume = (call_word(c, 0) & 1) != 0;
    tcb_stall(t);
    arch_sync_bases(t);
    for (unsigned i = 0; i < count && i < ALL_REGISTERS; i++) {
        arch_set_register(t, i, call_word(c, i + 2));
    }
    if (resume) {
        tcb_restart(t);
    }
    return OK;
}

static enum result decode_copy(struct call *c, struct tcb *dest)
{
    if (c->length < 1 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    uint64_t flags = call_word(c, 0);
    if (cap_type(c->extra[0]->cap) != CAP_THREAD) {
        return call_invalid_capability(c, 1);
    }
    struct tcb *source = cap_object(c->extra[0]->cap);

    if (flags & 1) {
        tcb_suspend(source);
    } else {
        tcb_stall(source);
    }
    tcb_stall(dest);
    arch_sync_bases(source);
    arch_sync_bases(dest);
    for (unsigned i = (flags & 4) ? 0 : FRAME_REGISTERS;
         i < ((flags & 8) ? ALL_REGISTERS : FRAME_REGISTERS); i++) {
        arch_set_register(dest, i, arch_get_register(source, i));
    }
    if (flags & 2) {
        tcb_restart(dest);
    }
    return OK;
}

enum result tcb_registers_decode(struct call *c, struct tcb *t)
{
    switch (c->label) {
    case LABEL_TCB_READ_REGISTERS:
        return decode_read(c, t);
    case LABEL_TCB_WRITE_REGISTERS:
        return decode_write(c, t);
    default:
        return decode_copy(c, t);
    }
}
