/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of untyped memory and of CNodes (ABI sheet, section 9). A slot is named by a CNode
 * capability, an index and the number of bits of the index to resolve (depth, 1..64).
 */
#ifndef SEL4_INVOCATION_CNODE_H
#define SEL4_INVOCATION_CNODE_H

#include <sel4/invocation.h>

/*
 * Makes num_objects (1..256) objects of type out of untyped memory, and puts their capabilities in
 * the slots from node_offset on of the CNode found at root, node_index, node_depth (depth 0: root
 * itself). size_bits counts for untypeds, CNodes (slots) and scheduling contexts only.
 */
static inline seL4_Error seL4_Untyped_Retype(seL4_Untyped untyped, seL4_Word type,
                                             seL4_Word size_bits, seL4_CNode root,
                                             seL4_Word node_index, seL4_Word node_depth,
                                             seL4_Word node_offset, seL4_Word num_objects)
{
    seL4_SetCap(0, root);
    seL4_SetMR(4, node_offset);
    seL4_SetMR(5, num_objects);
    return seL4_x64_invoke(untyped, UntypedRetype, 1, 6, type, size_bits, node_index, node_depth);
}

/* Deletes all capabilities derived from the one in the slot, but not that one. */
static inline seL4_Error seL4_CNode_Revoke(seL4_CNode cnode, seL4_Word index, uint8_t depth)
{
    return seL4_x64_invoke2(cnode, CNodeRevoke, 0, index, depth);
}

/* Empties the slot; deleting the last capability to an object destroys the object. */
static inline seL4_Error seL4_CNode_Delete(seL4_CNode cnode, seL4_Word index, uint8_t depth)
{
    return seL4_x64_invoke2(cnode, CNodeDelete, 0, index, depth);
}

/* Cancels all waiting sends made with the badge of the endpoint capability in the slot. */
static inline seL4_Error seL4_CNode_CancelBadgedSends(seL4_CNode cnode, seL4_Word index,
                                                      uint8_t depth)
{
    return seL4_x64_invoke2(cnode, CNodeCancelBadgedSends, 0, index, depth);
}

/* Copies a capability into an empty slot, with at most rights. */
static inline seL4_Error seL4_CNode_Copy(seL4_CNode cnode, seL4_Word dest_index, uint8_t dest_depth,
                                         seL4_CNode src_root, seL4_Word src_index,
                                         uint8_t src_depth, seL4_CapRights_t rights)
{
    seL4_SetCap(0, src_root);
    seL4_SetMR(4, rights.words[0]);
    return seL4_x64_invoke(cnode, CNodeCopy, 1, 5, dest_index, dest_depth, src_index, src_depth);
}

/* As Copy, giving the copy a badge, or a CNode copy a guard (seL4_CNode_CapData_new). */
static inline seL4_Error seL4_CNode_Mint(seL4_CNode cnode, seL4_Word dest_index, uint8_t dest_depth,
                                         seL4_CNode src_root, seL4_Word src_index,
                                         uint8_t src_depth, seL4_CapRights_t rights,
                                         seL4_Word badge)
{
    seL4_SetCap(0, src_root);
    seL4_SetMR(4, rights.words[0]);
    seL4_SetMR(5, badge);
    return seL4_x64_invoke(cnode, CNodeMint, 1, 6, dest_index, dest_depth, src_index, src_depth);
}

static inline seL4_Error seL4_CNode_Move(seL4_CNode cnode, seL4_Word dest_index, uint8_t dest_depth,
                                         seL4_CNode src_root, seL4_Word src_index,
                                         uint8_t src_depth)
{
    seL4_SetCap(0, src_root);
    return seL4_x64_invoke(cnode, CNodeMove, 1, 4, dest_index, dest_depth, src_index, src_depth);
}

/* As Move, setting badge or guard of a capability that has none yet. */
static inline seL4_Error seL4_CNode_Mutate(seL4_CNode cnode, seL4_Word dest_index,
                                           uint8_t dest_depth, seL4_CNode src_root,
                                           seL4_Word src_index, uint8_t src_depth, seL4_Word badge)
{
    seL4_SetCap(0, src_root);
    seL4_SetMR(4, badge);
    return seL4_x64_invoke(cnode, CNodeMutate, 1, 5, dest_index, dest_depth, src_index, src_depth);
}

/* Moves pivot to dest and src to pivot, with new badges; dest may be the slot of src (a swap). */
static inline seL4_Error seL4_CNode_Rotate(seL4_CNode cnode, seL4_Word dest_index,
                                           uint8_t dest_depth, seL4_Word dest_badge,
                                           seL4_CNode pivot_root, seL4_Word pivot_index,
                                           uint8_t pivot_depth, seL4_Word pivot_badge,
                                           seL4_CNode src_root, seL4_Word src_index,
                                           uint8_t src_depth)
{
    seL4_SetCap(0, pivot_root);
    seL4_SetCap(1, src_root);
    seL4_SetMR(4, pivot_depth);
    seL4_SetMR(5, pivot_badge);
    seL4_SetMR(6, src_index);
    seL4_SetMR(7, src_depth);
    return seL4_x64_invoke(cnode, CNodeRotate, 2, 8, dest_index, dest_depth, dest_badge,
                           pivot_index);
}

#endif
