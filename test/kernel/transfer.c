/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Capabilities in messages: the receive slot, unwrapping to badges, rights.
 */
#include "test.h"

static seL4_MessageInfo_t with_caps(seL4_Word caps)
{
    return seL4_MessageInfo_new(0, 0, caps, 0);
}

/* Sends capabilities arg[1], and arg[2] when it is not 0. */
static void send_caps(struct thread *self)
{
    seL4_SetCap(0, self->arg[1]);
    seL4_SetCap(1, self->arg[2]);
    seL4_Send(self->arg[0], with_caps(self->arg[2] == 0 ? 1 : 2));
    self->step = 1;
}

TEST(transfer_to_the_receive_slot)
{
    seL4_CPtr endpoint = endpoint_new(), notification = notification_new(), slot = slot_new();
    seL4_MessageInfo_t info;
    seL4_Word badge;

    thread_run(HIGHER, send_caps, endpoint, cap_mint(notification, seL4_AllRights, 0x51), 0);
    seL4_SetCapReceivePath(ROOT, slot, ROOT_DEPTH);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_MessageInfo_get_extraCaps(info), 1);
    CHECK_EQ(seL4_MessageInfo_get_capsUnwrapped(info), 0);
    CHECK(!slot_is_empty(slot));
    seL4_Signal(slot);
    seL4_Poll(notification, &badge);
    CHECK_EQ(badge, 0x51);
}

TEST(transfer_received_capability_is_derived)
{
    seL4_CPtr endpoint = endpoint_new(), sent = endpoint_new(), slot = slot_new();

    thread_run(HIGHER, send_caps, endpoint, sent, 0);
    seL4_SetCapReceivePath(ROOT, slot, ROOT_DEPTH);
    seL4_Wait(endpoint, NULL);
    CHECK_OK(cap_revoke(sent));
    CHECK(slot_is_empty(slot));
}

TEST(transfer_without_receive_slot)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_MessageInfo_t info;

    thread_run(HIGHER, send_caps, endpoint, endpoint_new(), 0);
    seL4_SetCapReceivePath(0, 0, 0);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_MessageInfo_get_extraCaps(info), 0);
}

TEST(transfer_to_occupied_slot)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_MessageInfo_t info;

    thread_run(HIGHER, send_caps, endpoint, endpoint_new(), 0);
    seL4_SetCapReceivePath(ROOT, endpoint_new(), ROOT_DEPTH);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_MessageInfo_get_extraCaps(info), 0);
}

TEST(transfer_needs_grant_right)
{
    seL4_CPtr endpoint = endpoint_new(), slot = slot_new();
    seL4_MessageInfo_t info;

    thread_run(HIGHER, send_caps, cap_copy(endpoint, seL4_CapRights_new(true, false, true, true)),
               endpoint_new(), 0);
    seL4_SetCapReceivePath(ROOT, slot, ROOT_DEPTH);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_MessageInfo_get_extraCaps(info), 0);
    CHECK(slot_is_empty(slot));
}

/* A capability to the very endpoint of the message arrives as its badge. */
TEST(transfer_unwraps_the_endpoints_own_capability)
{
    seL4_CPtr endpoint = endpoint_new(), slot = slot_new();
    seL4_MessageInfo_t info;

    thread_run(HIGHER, send_caps, endpoint, cap_mint(endpoint, seL4_AllRights, 0x77), 0);
    seL4_SetCapReceivePath(ROOT, slot, ROOT_DEPTH);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_MessageInfo_get_extraCaps(info), 1);
    CHECK_EQ(seL4_MessageInfo_get_capsUnwrapped(info), 1);
    CHECK_EQ(seL4_GetBadge(0), 0x77);
    CHECK(slot_is_empty(slot));
}

TEST(transfer_one_unwrapped_and_one_received)
{
    seL4_CPtr endpoint = endpoint_new(), slot = slot_new();
    seL4_MessageInfo_t info;

    thread_run(HIGHER, send_caps, endpoint, cap_mint(endpoint, seL4_AllRights, 0x77),
               endpoint_new());
    seL4_SetCapReceivePath(ROOT, slot, ROOT_DEPTH);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_MessageInfo_get_extraCaps(info), 2);
    CHECK_EQ(seL4_MessageInfo_get_capsUnwrapped(info), 1);
    CHECK(!slot_is_empty(slot));
}

/* There is one receive slot: what follows the capability that fills it is left out. */
TEST(transfer_of_two_fills_one_slot)
{
    seL4_CPtr endpoint = endpoint_new(), slot = slot_new();
    seL4_MessageInfo_t info;

    thread_run(HIGHER, send_caps, endpoint, endpoint_new(), endpoint_new());
    seL4_SetCapReceivePath(ROOT, slot, ROOT_DEPTH);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_MessageInfo_get_extraCaps(info), 1);
    CHECK(!slot_is_empty(slot));
}

TEST(transfer_of_what_cannot_be_derived)
{
    seL4_CPtr endpoint = endpoint_new(), slot = slot_new();
    seL4_MessageInfo_t info;

    thread_run(HIGHER, send_caps, endpoint, object_new(seL4_X86_PageTableObject, 0), 0);
    seL4_SetCapReceivePath(ROOT, slot, ROOT_DEPTH);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_MessageInfo_get_extraCaps(info), 0);
    CHECK(slot_is_empty(slot));
}

static void send_bad_caps(struct thread *self)
{
    seL4_SetCap(0, 1ull << 40); /* no slot */
    self->result = label_of(seL4_Call(self->arg[0], with_caps(1)));
    self->step = 1;
}

TEST(transfer_of_an_address_that_does_not_resolve_is_a_fault)
{
    seL4_CPtr endpoint = endpoint_new(), faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    thread_start(thread, send_bad_caps, endpoint, 0, 0);
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_CapFault);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_Addr), 1ull << 40);
}

static void call_for_cap(struct thread *self)
{
    seL4_MessageInfo_t info;

    seL4_SetCapReceivePath(ROOT, self->arg[1], ROOT_DEPTH);
    info = seL4_Call(self->arg[0], message(0, 0));
    self->result = seL4_MessageInfo_get_extraCaps(info);
    self->step = 1;
}

TEST(transfer_in_a_reply)
{
    seL4_CPtr endpoint = endpoint_new(), slot = slot_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_for_cap, endpoint, slot, 0);

    seL4_Recv(endpoint, NULL, reply);
    seL4_SetCap(0, endpoint_new());
    seL4_Send(reply, with_caps(1));
    CHECK_EQ(caller->step, 1);
    CHECK_EQ(caller->result, 1);
    CHECK(!slot_is_empty(slot));
}

/* The Grant right of the reply capability decides, not the endpoint's. */
TEST(transfer_in_a_reply_needs_grant_of_the_reply)
{
    seL4_CPtr endpoint = endpoint_new(), slot = slot_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_for_cap, endpoint, slot, 0);

    seL4_Recv(endpoint, NULL, reply);
    seL4_SetCap(0, endpoint_new());
    seL4_Send(cap_copy(reply, seL4_ReadWrite), with_caps(1));
    CHECK_EQ(caller->step, 1);
    CHECK_EQ(caller->result, 0);
    CHECK(slot_is_empty(slot));
}

TEST(transfer_in_a_reply_of_a_receiver_without_grant)
{
    seL4_CPtr endpoint = endpoint_new(), slot = slot_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_for_cap, endpoint, slot, 0);

    seL4_Recv(cap_copy(endpoint, seL4_CanRead), NULL, reply);
    seL4_SetCap(0, endpoint_new());
    seL4_Send(reply, with_caps(1));
    CHECK_EQ(caller->result, 1);
}
