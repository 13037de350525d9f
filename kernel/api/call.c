/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/call.h"

#include "api/message.h"

uint64_t call_word(const struct call *c, unsigned i)
{
    return message_get(c->thread, c->buffer, i);
}

void call_reply(struct call *c, unsigned i, uint64_t value)
{
    if (c->wants_reply) {
        message_set(c->thread, c->buffer, i, value);
        if (c->reply_length < i + 1 && (i < MESSAGE_REGISTERS || c->buffer)) {
            c->reply_length = i + 1;
        }
    }
}

enum result call_fail(struct call *c, enum sel4_error error)
{
    c->error = error;
    return ERR_SYSCALL;
}

enum result call_invalid_argument(struct call *c, unsigned number)
{
    c->error_a = number;
    return call_fail(c, SEL4_INVALID_ARGUMENT);
}

enum result call_invalid_capability(struct call *c, unsigned number)
{
    c->error_a = number;
    return call_fail(c, SEL4_INVALID_CAPABILITY);
}

enum result call_range_error(struct call *c, uint64_t min, uint64_t max)
{
    c->error_a = min;
    c->error_b = max;
    return call_fail(c, SEL4_RANGE_ERROR);
}

enum result call_failed_lookup(struct call *c, bool was_source, struct lookup_fault fault)
{
    c->lookup_was_source = was_source;
    c->lookup = fault;
    return call_fail(c, SEL4_FAILED_LOOKUP);
}
