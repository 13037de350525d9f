/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of CNodes: everything that moves capabilities between slots.
 */
#include "api/call.h"
#include "api/label.h"

static enum result missing(struct call *c, bool was_source, uint64_t depth)
{
    return call_failed_lookup(c, was_source,
                              (struct lookup_fault){LOOKUP_MISSING_CAPABILITY, depth, 0, 0});
}

static enum result copy_or_mint(struct call *c, struct slot *dest, struct slot *source, bool mint)
{
    struct cap cap = cap_mask_rights(source->cap, (unsigned)(call_word(c, 4) & RIGHTS_ALL));
    struct cap derived;

    if (mint) {
        cap = cap_update_data(false, call_word(c, 5), cap);
    }
    enum result r = cap_derive(c, source, cap, &derived);
    if (r != OK) {
        return r;
    }
    if (cap_is_null(derived)) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    slot_insert_derived(dest, derived, source);
    return OK;
}

static enum result move_or_mutate(struct call *c, struct slot *dest, struct slot *source,
                                  bool mutate)
{
    struct cap cap = source->cap;

    if (mutate) {
        cap = cap_update_data(true, call_word(c, 4), cap);
    }
    if (cap_is_null(cap)) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    slot_move(dest, source, cap);
    return OK;
}

/* Copy, Mint, Move and Mutate: an empty destination and a full source. */
static enum result transfer(struct call *c)
{
    static const uint8_t lengths[] = {5, 6, 4, 5}; /* ABI section 9, from Copy on */
    struct slot *dest;
    struct slot *source;

    if (c->length < lengths[c->label - LABEL_CNODE_COPY] || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    enum result r = call_lookup_dest(c, c->cap, call_word(c, 0), call_word(c, 1), &dest);
    if (r != OK) {
        return r;
    }
    uint64_t depth = call_word(c, 3);
    r = call_lookup_slot(c, c->extra[0]->cap, true, call_word(c, 2), depth, &source);
    if (r != OK) {
        return r;
    }
    if (slot_is_empty(source)) {
        return missing(c, true, depth);
    }
    switch (c->label) {
    case LABEL_CNODE_COPY:
    case LABEL_CNODE_MINT:
        return copy_or_mint(c, dest, source, c->label == LABEL_CNODE_MINT);
    default:
        return move_or_mutate(c, dest, source, c->label == LABEL_CNODE_MUTATE);
    }
}

/* dest takes pivot's capability and pivot takes source's, both with new data; dest may be source.
 */
static enum result rotate(struct call *c)
{
    struct slot *dest;
    struct slot *pivot;
    struct slot *source;

    if (c->length < 8 || c->extra_count < 2) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    enum result r = call_lookup_slot(c, c->cap, false, call_word(c, 0), call_word(c, 1), &dest);
    if (r != OK) {
        return r;
    }
    uint64_t pivot_depth = call_word(c, 4);
    uint64_t source_depth = call_word(c, 7);
    r = call_lookup_slot(c, c->extra[1]->cap, true, call_word(c, 6), source_depth, &source);
    if (r != OK) {
        return r;
    }
    r = call_lookup_slot(c, c->extra[0]->cap, false, call_word(c, 3), pivot_depth, &pivot);
    if (r != OK) {
        return r;
    }
    if (pivot == source || pivot == dest) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (source != dest && !slot_is_empty(dest)) {
        return call_fail(c, SEL4_DELETE_FIRST);
    }
    if (slot_is_empty(source)) {
        return missing(c, true, source_depth);
    }
    if (slot_is_empty(pivot)) {
        return missing(c, false, pivot_depth);
    }
    struct cap for_dest = cap_update_data(true, call_word(c, 2), pivot->cap);
    struct cap for_pivot = cap_update_data(true, call_word(c, 5), source->cap);
    if (cap_is_null(for_dest) || cap_is_null(for_pivot)) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (source == dest) {
        slot_swap(source, for_dest, pivot, for_pivot);
    } else {
        slot_move(dest, pivot, for_dest);
        slot_move(pivot, source, for_pivot);
    }
    return OK;
}

enum result cnode_decode(struct call *c)
{
    struct slot *slot;

    if (c->label < LABEL_CNODE_REVOKE || c->label > LABEL_CNODE_ROTATE) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (c->length < 2) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    switch (c->label) {
    case LABEL_CNODE_COPY:
    case LABEL_CNODE_MINT:
    case LABEL_CNODE_MOVE:
    case LABEL_CNODE_MUTATE:
        return transfer(c);
    case LABEL_CNODE_ROTATE:
        return rotate(c);
    default:
        break;
    }
    enum result r = call_lookup_slot(c, c->cap, false, call_word(c, 0), call_word(c, 1), &slot);
    if (r != OK) {
        return r;
    }
    switch (c->label) {
    case LABEL_CNODE_REVOKE:
        return slot_revoke(slot);
    case LABEL_CNODE_DELETE:
        return slot_delete(slot);
    default:
        /* CancelBadgedSends: all rights, and not the unbadged family (badge 0 does nothing). */
        if (cap_type(slot->cap) != CAP_ENDPOINT || cap_rights(slot->cap) != RIGHTS_ALL) {
            return call_fail(c, SEL4_ILLEGAL_OPERATION);
        }
        if (slot->cap.w1 != 0) {
            endpoint_cancel_badged(cap_object(slot->cap), slot->cap.w1);
        }
        return OK;
    }
}
