/* SPDX-License-Identifier: BSD-2-Clause */
#include "object/slot.h"

#include "api/call.h"
#include "x86/arch.h"

static void slot_set_next(struct slot *s, const struct slot *next)
{
    s->next = (uint64_t)(uintptr_t)next | (s->next & SLOT_ORIGINAL);
}

static void slot_set_prev(struct slot *s, const struct slot *prev)
{
    s->prev = (uint64_t)(uintptr_t)prev;
}

void slot_insert_root(struct slot *dest, struct cap cap)
{
    dest->cap = cap;
    dest->prev = 0;
    dest->next = SLOT_ORIGINAL;
}

void slot_insert(struct slot *dest, struct cap cap, struct slot *source, bool original)
{
    struct slot *next = slot_next(source);

    dest->cap = cap;
    slot_set_prev(dest, source);
    dest->next = (uint64_t)(uintptr_t)next | (original ? SLOT_ORIGINAL : 0);
    slot_set_next(source, dest);
    if (next) {
        slot_set_prev(next, dest);
    }
}

void slot_insert_derived(struct slot *dest, struct cap cap, struct slot *source)
{
    bool original = false;
    switch (cap_type(cap)) {
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
        original = cap.w1 != source->cap.w1; /* a new badge begins a new family */
        break;
    case CAP_UNTYPED:
        /* Memory is given out by one of the two only: the source counts as used up. */
        original = true;
        source->cap.w1 = BIT(cap_untyped_bits(source->cap));
        break;
    case CAP_IO_SPACE:
        original = cap.w1 != source->cap.w1;
        break;
    default:
        break;
    }
    slot_insert(dest, cap, source, original);
}

void slot_clear(struct slot *s)
{
    struct slot *prev = slot_prev(s);
    struct slot *next = slot_next(s);

    if (prev) {
        slot_set_next(prev, next);
    }
    if (next) {
        slot_set_prev(next, prev);
    }
    *s = (struct slot){{0, 0}, 0, 0};
}

/* The neighbours of a slot that was moved as a whole learn its new place. */
static void slot_relink(struct slot *s)
{
    if (slot_prev(s)) {
        slot_set_next(slot_prev(s), s);
    }
    if (slot_next(s)) {
        slot_set_prev(slot_next(s), s);
    }
}

void slot_move(struct slot *dest, struct slot *source, struct cap cap)
{
    *dest = *source;
    dest->cap = cap;
    *source = (struct slot){{0, 0}, 0, 0};
    slot_relink(dest);
}

void slot_swap(struct slot *a, struct cap cap_for_a, struct slot *b, struct cap cap_for_b)
{
    struct slot old_a = *a;
    struct slot old_b = *b;

    a->cap = cap_for_a;
    a->prev = old_b.prev;
    a->next = old_b.next;
    b->cap = cap_for_b;
    b->prev = old_a.prev;
    b->next = old_a.next;
    /* Neighbours of each other: what pointed at the other now is the slot itself. */
    if (slot_next(&old_a) == b) {
        slot_set_next(b, a);
        slot_set_prev(a, b);
    } else if (slot_next(&old_b) == a) {
        slot_set_next(a, b);
        slot_set_prev(b, a);
    }
    slot_relink(a);
    slot_relink(b);
}

bool slot_is_ancestor(const struct slot *ancestor, const struct slot *descendant)
{
    struct cap a = ancestor->cap;
    struct cap d = descendant->cap;

    if (!(ancestor->next & SLOT_ORIGINAL) || !cap_region_contains(a, d)) {
        return false;
    }
    if ((cap_type(a) == CAP_ENDPOINT || cap_type(a) == CAP_NOTIFICATION) && a.w1 != 0) {
        return d.w1 == a.w1 && !(descendant->next & SLOT_ORIGINAL);
    }
    return true;
}

bool slot_has_descendants(const struct slot *s)
{
    struct slot *next = slot_next(s);
    return next && slot_is_ancestor(s, next);
}

bool slot_is_final(const struct slot *s)
{
    struct slot *prev = slot_prev(s);
    struct slot *next = slot_next(s);
    return !(prev && cap_same_object(prev->cap, s->cap)) &&
           !(next && cap_same_object(next->cap, s->cap));
}
