/* SPDX-License-Identifier: BSD-2-Clause */
#include "cspace.h"

#include <rt/log.h>

static seL4_CPtr root;            /* the two-level root CNode */
static seL4_CPtr lookup_root;     /* the same with a guard, as in the TCB */
static seL4_Word first_free;      /* of the kernel's CNode: never used from here on ... */
static seL4_Word end_free;        /* ... up to here */
static uint32_t free_slots[8192]; /* given back */
static unsigned free_count;
static uint64_t nodes_used[(1u << CSPACE_ROOT_BITS) / 64];

void cspace_init(const seL4_BootInfo *info)
{
    first_free = info->empty.start;
    end_free = info->empty.end;
}

seL4_Error cspace_enter(const seL4_BootInfo *info, seL4_Untyped root_untyped)
{
    uint8_t bits = (uint8_t)info->initThreadCNodeSizeBits;

    root = cspace_alloc();
    seL4_Error error = seL4_Untyped_Retype(root_untyped, seL4_CapTableObject, CSPACE_ROOT_BITS,
                                           seL4_CapInitThreadCNode, 0, 0, root, 1);
    if (error != seL4_NoError) {
        return error;
    }
    seL4_CNode_CapData_t guard = seL4_CNode_CapData_new(0, CSPACE_NODE_BITS - bits);
    error = seL4_CNode_Mint(root, 0, CSPACE_ROOT_BITS, seL4_CapInitThreadCNode,
                            seL4_CapInitThreadCNode, seL4_WordBits, seL4_AllRights, guard.words[0]);
    if (error != seL4_NoError) {
        return error;
    }
    nodes_used[0] = 1;
    guard = seL4_CNode_CapData_new(0, seL4_WordBits - CSPACE_NODE_BITS - CSPACE_ROOT_BITS);
    /* A second capability for the root, with the guard that makes addresses 64 bits long. */
    lookup_root = cspace_alloc();
    error = seL4_CNode_Mint(seL4_CapInitThreadCNode, lookup_root, seL4_WordBits,
                            seL4_CapInitThreadCNode, root, seL4_WordBits, seL4_AllRights,
                            guard.words[0]);
    if (error != seL4_NoError) {
        return error;
    }
    return seL4_TCB_SetSpace(seL4_CapInitThreadTCB, seL4_CapNull, lookup_root, 0,
                             seL4_CapInitThreadVSpace, 0);
}

seL4_CNode cspace_root(void)
{
    return lookup_root;
}

seL4_CPtr cspace_alloc(void)
{
    if (free_count > 0) {
        return free_slots[--free_count];
    }
    return first_free < end_free ? first_free++ : 0;
}

void cspace_free(seL4_CPtr slot)
{
    if (slot == 0) {
        return;
    }
    (void)seL4_CNode_Delete(seL4_CapInitThreadCNode, slot, seL4_WordBits);
    if (free_count < sizeof(free_slots) / sizeof(free_slots[0])) {
        free_slots[free_count++] = (uint32_t)slot;
    }
}

seL4_Error cspace_node_create(struct cspace_node *node, seL4_Untyped untyped, uint8_t bits)
{
    seL4_Word index = 0;

    while (index < 1u << CSPACE_ROOT_BITS && (nodes_used[index / 64] >> (index % 64) & 1)) {
        index++;
    }
    seL4_CPtr cap = cspace_alloc();
    if (index == 1u << CSPACE_ROOT_BITS || cap == 0) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error = seL4_Untyped_Retype(untyped, seL4_CapTableObject, bits,
                                           seL4_CapInitThreadCNode, 0, 0, cap, 1);
    if (error == seL4_NoError) {
        seL4_CNode_CapData_t guard = seL4_CNode_CapData_new(0, CSPACE_NODE_BITS - bits);
        error = seL4_CNode_Mint(root, index, CSPACE_ROOT_BITS, seL4_CapInitThreadCNode, cap,
                                seL4_WordBits, seL4_AllRights, guard.words[0]);
    }
    if (error != seL4_NoError) {
        cspace_free(cap);
        return error;
    }
    nodes_used[index / 64] |= 1ull << (index % 64);
    *node = (struct cspace_node){.cap = cap, .index = index, .bits = bits, .next = 0};
    return seL4_NoError;
}

void cspace_node_destroy(struct cspace_node *node)
{
    if (node->cap == 0) {
        return;
    }
    (void)seL4_CNode_Delete(root, node->index, CSPACE_ROOT_BITS);
    cspace_free(node->cap);
    nodes_used[node->index / 64] &= ~(1ull << (node->index % 64));
    node->cap = 0;
}

int64_t cspace_node_take(struct cspace_node *node, seL4_Word count)
{
    if (count > (1ull << node->bits) - node->next) {
        return -1;
    }
    node->next += count;
    return (int64_t)(node->next - count);
}
