/* SPDX-License-Identifier: BSD-2-Clause
 *
 * init's capability space: a root CNode whose slot 0 is the CNode that the kernel made (so that all
 * initial capability addresses stay what they are), and one further CNode for each component or VM,
 * which goes away as a whole.
 *
 * A capability address is CNODE << CSPACE_NODE_BITS | SLOT.
 */
#ifndef INIT_CSPACE_H
#define INIT_CSPACE_H

#include <stdbool.h>
#include <sel4/sel4.h>

#define CSPACE_NODE_BITS 24 /* address bits below the root: guard and slots of a CNode */
#define CSPACE_ROOT_BITS 8

/* Before everything else here: what is free of the kernel's CNode. */
void cspace_init(const seL4_BootInfo *info);
/* Goes over to the two-level space. root_untyped: at least 2^(CSPACE_ROOT_BITS + 5) bytes. */
seL4_Error cspace_enter(const seL4_BootInfo *info, seL4_Untyped root_untyped);

/* The root as the source of a capability by its address, at depth seL4_WordBits. */
seL4_CNode cspace_root(void);

/* Slots of the kernel's CNode. 0 if none is left. */
seL4_CPtr cspace_alloc(void);
/* The slot must be empty or its capability is deleted. */
void cspace_free(seL4_CPtr slot);

/* A CNode of its own, filled from the front. */
struct cspace_node {
    seL4_CPtr cap;   /* the CNode: destination root at depth bits */
    seL4_Word index; /* in the root */
    uint8_t bits;
    seL4_Word next; /* first slot never used */
};

/* Makes a CNode of 2^bits slots (bits <= 24) out of untyped and hangs it into the root. */
seL4_Error cspace_node_create(struct cspace_node *node, seL4_Untyped untyped, uint8_t bits);
/* Takes it out of the root; its memory must be revoked by the caller. */
void cspace_node_destroy(struct cspace_node *node);
/* Next count slots in a row: the first one's number in the CNode, or -1. */
int64_t cspace_node_take(struct cspace_node *node, seL4_Word count);
/* Address of a slot for invocations. */
static inline seL4_CPtr cspace_node_address(const struct cspace_node *node, seL4_Word slot)
{
    return node->index << CSPACE_NODE_BITS | slot;
}

#endif
