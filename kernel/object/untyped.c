/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Untyped memory and Retype.
 *
 * A capability's w1 says how much of its memory has been given out (bytes from the start, low 48
 * bits) and how many further MiB, from the next MiB boundary on, are known to be clear (high 16
 * bits): memory is cleared when objects are made, and a preempted Retype goes on where it was.
 */
#include "api/call.h"
#include "api/label.h"
#include "x86/arch.h"

#define USED_BITS   48
#define CLEAR_CHUNK BIT(20)

static uint64_t untyped_used(struct cap c)
{
    return c.w1 & MASK(USED_BITS);
}

static uint64_t align_up(uint64_t value, unsigned bits)
{
    return (value + MASK(bits)) & ~MASK(bits);
}

static void untyped_set(struct slot *s, uint64_t used, uint64_t clear_end)
{
    uint64_t from = align_up(used, 20);
    uint64_t mib = clear_end > from ? (clear_end - from) >> 20 : 0;
    s->cap.w1 = used | (mib > 0xffff ? 0xffff : mib) << USED_BITS;
}

/* Object size in bits, or 0 when the type does not exist. */
static unsigned object_bits(uint64_t type, uint64_t size_bits)
{
    switch (type) {
    case OBJECT_UNTYPED:
    case OBJECT_SCHED_CONTEXT:
        return (unsigned)size_bits;
    case OBJECT_TCB:
        return 11;
    case OBJECT_ENDPOINT:
        return 4;
    case OBJECT_NOTIFICATION:
        return 6;
    case OBJECT_CNODE:
        return (unsigned)size_bits + SLOT_BITS;
    case OBJECT_REPLY:
        return 5;
    case OBJECT_TIMER:
        return QUOIN_TIMER_SIZE_BITS;
    default:
        return arch_object_bits(type);
    }
}

static struct cap object_create(uint64_t type, unsigned size_bits, struct paddr base, bool device)
{
    switch (type) {
    case OBJECT_UNTYPED:
        return cap_untyped(base, size_bits, device, 0);
    case OBJECT_TCB:
        tcb_init(arch_window(base));
        return cap_for_object(CAP_THREAD, arch_window(base));
    case OBJECT_ENDPOINT:
        return cap_with_rights(cap_for_object(CAP_ENDPOINT, arch_window(base)), RIGHTS_ALL);
    case OBJECT_NOTIFICATION:
        return cap_with_rights(cap_for_object(CAP_NOTIFICATION, arch_window(base)),
                               RIGHT_READ | RIGHT_WRITE);
    case OBJECT_CNODE:
        return cap_cnode(arch_window(base), size_bits, 0, 0);
    case OBJECT_SCHED_CONTEXT:
        sc_init(arch_window(base), size_bits);
        return cap_with_detail(cap_for_object(CAP_SCHED_CONTEXT, arch_window(base)), 0, 6,
                               size_bits);
    case OBJECT_REPLY:
        return cap_with_rights(cap_for_object(CAP_REPLY, arch_window(base)), RIGHT_GRANT);
    case OBJECT_TIMER:
        return cap_for_object(CAP_TIMER, arch_window(base));
    default:
        return arch_object_create(type, base, device);
    }
}

struct retype {
    uint64_t type;
    unsigned size_bits;   /* as given */
    unsigned object_bits; /* of one object */
    uint64_t count;
    struct slot *dest; /* first of count empty slots */
    uint64_t start;    /* offset in the untyped */
    bool device;
};

static enum result retype_decode_size(struct call *c, struct retype *r)
{
    uint64_t size_bits = call_word(c, 1);

    r->type = call_word(c, 0);
    if (size_bits > PADDR_TOP_BITS) {
        return call_range_error(c, 0, PADDR_TOP_BITS);
    }
    r->size_bits = (unsigned)size_bits;
    r->object_bits = object_bits(r->type, size_bits);
    if (r->object_bits == 0 && r->type != OBJECT_UNTYPED && r->type != OBJECT_SCHED_CONTEXT) {
        return call_invalid_argument(c, 0);
    }
    if (r->object_bits > PADDR_TOP_BITS) {
        return call_range_error(c, 0, PADDR_TOP_BITS);
    }
    if (r->type == OBJECT_CNODE && size_bits == 0) {
        return call_invalid_argument(c, 1);
    }
    if (r->type == OBJECT_UNTYPED && size_bits < 4) {
        return call_invalid_argument(c, 1);
    }
    if (r->type == OBJECT_SCHED_CONTEXT && size_bits < SC_MIN_SIZE_BITS) {
        return call_invalid_argument(c, 1);
    }
    return OK;
}

static enum result retype_decode_dest(struct call *c, struct retype *r)
{
    uint64_t depth = call_word(c, 3);
    uint64_t offset = call_word(c, 4);
    struct cap node = c->extra[0]->cap;

    r->count = call_word(c, 5);
    if (depth != 0) {
        struct slot *slot;
        enum result result = call_lookup_slot(c, node, false, call_word(c, 2), depth, &slot);
        if (result != OK) {
            return result;
        }
        node = slot->cap;
    }
    if (cap_type(node) != CAP_CNODE) {
        return call_failed_lookup(c, false,
                                  (struct lookup_fault){LOOKUP_MISSING_CAPABILITY, depth, 0, 0});
    }
    uint64_t slots = BIT(cap_cnode_radix(node));
    if (offset >= slots) {
        return call_range_error(c, 0, slots - 1);
    }
    if (r->count < 1 || r->count > CONFIG_FAN_OUT_LIMIT) {
        return call_range_error(c, 1, CONFIG_FAN_OUT_LIMIT);
    }
    if (r->count > slots - offset) {
        return call_range_error(c, 1, slots - offset);
    }
    r->dest = (struct slot *)cap_object(node) + offset;
    for (uint64_t i = 0; i < r->count; i++) {
        if (!slot_is_empty(&r->dest[i])) {
            return call_fail(c, SEL4_DELETE_FIRST);
        }
    }
    return OK;
}

/* Clears what of [start, end) is not known to be clear. False: more to do, progress recorded. */
static bool retype_clear(struct slot *s, uint64_t start, uint64_t end)
{
    uint8_t *base = arch_window(cap_paddr(s->cap));
    uint64_t used = untyped_used(s->cap);
    uint64_t clean_from = align_up(used, 20);
    uint64_t clean_to = clean_from + (s->cap.w1 >> USED_BITS << 20);

    if (start < clean_from) {
        memory_clear(base + start, (end < clean_from ? end : clean_from) - start);
    }
    if (end <= clean_to) {
        return true;
    }
    if (start > clean_to) {
        /* Objects of 2 MiB and 1 GiB, far from the clean part: begin anew at their start. */
        clean_to = start & ~MASK(20);
        if (clean_to > clean_from) {
            clean_from = clean_to;
        }
    }
    uint64_t chunk_end = end - clean_to > CLEAR_CHUNK ? clean_to + CLEAR_CHUNK : end;
    memory_clear(base + clean_to, chunk_end - clean_to);
    if (chunk_end == end) {
        return true;
    }
    untyped_set(s, used, chunk_end);
    return false;
}

enum result untyped_decode(struct call *c)
{
    struct retype r = {0};
    enum result result;

    if (c->label != LABEL_UNTYPED_RETYPE) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (c->length < 6 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    result = retype_decode_size(c, &r);
    if (result == OK) {
        result = retype_decode_dest(c, &r);
    }
    if (result != OK) {
        return result;
    }
    struct slot *s = c->slot;
    uint64_t size = BIT(cap_untyped_bits(c->cap));
    if (!slot_has_descendants(s) && untyped_used(s->cap) != 0) {
        untyped_set(s, 0, 0); /* nothing of it is in use any more */
    }
    r.device = cap_untyped_device(c->cap);
    r.start = align_up(untyped_used(s->cap), r.object_bits);
    if (r.start > size || r.count > (size - r.start) >> r.object_bits) {
        c->error_a = size - untyped_used(s->cap);
        return call_fail(c, SEL4_NOT_ENOUGH_MEMORY);
    }
    if (r.device && r.type != OBJECT_UNTYPED && !arch_object_device_ok(r.type)) {
        return call_invalid_argument(c, 1);
    }
    uint64_t end = r.start + (r.count << r.object_bits);
    if (!r.device && r.type != OBJECT_UNTYPED && !retype_clear(s, r.start, end)) {
        return ERR_PREEMPTED;
    }
    uint64_t clean_to = align_up(untyped_used(s->cap), 20) + (s->cap.w1 >> USED_BITS << 20);
    untyped_set(s, end, clean_to);
    for (uint64_t i = 0; i < r.count; i++) {
        struct paddr at = {cap_paddr(c->cap).v + r.start + (i << r.object_bits)};
        slot_insert(&r.dest[i], object_create(r.type, r.size_bits, at, r.device), s, true);
    }
    return OK;
}
