/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The derivation tree. All capabilities stand in doubly linked lists, each descendant behind its
 * ancestor with only descendants of that ancestor between them (preorder). Who descends from whom
 * follows from what the capabilities name: an original capability is the ancestor of every
 * capability behind it whose object lies within its own.
 */
#ifndef KERNEL_OBJECT_SLOT_H
#define KERNEL_OBJECT_SLOT_H

#include "object/cap.h"

static inline struct slot *slot_next(const struct slot *s)
{
    return (struct slot *)(uintptr_t)(s->next & ~MASK(SLOT_BITS));
}
static inline struct slot *slot_prev(const struct slot *s)
{
    return (struct slot *)(uintptr_t)s->prev;
}
static inline bool slot_is_empty(const struct slot *s)
{
    return cap_is_null(s->cap);
}

/* Puts cap into the empty slot dest as a descendant or sibling of source (directly behind it). */
void slot_insert(struct slot *dest, struct cap cap, struct slot *source, bool original);

/* Puts cap into the empty slot dest as the root of a tree of its own (boot only). */
void slot_insert_root(struct slot *dest, struct cap cap);

/* Inserts a derived cap: works out whether it is an original from source's (copy and mint). */
void slot_insert_derived(struct slot *dest, struct cap cap, struct slot *source);

/* Moves source's place in the tree to the empty slot dest, which then holds cap. */
void slot_move(struct slot *dest, struct slot *source, struct cap cap);

/* Exchanges two slots' places; a gets cap_for_a, b cap_for_b. */
void slot_swap(struct slot *a, struct cap cap_for_a, struct slot *b, struct cap cap_for_b);

/* True if descendant (not ancestor itself) descends from ancestor: it must stand behind it. */
bool slot_is_ancestor(const struct slot *ancestor, const struct slot *descendant);
bool slot_has_descendants(const struct slot *s);

/* True if no other slot names the object. */
bool slot_is_final(const struct slot *s);

/* Deletes the capability (and, with the last one, its object). Preemptible: OK or ERR_PREEMPTED. */
enum result slot_delete(struct slot *s);

/* Deletes one slot whose deletion is known to be short (a frame, an endpoint...): cannot fail. */
void slot_delete_short(struct slot *s);

/* Deletes all descendants. Preemptible. */
enum result slot_revoke(struct slot *s);

/* Takes a slot out of the tree and empties it, without any effect on its object. */
void slot_clear(struct slot *s);

#endif
