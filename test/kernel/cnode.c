/* SPDX-License-Identifier: BSD-2-Clause
 *
 * CNode Copy, Mint, Move, Mutate, Rotate and Delete: what they do and each error.
 */
#include "test.h"

static seL4_Error copy_to(seL4_CPtr to, seL4_CPtr from)
{
    return seL4_CNode_Copy(ROOT, to, ROOT_DEPTH, ROOT, from, ROOT_DEPTH, seL4_AllRights);
}

static seL4_Error mint_to(seL4_CPtr to, seL4_CPtr from, seL4_Word badge)
{
    return seL4_CNode_Mint(ROOT, to, ROOT_DEPTH, ROOT, from, ROOT_DEPTH, seL4_AllRights, badge);
}

static seL4_Error move_to(seL4_CPtr to, seL4_CPtr from)
{
    return seL4_CNode_Move(ROOT, to, ROOT_DEPTH, ROOT, from, ROOT_DEPTH);
}

static seL4_Error mutate_to(seL4_CPtr to, seL4_CPtr from, seL4_Word badge)
{
    return seL4_CNode_Mutate(ROOT, to, ROOT_DEPTH, ROOT, from, ROOT_DEPTH, badge);
}

static seL4_Error rotate(seL4_CPtr to, seL4_CPtr pivot, seL4_CPtr from)
{
    return seL4_CNode_Rotate(ROOT, to, ROOT_DEPTH, 0, ROOT, pivot, ROOT_DEPTH, 0, ROOT, from,
                             ROOT_DEPTH);
}

/* A notification's badge as its Poll shows it: which capability a slot really holds. */
static seL4_Word badge_of(seL4_CPtr notification, seL4_CPtr cap)
{
    seL4_Word badge;

    seL4_Signal(cap);
    seL4_Poll(notification, &badge);
    return badge;
}

TEST(cnode_copy)
{
    seL4_CPtr from = endpoint_new(), to = slot_new();

    CHECK_OK(copy_to(to, from));
    CHECK(!slot_is_empty(from) && !slot_is_empty(to));
}

TEST(cnode_copy_to_occupied_slot)
{
    CHECK_EQ(copy_to(endpoint_new(), endpoint_new()), seL4_DeleteFirst);
}

TEST(cnode_copy_from_empty_slot)
{
    seL4_CPtr to = slot_new();

    CHECK_LOOKUP(copy_to(to, slot_new()), 1, seL4_MissingCapability);
    CHECK(slot_is_empty(to));
}

TEST(cnode_copy_checks_destination_first)
{
    CHECK_EQ(copy_to(endpoint_new(), slot_new()), seL4_DeleteFirst);
}

TEST(cnode_copy_keeps_badge)
{
    seL4_CPtr notification = notification_new();
    seL4_CPtr badged = cap_mint(notification, seL4_AllRights, 0x55);

    CHECK_EQ(badge_of(notification, cap_copy(badged, seL4_AllRights)), 0x55);
}

TEST(cnode_copy_source_root_not_a_cnode)
{
    CHECK_LOOKUP(seL4_CNode_Copy(ROOT, slot_new(), ROOT_DEPTH, endpoint_new(), 1, ROOT_DEPTH,
                                 seL4_AllRights),
                 1, seL4_InvalidRoot);
}

TEST(cnode_copy_depth_zero)
{
    CHECK_EQ(seL4_CNode_Copy(ROOT, slot_new(), 0, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights),
             seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_GetMR(1), 64);
}

TEST(cnode_copy_depth_too_large)
{
    CHECK_EQ(
        seL4_CNode_Copy(ROOT, slot_new(), 65, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights),
        seL4_RangeError);
    CHECK_EQ(
        seL4_CNode_Copy(ROOT, slot_new(), ROOT_DEPTH, ROOT, endpoint_new(), 65, seL4_AllRights),
        seL4_RangeError);
}

TEST(cnode_copy_depth_stops_short_of_the_slot)
{
    seL4_CPtr cnode = cnode_new(4);

    CHECK_LOOKUP(seL4_CNode_Copy(cnode, 1, 3, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights), 0,
                 seL4_DepthMismatch);
    CHECK_EQ(seL4_GetMR(2), 3);
    CHECK_EQ(seL4_GetMR(3), 4);
}

TEST(cnode_copy_depth_goes_beyond_the_slot)
{
    seL4_CPtr cnode = cnode_new(4);

    CHECK_LOOKUP(seL4_CNode_Copy(cnode, 1, 6, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights), 0,
                 seL4_DepthMismatch);
}

TEST(cnode_copy_guard_mismatch)
{
    seL4_CPtr cnode = cnode_new(4);
    seL4_CPtr guarded = cap_mint(cnode, seL4_AllRights, seL4_CNode_CapData_new(0x5, 8).words[0]);

    CHECK_LOOKUP(
        seL4_CNode_Copy(guarded, 0x61, 12, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights), 0,
        seL4_GuardMismatch);
    CHECK_EQ(seL4_GetMR(2), 12);
    CHECK_EQ(seL4_GetMR(3), 5);
    CHECK_EQ(seL4_GetMR(4), 8);
    CHECK_OK(seL4_CNode_Copy(guarded, 0x51, 12, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights));
}

TEST(cnode_copy_into_another_cnode)
{
    seL4_CPtr cnode = cnode_new(4);

    CHECK_OK(seL4_CNode_Copy(cnode, 3, 4, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights));
    CHECK_EQ(seL4_CNode_Copy(cnode, 3, 4, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights),
             seL4_DeleteFirst);
    CHECK_OK(seL4_CNode_Copy(ROOT, slot_new(), ROOT_DEPTH, cnode, 3, 4, seL4_AllRights));
}

TEST(cnode_mint_badge)
{
    seL4_CPtr notification = notification_new();

    CHECK_EQ(badge_of(notification, cap_mint(notification, seL4_AllRights, 0xabcdef)), 0xabcdef);
}

TEST(cnode_mint_badge_uses_all_64_bits)
{
    seL4_CPtr notification = notification_new();

    CHECK_EQ(badge_of(notification, cap_mint(notification, seL4_AllRights, ~(seL4_Word)0)),
             ~(seL4_Word)0);
}

TEST(cnode_mint_badge_of_badged_capability)
{
    seL4_CPtr badged = cap_mint(endpoint_new(), seL4_AllRights, 1);

    CHECK_EQ(mint_to(slot_new(), badged, 2), seL4_IllegalOperation);
}

TEST(cnode_mint_to_occupied_slot)
{
    CHECK_EQ(mint_to(endpoint_new(), endpoint_new(), 1), seL4_DeleteFirst);
}

TEST(cnode_mint_from_empty_slot)
{
    CHECK_LOOKUP(mint_to(slot_new(), slot_new(), 1), 1, seL4_MissingCapability);
}

TEST(cnode_mint_badge_on_object_without_badge)
{
    CHECK_OK(mint_to(slot_new(), object_new(seL4_TCBObject, 0), 7));
}

TEST(cnode_mint_guard)
{
    seL4_CPtr cnode = cnode_new(4);
    seL4_CPtr guarded = cap_mint(cnode, seL4_AllRights, seL4_CNode_CapData_new(0x2a, 6).words[0]);

    CHECK_OK(seL4_CNode_Copy(guarded, 0x2a << 4 | 9, 10, ROOT, endpoint_new(), ROOT_DEPTH,
                             seL4_AllRights));
    CHECK_EQ(seL4_CNode_Move(cnode, 9, 4, cnode, 9, 4), seL4_DeleteFirst);
}

TEST(cnode_mint_guard_too_long)
{
    CHECK_EQ(mint_to(slot_new(), cnode_new(4), seL4_CNode_CapData_new(0, 61).words[0]),
             seL4_IllegalOperation);
    CHECK_OK(mint_to(slot_new(), cnode_new(4), seL4_CNode_CapData_new(0, 60).words[0]));
}

TEST(cnode_move)
{
    seL4_CPtr from = endpoint_new(), to = slot_new();

    CHECK_OK(move_to(to, from));
    CHECK(slot_is_empty(from));
    CHECK(!slot_is_empty(to));
}

TEST(cnode_move_to_occupied_slot)
{
    seL4_CPtr from = endpoint_new(), to = endpoint_new();

    CHECK_EQ(move_to(to, from), seL4_DeleteFirst);
    CHECK(!slot_is_empty(from));
}

TEST(cnode_move_from_empty_slot)
{
    CHECK_LOOKUP(move_to(slot_new(), slot_new()), 1, seL4_MissingCapability);
}

TEST(cnode_move_onto_itself)
{
    seL4_CPtr slot = endpoint_new();

    CHECK_EQ(move_to(slot, slot), seL4_DeleteFirst);
    CHECK(!slot_is_empty(slot));
}

/* Mutate and Rotate set guards only: a badge cannot be given to a capability that stays the same.
 */
TEST(cnode_mutate_cannot_set_a_badge)
{
    seL4_CPtr copy = cap_copy(notification_new(), seL4_AllRights);

    CHECK_EQ(mutate_to(slot_new(), copy, 0x77), seL4_IllegalOperation);
    CHECK(!slot_is_empty(copy));
}

TEST(cnode_mutate_endpoint_without_badge)
{
    CHECK_EQ(mutate_to(slot_new(), endpoint_new(), 0), seL4_IllegalOperation);
}

TEST(cnode_mutate_sets_guard)
{
    seL4_CPtr cnode = cnode_new(4), to = slot_new();

    CHECK_OK(mutate_to(to, cnode, seL4_CNode_CapData_new(0x1f, 5).words[0]));
    CHECK(slot_is_empty(cnode));
    CHECK_OK(
        seL4_CNode_Copy(to, 0x1f << 4 | 2, 9, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights));
}

TEST(cnode_mutate_guard_too_long)
{
    seL4_CPtr cnode = cnode_new(4);

    CHECK_EQ(mutate_to(slot_new(), cnode, seL4_CNode_CapData_new(0, 61).words[0]),
             seL4_IllegalOperation);
    CHECK(!slot_is_empty(cnode));
}

TEST(cnode_mutate_of_badged_capability)
{
    seL4_CPtr badged = cap_mint(notification_new(), seL4_AllRights, 3);

    CHECK_EQ(mutate_to(slot_new(), badged, 4), seL4_IllegalOperation);
    CHECK(!slot_is_empty(badged));
}

TEST(cnode_mutate_to_occupied_slot)
{
    CHECK_EQ(mutate_to(endpoint_new(), endpoint_new(), 0), seL4_DeleteFirst);
}

TEST(cnode_mutate_from_empty_slot)
{
    CHECK_LOOKUP(mutate_to(slot_new(), slot_new(), 0), 1, seL4_MissingCapability);
}

static seL4_Word paddr_of(seL4_CPtr frame)
{
    return seL4_X86_Page_GetAddress(frame).paddr;
}

TEST(cnode_rotate)
{
    seL4_CPtr from = frame_new(), pivot = frame_new(), to = slot_new();
    seL4_Word a = paddr_of(from), b = paddr_of(pivot);

    CHECK_OK(rotate(to, pivot, from));
    CHECK(slot_is_empty(from));
    CHECK_EQ(paddr_of(pivot), a);
    CHECK_EQ(paddr_of(to), b);
}

TEST(cnode_rotate_swaps_when_destination_is_source)
{
    seL4_CPtr from = frame_new(), pivot = frame_new();
    seL4_Word a = paddr_of(from), b = paddr_of(pivot);

    CHECK_OK(rotate(from, pivot, from));
    CHECK_EQ(paddr_of(pivot), a);
    CHECK_EQ(paddr_of(from), b);
}

TEST(cnode_rotate_of_endpoints)
{
    CHECK_EQ(rotate(slot_new(), endpoint_new(), endpoint_new()), seL4_IllegalOperation);
}

TEST(cnode_rotate_to_occupied_slot)
{
    CHECK_EQ(rotate(endpoint_new(), endpoint_new(), endpoint_new()), seL4_DeleteFirst);
}

TEST(cnode_rotate_source_is_pivot)
{
    seL4_CPtr slot = endpoint_new();

    CHECK_EQ(rotate(slot_new(), slot, slot), seL4_IllegalOperation);
}

TEST(cnode_rotate_pivot_is_destination)
{
    seL4_CPtr slot = endpoint_new();

    CHECK_EQ(rotate(slot, slot, endpoint_new()), seL4_IllegalOperation);
}

TEST(cnode_rotate_from_empty_slot)
{
    CHECK_LOOKUP(rotate(slot_new(), frame_new(), slot_new()), 1, seL4_MissingCapability);
}

TEST(cnode_rotate_empty_pivot)
{
    CHECK_LOOKUP(rotate(slot_new(), slot_new(), frame_new()), 0, seL4_MissingCapability);
}

TEST(cnode_rotate_sets_guards)
{
    seL4_CPtr from = cnode_new(3), pivot = cnode_new(4), to = slot_new();

    CHECK_OK(seL4_CNode_Rotate(ROOT, to, ROOT_DEPTH, seL4_CNode_CapData_new(1, 2).words[0], ROOT,
                               pivot, ROOT_DEPTH, seL4_CNode_CapData_new(2, 3).words[0], ROOT, from,
                               ROOT_DEPTH));
    CHECK_OK(seL4_CNode_Copy(to, 1 << 4 | 5, 6, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights));
    CHECK_OK(
        seL4_CNode_Copy(pivot, 2 << 3 | 5, 6, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights));
}

TEST(cnode_delete)
{
    seL4_CPtr slot = endpoint_new();

    CHECK_OK(cap_delete(slot));
    CHECK(slot_is_empty(slot));
}

TEST(cnode_delete_empty_slot)
{
    CHECK_OK(cap_delete(slot_new()));
}

TEST(cnode_delete_keeps_copies)
{
    seL4_CPtr slot = endpoint_new();
    seL4_CPtr copy = cap_copy(slot, seL4_AllRights);

    CHECK_OK(cap_delete(slot));
    CHECK(!slot_is_empty(copy));
}

TEST(cnode_delete_lookup_error)
{
    CHECK_EQ(seL4_CNode_Delete(cnode_new(4), 0, 5), seL4_FailedLookup);
}

TEST(cnode_delete_of_a_full_cnode_empties_it)
{
    seL4_CPtr cnode = cnode_new(6);
    seL4_CPtr untyped = untyped_new(12);

    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, cnode, 0, 0, 0, 64));
    CHECK_EQ(seL4_Untyped_Retype(untyped, seL4_X86_4K, 0, ROOT, 0, 0, slot_new(), 1),
             seL4_NotEnoughMemory);
    CHECK_OK(cap_delete(cnode));
    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_X86_4K, 0, ROOT, 0, 0, slot_new(), 1));
}

TEST(cnode_delete_of_cnodes_that_hold_each_other)
{
    seL4_CPtr a = cnode_new(4), b = cnode_new(4);

    CHECK_OK(seL4_CNode_Copy(a, 0, 4, ROOT, b, ROOT_DEPTH, seL4_AllRights));
    CHECK_OK(seL4_CNode_Copy(b, 0, 4, ROOT, a, ROOT_DEPTH, seL4_AllRights));
    CHECK_OK(seL4_CNode_Copy(a, 1, 4, ROOT, a, ROOT_DEPTH, seL4_AllRights));
    CHECK_OK(cap_delete(a));
    CHECK_OK(cap_delete(b));
}

TEST(cnode_delete_of_a_cnode_that_holds_itself)
{
    seL4_CPtr a = cnode_new(4);

    CHECK_OK(seL4_CNode_Move(a, 2, 4, ROOT, a, ROOT_DEPTH));
    CHECK(slot_is_empty(a));
}

TEST(cnode_delete_of_a_long_chain_of_cnodes)
{
    seL4_CPtr first = cnode_new(1), outer = first;

    for (int i = 0; i < 100; i++) {
        seL4_CPtr inner = cnode_new(1);

        CHECK_OK(seL4_CNode_Copy(outer, 0, 1, ROOT, inner, ROOT_DEPTH, seL4_AllRights));
        if (outer != first) {
            CHECK_OK(cap_delete(outer));
        }
        outer = inner;
    }
    CHECK_OK(cap_delete(outer));
    CHECK_OK(cap_delete(first));
}

/* Rights: a copy has at most what was asked for and what the source had. */
TEST(cnode_rights_only_shrink)
{
    seL4_CPtr notification = notification_new();
    seL4_CPtr reader = cap_copy(notification, seL4_CanRead);
    seL4_CPtr again = cap_copy(reader, seL4_AllRights);
    seL4_Word badge;

    seL4_NBSend(again, message(0, 0));
    seL4_Poll(notification, &badge);
    CHECK_EQ(badge, 0);
    CHECK_EQ(label_of(seL4_Call(again, message(0, 0))), seL4_InvalidCapability);
}

TEST(cnode_truncated_messages)
{
    seL4_CPtr slot = slot_new();

    seL4_SetCap(0, ROOT);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeDelete, 0, 1, slot, 0, 0, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeRevoke, 0, 1, slot, 0, 0, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeCopy, 1, 4, slot, 64, 1, 64), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeMint, 1, 5, slot, 64, 1, 64), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeMove, 1, 3, slot, 64, 1, 64), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeMutate, 1, 4, slot, 64, 1, 64), seL4_TruncatedMessage);
    seL4_SetCap(1, ROOT);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeRotate, 2, 7, slot, 64, 0, 1), seL4_TruncatedMessage);
}

TEST(cnode_missing_capability_arguments)
{
    seL4_CPtr slot = slot_new();

    seL4_SetCap(0, ROOT);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeCopy, 0, 5, slot, 64, 1, 64), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeMove, 0, 4, slot, 64, 1, 64), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(ROOT, CNodeRotate, 1, 8, slot, 64, 0, 1), seL4_TruncatedMessage);
}

TEST(cnode_label_of_other_objects)
{
    CHECK_EQ(seL4_x64_invoke0(ROOT, TCBSuspend, 0), seL4_IllegalOperation);
    CHECK_EQ(seL4_x64_invoke0(ROOT, InvalidInvocation, 0), seL4_IllegalOperation);
    CHECK_EQ(seL4_x64_invoke0(ROOT, 0xffff, 0), seL4_IllegalOperation);
}
