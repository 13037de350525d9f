/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/call.h"
#include "x86/arch.h"

static bool cap_is_arch(struct cap c)
{
    return (c.w0 & 1) != 0;
}

bool cap_same_object(struct cap a, struct cap b)
{
    if (cap_is_arch(a) || cap_is_arch(b)) {
        return cap_is_arch(a) && cap_is_arch(b) && arch_cap_same_object(a, b);
    }
    if (cap_type(a) != cap_type(b)) {
        /* A zombie and copies of what it was cannot be told apart by their users. */
        return false;
    }
    switch (cap_type(a)) {
    case CAP_NULL:
    case CAP_UNTYPED:
        return false;
    case CAP_IRQ_CONTROL:
    case CAP_DOMAIN:
        return true;
    case CAP_IRQ_HANDLER:
    case CAP_SCHED_CONTROL:
        return a.w1 == b.w1;
    default:
        return cap_object(a) == cap_object(b);
    }
}

/* The physical range of the object in memory that an untyped can cover. */
static bool cap_region(struct cap c, struct paddr *base, unsigned *bits)
{
    if (cap_is_arch(c)) {
        return arch_cap_region(c, base, bits);
    }
    switch (cap_type(c)) {
    case CAP_UNTYPED:
        *base = cap_paddr(c);
        *bits = cap_untyped_bits(c);
        return true;
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
    case CAP_REPLY:
    case CAP_CNODE:
    case CAP_THREAD:
    case CAP_ZOMBIE:
    case CAP_SCHED_CONTEXT:
    case CAP_TIMER:
        /* Objects never straddle the end of an untyped: their first byte decides. */
        *base = arch_paddr(cap_object(c));
        *bits = 4;
        return true;
    default:
        return false;
    }
}

bool cap_region_contains(struct cap a, struct cap b)
{
    if (cap_type(a) == CAP_UNTYPED) {
        struct paddr base;
        unsigned bits;
        if (!cap_region(b, &base, &bits)) {
            return false;
        }
        uint64_t start = cap_paddr(a).v;
        uint64_t size = BIT(cap_untyped_bits(a));
        return base.v >= start && base.v - start < size && bits <= cap_untyped_bits(a);
    }
    if (cap_type(a) == CAP_IRQ_CONTROL && cap_type(b) == CAP_IRQ_HANDLER) {
        return true;
    }
    if (cap_is_arch(a) && cap_is_arch(b)) {
        return arch_cap_region_contains(a, b);
    }
    return cap_same_object(a, b);
}

struct cap cap_mask_rights(struct cap cap, unsigned rights)
{
    if (cap_is_arch(cap)) {
        return arch_cap_mask_rights(cap, rights);
    }
    switch (cap_type(cap)) {
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
    case CAP_REPLY:
        return cap_with_rights(cap, cap_rights(cap) & rights);
    default:
        return cap;
    }
}

struct cap cap_update_data(bool preserve, uint64_t data, struct cap cap)
{
    if (cap_is_arch(cap)) {
        return arch_cap_update_data(preserve, data, cap);
    }
    switch (cap_type(cap)) {
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
        if (preserve || cap.w1 != 0) {
            return cap_null();
        }
        cap.w1 = data;
        return cap;
    case CAP_CNODE: {
        /* seL4_CNode_CapData: guard [63:6], guard size [5:0] (ABI section 8). */
        unsigned guard_size = (unsigned)(data & MASK(6));
        if (guard_size + cap_cnode_radix(cap) > 64) {
            return cap_null();
        }
        cap = cap_with_detail(cap, 6, 6, guard_size);
        cap.w1 = (data >> 6) & MASK(guard_size);
        return cap;
    }
    default:
        return cap;
    }
}

enum result cap_derive(struct call *c, struct slot *slot, struct cap cap, struct cap *derived)
{
    if (cap_is_arch(cap)) {
        return arch_cap_derive(c, slot, cap, derived);
    }
    switch (cap_type(cap)) {
    case CAP_UNTYPED:
        if (slot_has_descendants(slot)) {
            return call_fail(c, SEL4_REVOKE_FIRST);
        }
        *derived = cap;
        return OK;
    case CAP_ZOMBIE:
    case CAP_IRQ_CONTROL:
    case CAP_REPLY: /* masked rights are kept: a reply capability may be copied */
        *derived = cap_type(cap) == CAP_REPLY ? cap : cap_null();
        return OK;
    default:
        *derived = cap;
        return OK;
    }
}
