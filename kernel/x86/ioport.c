/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/ioport.h"

#include "api/label.h"
#include "sel4/quoin.h"
#include "x86/arch.h"
#include "x86/asm.h"

enum { PORTS = 0x10000 };

static uint64_t issued[PORTS / 64];

/* Bits of a word of the map that belong to ports first..last. */
static uint64_t word_mask(unsigned word, unsigned first, unsigned last)
{
    uint64_t mask = UINT64_MAX;
    if (word == first / 64) {
        mask &= UINT64_MAX << (first % 64);
    }
    if (word == last / 64) {
        mask &= UINT64_MAX >> (63 - last % 64);
    }
    return mask;
}

static bool range_is_free(unsigned first, unsigned last)
{
    for (unsigned w = first / 64; w <= last / 64; w++) {
        if (issued[w] & word_mask(w, first, last)) {
            return false;
        }
    }
    return true;
}

void ioport_release(struct cap c)
{
    for (unsigned w = ioport_first(c) / 64u; w <= ioport_last(c) / 64u; w++) {
        issued[w] &= ~word_mask(w, ioport_first(c), ioport_last(c));
    }
}

enum result ioport_control_decode(struct call *c)
{
    if (c->label != LABEL_IO_PORT_CONTROL_ISSUE) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (c->length < 4 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    /* As the API's type of a port number: 16 bits. */
    uint16_t first = (uint16_t)call_word(c, 0);
    uint16_t last = (uint16_t)call_word(c, 1);
    if (last < first) {
        return call_invalid_argument(c, 1);
    }
    if (!range_is_free(first, last)) {
        return call_fail(c, SEL4_REVOKE_FIRST);
    }
    struct slot *dest;
    enum result result =
        call_lookup_dest(c, c->extra[0]->cap, call_word(c, 2), call_word(c, 3), &dest);
    if (result != OK) {
        return result;
    }
    for (unsigned w = first / 64u; w <= last / 64u; w++) {
        issued[w] |= word_mask(w, first, last);
    }
    slot_insert(dest, cap_make(CAP_IO_PORT, 0, 0, first | (uint64_t)last << 16), c->slot, true);
    return OK;
}

static enum result check_range(struct call *c, unsigned words, uint64_t port, unsigned bytes)
{
    if (c->length < words) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    if (port < ioport_first(c->cap) || port + bytes - 1 > ioport_last(c->cap)) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    return OK;
}

static enum result out_some(struct call *c, uint16_t port, uint64_t count)
{
    enum result result = check_range(c, 4, port, 1);
    if (result != OK) {
        return result;
    }
    if (count < 1 || count > QUOIN_OUT8_MAX) {
        return call_invalid_argument(c, 1);
    }
    uint64_t words[2] = {call_word(c, 2), call_word(c, 3)};
    for (unsigned i = 0; i < count; i++) {
        asm_out8(port, (uint8_t)(words[i / 8] >> i % 8 * 8));
    }
    return OK;
}

enum result ioport_decode(struct call *c)
{
    uint16_t port = (uint16_t)call_word(c, 0);
    uint64_t data = call_word(c, 1);
    enum result result;
    switch (c->label) {
    case LABEL_IO_PORT_IN8:
        if ((result = check_range(c, 1, port, 1)) == OK) {
            call_reply(c, 0, asm_in8(port));
        }
        return result;
    case LABEL_IO_PORT_IN16:
        if ((result = check_range(c, 1, port, 2)) == OK) {
            call_reply(c, 0, asm_in16(port));
        }
        return result;
    case LABEL_IO_PORT_IN32:
        if ((result = check_range(c, 1, port, 4)) == OK) {
            call_reply(c, 0, asm_in32(port));
        }
        return result;
    case LABEL_IO_PORT_OUT8:
        if ((result = check_range(c, 2, port, 1)) == OK) {
            asm_out8(port, (uint8_t)data);
        }
        return result;
    case LABEL_IO_PORT_OUT16:
        if ((result = check_range(c, 2, port, 2)) == OK) {
            asm_out16(port, (uint16_t)data);
        }
        return result;
    case LABEL_IO_PORT_OUT32:
        if ((result = check_range(c, 2, port, 4)) == OK) {
            asm_out32(port, (uint32_t)data);
        }
        return result;
    case QUOIN_LABEL_IO_PORT_OUT8_SOME:
        return out_some(c, port, data);
    default:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
}
