/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Capability addresses: resolving a pointer through CNodes, bit by bit from the top.
 */
#include "api/call.h"

enum result cspace_resolve(struct cap root, uint64_t index, unsigned depth, struct slot **slot,
                           unsigned *bits_left, struct lookup_fault *fault)
{
    struct cap cap = root;
    unsigned left = depth;

    if (cap_type(cap) != CAP_CNODE) {
        *fault = (struct lookup_fault){LOOKUP_INVALID_ROOT, 0, 0, 0};
        return ERR_FAULT;
    }
    /* Each turn takes at least one bit: radix and guard are not both zero (cnode objects have a
     * radix of at least 1). */
    for (;;) {
        unsigned guard_size = cap_cnode_guard_size(cap);
        unsigned radix = cap_cnode_radix(cap);
        uint64_t guard = guard_size == 0 || guard_size > left
                             ? 0
                             : (index >> (left - guard_size)) & MASK(guard_size);
        if (guard_size > left || guard != cap.w1) {
            *fault = (struct lookup_fault){LOOKUP_GUARD_MISMATCH, left, cap.w1, guard_size};
            return ERR_FAULT;
        }
        if (guard_size + radix > left) {
            *fault = (struct lookup_fault){LOOKUP_DEPTH_MISMATCH, left, guard_size + radix, 0};
            return ERR_FAULT;
        }
        left -= guard_size + radix;
        struct slot *found = (struct slot *)cap_object(cap) + ((index >> left) & MASK(radix));
        if (left == 0 || cap_type(found->cap) != CAP_CNODE) {
            *slot = found;
            *bits_left = left;
            return OK;
        }
        cap = found->cap;
    }
}

enum result cspace_lookup_deep(struct tcb *t, uint64_t cptr, struct slot **slot,
                               struct lookup_fault *fault)
{
    unsigned bits_left;
    return cspace_resolve(t->slots[TCB_SLOT_CSPACE].cap, cptr, 64, slot, &bits_left, fault);
}

enum result call_lookup_slot(struct call *c, struct cap root, bool is_source, uint64_t index,
                             uint64_t depth, struct slot **slot)
{
    struct lookup_fault fault;
    unsigned bits_left;

    if (cap_type(root) != CAP_CNODE) {
        return call_failed_lookup(c, is_source,
                                  (struct lookup_fault){LOOKUP_INVALID_ROOT, 0, 0, 0});
    }
    if (depth < 1 || depth > 64) {
        return call_range_error(c, 1, 64);
    }
    if (cspace_resolve(root, index, (unsigned)depth, slot, &bits_left, &fault) != OK) {
        return call_failed_lookup(c, is_source, fault);
    }
    if (bits_left != 0) {
        fault = (struct lookup_fault){LOOKUP_DEPTH_MISMATCH, bits_left, depth - bits_left, 0};
        return call_failed_lookup(c, is_source, fault);
    }
    return OK;
}

enum result call_lookup_dest(struct call *c, struct cap root, uint64_t index, uint64_t depth,
                             struct slot **slot)
{
    enum result r = call_lookup_slot(c, root, false, index, depth, slot);
    if (r == OK && !slot_is_empty(*slot)) {
        return call_fail(c, SEL4_DELETE_FIRST);
    }
    return r;
}
