/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The derivation tree: what Revoke reaches, what CancelBadgedSends does, which capabilities can be
 * derived from which.
 */
#include "test.h"

static seL4_Error copy_to(seL4_CPtr to, seL4_CPtr from)
{
    return seL4_CNode_Copy(ROOT, to, ROOT_DEPTH, ROOT, from, ROOT_DEPTH, seL4_AllRights);
}

TEST(revoke_empty_slot)
{
    CHECK_OK(cap_revoke(slot_new()));
}

TEST(revoke_keeps_the_capability_itself)
{
    seL4_CPtr endpoint = endpoint_new();

    CHECK_OK(cap_revoke(endpoint));
    CHECK(!slot_is_empty(endpoint));
}

TEST(revoke_original_deletes_copies)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_CPtr a = cap_copy(endpoint, seL4_AllRights);
    seL4_CPtr b = cap_copy(a, seL4_AllRights);

    CHECK_OK(cap_revoke(endpoint));
    CHECK(slot_is_empty(a) && slot_is_empty(b));
}

TEST(revoke_copy_leaves_its_siblings)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_CPtr a = cap_copy(endpoint, seL4_AllRights);
    seL4_CPtr b = cap_copy(a, seL4_AllRights);

    CHECK_OK(cap_revoke(a));
    CHECK(!slot_is_empty(endpoint) && !slot_is_empty(a) && !slot_is_empty(b));
}

TEST(revoke_badged_deletes_its_copies_only)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_CPtr one = cap_mint(endpoint, seL4_AllRights, 1);
    seL4_CPtr two = cap_mint(endpoint, seL4_AllRights, 2);
    seL4_CPtr copy_of_one = cap_copy(one, seL4_AllRights);
    seL4_CPtr copy_of_two = cap_copy(two, seL4_AllRights);

    CHECK_OK(cap_revoke(one));
    CHECK(slot_is_empty(copy_of_one));
    CHECK(!slot_is_empty(one) && !slot_is_empty(two) && !slot_is_empty(copy_of_two));
}

TEST(revoke_copy_of_badged_leaves_the_badged)
{
    seL4_CPtr badged = cap_mint(endpoint_new(), seL4_AllRights, 1);
    seL4_CPtr a = cap_copy(badged, seL4_AllRights);
    seL4_CPtr b = cap_copy(a, seL4_AllRights);

    CHECK_OK(cap_revoke(a));
    CHECK(!slot_is_empty(badged) && !slot_is_empty(b));
}

TEST(revoke_after_move_still_reaches_copies)
{
    seL4_CPtr endpoint = endpoint_new(), elsewhere = slot_new();
    seL4_CPtr copy = cap_copy(endpoint, seL4_AllRights);

    CHECK_OK(seL4_CNode_Move(ROOT, elsewhere, ROOT_DEPTH, ROOT, endpoint, ROOT_DEPTH));
    CHECK_OK(cap_revoke(elsewhere));
    CHECK(slot_is_empty(copy));
}

TEST(revoke_after_rotate_still_reaches_copies)
{
    seL4_CPtr a = frame_new(), b = frame_new();
    seL4_CPtr copy_of_a = cap_copy(a, seL4_AllRights);
    seL4_CPtr copy_of_b = cap_copy(b, seL4_AllRights);

    CHECK_OK(
        seL4_CNode_Rotate(ROOT, a, ROOT_DEPTH, 0, ROOT, b, ROOT_DEPTH, 0, ROOT, a, ROOT_DEPTH));
    CHECK_OK(cap_revoke(a)); /* it holds b's capability now */
    CHECK(slot_is_empty(copy_of_b));
    CHECK(!slot_is_empty(copy_of_a));
}

TEST(revoke_reaches_other_cnodes)
{
    seL4_CPtr endpoint = endpoint_new(), cnode = cnode_new(4);

    for (seL4_Word i = 0; i < 16; i++) {
        CHECK_OK(seL4_CNode_Copy(cnode, i, 4, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights));
    }
    CHECK_OK(cap_revoke(endpoint));
    for (seL4_Word i = 0; i < 16; i++) {
        CHECK_EQ(seL4_CNode_Move(cnode, i, 4, cnode, i, 4), seL4_FailedLookup);
    }
}

TEST(revoke_cnode_holding_itself)
{
    seL4_CPtr untyped = untyped_new(12), cnode = slot_new();

    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_CapTableObject, 4, ROOT, 0, 0, cnode, 1));
    CHECK_OK(seL4_CNode_Copy(cnode, 1, 4, ROOT, cnode, ROOT_DEPTH, seL4_AllRights));
    CHECK_OK(seL4_CNode_Move(cnode, 2, 4, ROOT, cnode, ROOT_DEPTH));
    CHECK_OK(cap_revoke(untyped));
    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_X86_4K, 0, ROOT, 0, 0, slot_new(), 1));
}

TEST(revoke_many_copies)
{
    seL4_CPtr endpoint = endpoint_new(), cnode = cnode_new(12);

    for (seL4_Word i = 0; i < 4096; i++) {
        CHECK_OK(seL4_CNode_Copy(cnode, i, 12, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights));
    }
    CHECK_OK(cap_revoke(endpoint));
    CHECK_EQ(seL4_CNode_Move(cnode, 0, 12, cnode, 0, 12), seL4_FailedLookup);
    CHECK_EQ(seL4_CNode_Move(cnode, 4095, 12, cnode, 4095, 12), seL4_FailedLookup);
}

TEST(revoke_deletes_the_revoked_threads_own_tcb)
{
    seL4_CPtr untyped = untyped_new(12), tcb = slot_new();

    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_TCBObject, 0, ROOT, 0, 0, tcb, 1));
    CHECK_OK(cap_revoke(untyped));
    CHECK(slot_is_empty(tcb));
}

/* What cannot be copied. */
TEST(derive_irq_control)
{
    CHECK_EQ(copy_to(slot_new(), seL4_CapIRQControl), seL4_IllegalOperation);
}

TEST(derive_ioport_control)
{
    CHECK_EQ(copy_to(slot_new(), seL4_CapIOPortControl), seL4_IllegalOperation);
}

TEST(derive_reply)
{
    CHECK_OK(copy_to(slot_new(), reply_new()));
}

TEST(derive_sched_control)
{
    CHECK_OK(copy_to(slot_new(), boot_info->schedcontrol.start));
}

TEST(derive_domain_set)
{
    CHECK_OK(copy_to(slot_new(), seL4_CapDomain));
}

TEST(derive_asid_control_and_pool)
{
    CHECK_OK(copy_to(slot_new(), seL4_CapASIDControl));
    CHECK_OK(copy_to(slot_new(), seL4_CapInitThreadASIDPool));
}

TEST(derive_pml4_without_asid)
{
    CHECK_EQ(copy_to(slot_new(), object_new(seL4_X64_PML4Object, 0)), seL4_IllegalOperation);
}

TEST(derive_pml4_with_asid)
{
    CHECK_OK(copy_to(slot_new(), VSPACE));
}

TEST(derive_unmapped_page_table)
{
    CHECK_EQ(copy_to(slot_new(), object_new(seL4_X86_PageTableObject, 0)), seL4_IllegalOperation);
    CHECK_EQ(copy_to(slot_new(), object_new(seL4_X86_PageDirectoryObject, 0)),
             seL4_IllegalOperation);
    CHECK_EQ(copy_to(slot_new(), object_new(seL4_X86_PDPTObject, 0)), seL4_IllegalOperation);
}

TEST(derive_mapped_page_table)
{
    seL4_CPtr table = object_new(seL4_X86_PageTableObject, 0);

    CHECK_OK(seL4_X86_PageTable_Map(table, VSPACE, 0x10000000, 0));
    CHECK_OK(copy_to(slot_new(), table));
}

TEST(derive_frame_copy_is_unmapped)
{
    seL4_CPtr frame = frame_new(), copy;

    CHECK_OK(
        seL4_X86_PageTable_Map(object_new(seL4_X86_PageTableObject, 0), VSPACE, 0x10000000, 0));
    CHECK_OK(seL4_X86_Page_Map(frame, VSPACE, 0x10000000, seL4_AllRights, 0));
    copy = cap_copy(frame, seL4_AllRights);
    CHECK_OK(seL4_X86_Page_Map(copy, VSPACE, 0x10001000, seL4_AllRights, 0));
    *(volatile int *)0x10000000 = 5;
    CHECK_EQ(*(volatile int *)0x10001000, 5);
}

TEST(mutate_untyped_and_tcb)
{
    seL4_CPtr to = slot_new();

    CHECK_OK(seL4_CNode_Mutate(ROOT, to, ROOT_DEPTH, ROOT, untyped_new(12), ROOT_DEPTH, 0));
    to = slot_new();
    CHECK_OK(seL4_CNode_Mutate(ROOT, to, ROOT_DEPTH, ROOT, object_new(seL4_TCBObject, 0),
                               ROOT_DEPTH, 0));
}

/* CancelBadgedSends. */

static void send_once(struct thread *self)
{
    self->step = 1;
    seL4_SetMR(0, self->arg[1]);
    seL4_Send(self->arg[0], message(0, 1));
    self->step = 2;
}

static void call_once(struct thread *self)
{
    self->step = 1;
    self->result = label_of(seL4_Call(self->arg[0], message(0, 0)));
    self->step = 2;
}

TEST(cancel_badged_sends_needs_an_endpoint)
{
    CHECK_EQ(seL4_CNode_CancelBadgedSends(ROOT, slot_new(), ROOT_DEPTH), seL4_IllegalOperation);
    CHECK_EQ(seL4_CNode_CancelBadgedSends(ROOT, notification_new(), ROOT_DEPTH),
             seL4_IllegalOperation);
}

TEST(cancel_badged_sends_needs_all_rights)
{
    seL4_CPtr badged = cap_mint(endpoint_new(), seL4_ReadWrite, 1);

    CHECK_EQ(seL4_CNode_CancelBadgedSends(ROOT, badged, ROOT_DEPTH), seL4_IllegalOperation);
}

TEST(cancel_badged_sends_of_unbadged_does_nothing)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *sender = thread_run(HIGHER, send_once, endpoint, 0, 0);

    CHECK_OK(seL4_CNode_CancelBadgedSends(ROOT, endpoint, ROOT_DEPTH));
    CHECK_EQ(sender->step, 1);
}

/* A cancelled sender starts its system call again: with its capability gone, Call is answered. */
TEST(cancel_badged_sends_restarts_that_badge)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_CPtr one = cap_mint(endpoint, seL4_AllRights, 1);
    seL4_CPtr two = cap_mint(endpoint, seL4_AllRights, 2);
    struct thread *a = thread_run(HIGHER, call_once, cap_copy(one, seL4_AllRights), 0, 0);
    struct thread *b = thread_run(HIGHER, call_once, cap_copy(two, seL4_AllRights), 0, 0);

    CHECK_OK(cap_revoke(one));
    CHECK_EQ(a->step, 1);
    CHECK_OK(seL4_CNode_CancelBadgedSends(ROOT, one, ROOT_DEPTH));
    CHECK_EQ(a->step, 2);
    CHECK_EQ(a->result, seL4_InvalidCapability);
    CHECK_EQ(b->step, 1);
}

TEST(cancel_badged_sends_queues_again_when_the_capability_stays)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_CPtr badged = cap_mint(endpoint, seL4_AllRights, 1);
    struct thread *a = thread_run(HIGHER, send_once, badged, 0x11, 0);
    seL4_Word badge;

    CHECK_OK(seL4_CNode_CancelBadgedSends(ROOT, badged, ROOT_DEPTH));
    CHECK_EQ(a->step, 1);
    seL4_Recv(endpoint, &badge, reply_new());
    CHECK_EQ(badge, 1);
    CHECK_EQ(seL4_GetMR(0), 0x11);
    CHECK_EQ(a->step, 2);
}

static void wait_once(struct thread *self)
{
    self->step = 1;
    seL4_Wait(self->arg[0], NULL);
    self->step = 2;
}

TEST(cancel_badged_sends_leaves_receivers)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_CPtr badged = cap_mint(endpoint, seL4_AllRights, 1);
    struct thread *receiver = thread_run(HIGHER, wait_once, endpoint, 0, 0);

    CHECK_OK(seL4_CNode_CancelBadgedSends(ROOT, badged, ROOT_DEPTH));
    CHECK_EQ(receiver->step, 1);
    seL4_NBSend(badged, message(0, 0));
    CHECK_EQ(receiver->step, 2);
}

TEST(delete_last_endpoint_cap_restarts_senders)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *a = thread_run(HIGHER, call_once, endpoint, 0, 0);

    CHECK_OK(cap_delete(endpoint));
    CHECK_EQ(a->step, 2);
    CHECK_EQ(a->result, seL4_InvalidCapability);
}

TEST(delete_one_endpoint_cap_leaves_senders)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_CPtr copy = cap_copy(endpoint, seL4_AllRights);
    struct thread *a = thread_run(HIGHER, send_once, copy, 0, 0);

    CHECK_OK(cap_delete(copy));
    CHECK_EQ(a->step, 1);
    seL4_Wait(endpoint, NULL);
    CHECK_EQ(a->step, 2);
}
