/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Addresses of capabilities: guards, several levels, and what a failed lookup is answered with.
 */
#include "test.h"

/* A thread whose CSpace is cspace, with its fault endpoint, calls address and says what came back.
 */
static void call_address(struct thread *self)
{
    self->result = label_of(seL4_Call(self->arg[0], message(0, 0)));
    self->step = 1;
    for (;;) {
        seL4_Yield();
    }
}

static void send_address(struct thread *self)
{
    seL4_Send(self->arg[0], message(0, 0));
    self->step = 1;
    for (;;) {
        seL4_Yield();
    }
}

static void recv_address(struct thread *self)
{
    seL4_Recv(self->arg[0], NULL, self->arg[1]);
    self->step = 1;
    for (;;) {
        seL4_Yield();
    }
}

static struct thread *thread_in(seL4_CPtr cspace, seL4_Word data, seL4_CPtr faults)
{
    return thread_new_with(&(struct thread_options){.priority = LOWER,
                                                    .mcp = LOWER,
                                                    .cspace = cspace,
                                                    .cspace_data = data,
                                                    .fault_ep = faults});
}

/* Receives the fault of a lookup; the MRs are then those of the fault. */
static void expect_cap_fault(seL4_CPtr faults, seL4_Word address, seL4_Word in_recv_phase)
{
    seL4_MessageInfo_t info = seL4_Recv(faults, NULL, reply_new());

    CHECK_EQ(label_of(info), seL4_Fault_CapFault);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_Addr), address);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_InRecvPhase), in_recv_phase);
}

TEST(cspace_of_one_level)
{
    seL4_CPtr cnode = cnode_new(4), endpoint = endpoint_new();
    struct thread *thread;

    CHECK_OK(seL4_CNode_Mint(cnode, 3, 4, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights, 9));
    thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], endpoint_new());
    thread_start(thread, send_address, 3, 0, 0);
    {
        seL4_Word badge;

        seL4_Wait(endpoint, &badge);
        CHECK_EQ(badge, 9);
    }
}

/* The same CNode as root once more, where its slots have other addresses. */
TEST(cspace_root_gets_another_guard)
{
    seL4_CPtr cnode = cnode_new(4), endpoint = endpoint_new(), faults = endpoint_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);

    CHECK_OK(seL4_CNode_Mint(cnode, 3, 4, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights, 9));
    thread_start(thread, send_address, 3, 0, 0);
    seL4_Wait(endpoint, NULL);
    CHECK_OK(seL4_TCB_SetSpace(thread->tcb, faults, cnode, seL4_CNode_CapData_new(5, 60).words[0],
                               VSPACE, 0));
    thread_start(thread, send_address, 5 << 4 | 3, 0, 0);
    seL4_Wait(endpoint, NULL);
    thread_start(thread, call_address, 3, 0, 0);
    expect_cap_fault(faults, 3, 0);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_GuardMismatch_GuardFound), 5);
}

/* The last capability of the CNode that is a running thread's CSpace goes. */
TEST(cspace_root_is_deleted)
{
    seL4_CPtr cnode = cnode_new(4), endpoint = endpoint_new(), faults = endpoint_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);

    CHECK_OK(seL4_CNode_Mint(cnode, 3, 4, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights, 9));
    thread_start(thread, send_address, 3, 0, 0);
    seL4_Wait(endpoint, NULL);
    CHECK_OK(cap_revoke(cnode));
    CHECK_OK(cap_delete(cnode));
    thread_start(thread, call_address, 3, 0, 0);
    expect_cap_fault(faults, 3, 0);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_LookupFailureType), seL4_InvalidRoot);
}

TEST(cspace_of_three_levels_with_guards)
{
    seL4_CPtr top = cnode_new(8), middle = cnode_new(8), bottom = cnode_new(8);
    seL4_CPtr endpoint = endpoint_new();
    struct thread *thread;
    seL4_Word badge;

    CHECK_OK(seL4_CNode_Mint(top, 0x21, 8, ROOT, middle, ROOT_DEPTH, seL4_AllRights,
                             seL4_CNode_CapData_new(0xab, 16).words[0]));
    CHECK_OK(seL4_CNode_Mint(middle, 0x43, 8, ROOT, bottom, ROOT_DEPTH, seL4_AllRights,
                             seL4_CNode_CapData_new(0, 4).words[0]));
    CHECK_OK(seL4_CNode_Mint(bottom, 0x65, 8, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights, 7));
    /* 8 + 16 + 8 + 4 + 8 bits below the top guard of 20 make 64. */
    thread = thread_in(top, seL4_CNode_CapData_new(0x5, 20).words[0], endpoint_new());
    thread_start(thread, send_address,
                 0x5ull << 44 | 0x21ull << 36 | 0xabull << 20 | 0x43ull << 12 | 0ull << 8 | 0x65ull,
                 0, 0);
    seL4_Wait(endpoint, &badge);
    CHECK_EQ(badge, 7);
}

/* Bits that remain at a capability that is not a CNode do not matter. */
TEST(cspace_remaining_bits_are_ignored)
{
    seL4_CPtr cnode = cnode_new(4), endpoint = endpoint_new();
    struct thread *thread;
    seL4_Word badge;

    CHECK_OK(seL4_CNode_Mint(cnode, 3, 4, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights, 5));
    thread = thread_in(cnode, 0, endpoint_new());
    thread_start(thread, send_address, 3ull << 60 | 0x1234567, 0, 0);
    seL4_Wait(endpoint, &badge);
    CHECK_EQ(badge, 5);
}

TEST(cspace_call_on_empty_slot_is_an_error)
{
    seL4_CPtr cnode = cnode_new(4);
    struct thread *thread =
        thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], endpoint_new());

    thread_start(thread, call_address, 5, 0, 0);
    sleep_us(3000);
    CHECK_EQ(thread->step, 1);
    CHECK_EQ(thread->result, seL4_InvalidCapability);
}

TEST(cspace_call_on_empty_slot_says_which)
{
    CHECK_EQ(label_of(seL4_Call(slot_new(), message(0, 0))), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 0);
}

TEST(cspace_send_to_empty_slot_does_nothing)
{
    seL4_Send(slot_new(), message(0, 0));
    seL4_NBSend(slot_new(), message(0, 0));
}

TEST(cspace_guard_mismatch_is_a_fault)
{
    seL4_CPtr cnode = cnode_new(4), faults = endpoint_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);

    thread_start(thread, call_address, 0x1000, 0, 0);
    expect_cap_fault(faults, 0x1000, 0);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_LookupFailureType), seL4_GuardMismatch);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_BitsLeft), 64);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_GuardMismatch_GuardFound), 0);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_GuardMismatch_BitsFound), 60);
}

TEST(cspace_depth_mismatch_is_a_fault)
{
    seL4_CPtr top = cnode_new(4), inner = cnode_new(4), faults = endpoint_new();
    struct thread *thread;

    CHECK_OK(seL4_CNode_Copy(top, 1, 4, ROOT, inner, ROOT_DEPTH, seL4_AllRights));
    thread = thread_in(top, seL4_CNode_CapData_new(0, 58).words[0], faults);
    /* 58 + 4 bits leave 2 for a CNode that resolves 4. */
    thread_start(thread, call_address, 1 << 2, 0, 0);
    expect_cap_fault(faults, 1 << 2, 0);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_LookupFailureType), seL4_DepthMismatch);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_BitsLeft), 2);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_DepthMismatch_BitsFound), 4);
}

TEST(cspace_send_fault)
{
    seL4_CPtr cnode = cnode_new(4), faults = endpoint_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);

    thread_start(thread, send_address, 0x2000, 0, 0);
    expect_cap_fault(faults, 0x2000, 0);
    CHECK_EQ(thread->step, 0);
}

static void nbsend_address(struct thread *self)
{
    seL4_NBSend(self->arg[0], message(0, 0));
    self->step = 1;
    for (;;) {
        seL4_Yield();
    }
}

TEST(cspace_nbsend_never_faults)
{
    seL4_CPtr cnode = cnode_new(4);
    struct thread *thread =
        thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], endpoint_new());

    thread_start(thread, nbsend_address, 0x2000, 0, 0);
    sleep_us(3000);
    CHECK_EQ(thread->step, 1);
}

TEST(cspace_recv_on_empty_slot_is_a_fault)
{
    seL4_CPtr cnode = cnode_new(4), faults = endpoint_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);

    thread_start(thread, recv_address, 5, 0, 0);
    expect_cap_fault(faults, 5, 1);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_LookupFailureType), seL4_MissingCapability);
}

TEST(cspace_recv_with_empty_reply_slot_is_a_fault)
{
    seL4_CPtr cnode = cnode_new(4), faults = endpoint_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);

    CHECK_OK(seL4_CNode_Copy(cnode, 5, 4, ROOT, endpoint_new(), ROOT_DEPTH, seL4_AllRights));
    thread_start(thread, recv_address, 5, 6, 0);
    expect_cap_fault(faults, 6, 1);
}

TEST(cspace_recv_on_other_object_is_a_fault)
{
    seL4_CPtr cnode = cnode_new(4), faults = endpoint_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);

    CHECK_OK(seL4_CNode_Copy(cnode, 5, 4, ROOT, object_new(seL4_TCBObject, 0), ROOT_DEPTH,
                             seL4_AllRights));
    thread_start(thread, recv_address, 5, 0, 0);
    expect_cap_fault(faults, 5, 1);
}

TEST(cspace_recv_without_read_right_is_a_fault)
{
    seL4_CPtr cnode = cnode_new(4), faults = endpoint_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);

    CHECK_OK(seL4_CNode_Copy(cnode, 5, 4, ROOT, endpoint_new(), ROOT_DEPTH, seL4_CanWrite));
    CHECK_OK(seL4_CNode_Copy(cnode, 6, 4, ROOT, reply_new(), ROOT_DEPTH, seL4_AllRights));
    thread_start(thread, recv_address, 5, 6, 0);
    expect_cap_fault(faults, 5, 1);
}

/* The fault's handler may mend the CSpace: the reply starts the system call again. */
TEST(cspace_fault_reply_restarts_the_call)
{
    seL4_CPtr cnode = cnode_new(4), faults = endpoint_new(), endpoint = endpoint_new();
    seL4_CPtr reply = reply_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);

    CHECK_OK(seL4_CNode_Copy(cnode, 6, 4, ROOT, reply_new(), ROOT_DEPTH, seL4_AllRights));
    thread_start(thread, recv_address, 5, 6, 0);
    seL4_Recv(faults, NULL, reply);
    CHECK_OK(seL4_CNode_Copy(cnode, 5, 4, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights));
    seL4_Send(reply, message(0, 0));
    sleep_us(3000);
    seL4_NBSend(endpoint, message(0, 0));
    sleep_us(3000);
    CHECK_EQ(thread->step, 1);
}

TEST(cspace_switch_by_set_space)
{
    seL4_CPtr cnode = cnode_new(4), endpoint = endpoint_new();
    struct thread *thread = thread_in(cnode_new(4), seL4_CNode_CapData_new(0, 60).words[0], 0);
    seL4_Word badge;

    CHECK_OK(seL4_CNode_Mint(cnode, 2, 4, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights, 3));
    CHECK_OK(seL4_TCB_SetSpace(thread->tcb, 0, cnode, seL4_CNode_CapData_new(0, 60).words[0],
                               VSPACE, 0));
    thread_start(thread, send_address, 2, 0, 0);
    seL4_Wait(endpoint, &badge);
    CHECK_EQ(badge, 3);
}

/* The thread keeps the CSpace although no other capability to it is left. */
TEST(cspace_lives_while_a_thread_uses_it)
{
    seL4_CPtr cnode = cnode_new(4), endpoint = endpoint_new();
    struct thread *thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], 0);
    seL4_Word badge;

    CHECK_OK(seL4_CNode_Mint(cnode, 2, 4, ROOT, endpoint, ROOT_DEPTH, seL4_AllRights, 4));
    CHECK_OK(cap_delete(cnode));
    thread_start(thread, send_address, 2, 0, 0);
    seL4_Wait(endpoint, &badge);
    CHECK_EQ(badge, 4);
}

TEST(cspace_thread_survives_loss_of_its_cspace)
{
    seL4_CPtr untyped = untyped_new(12), cnode = slot_new(), faults = endpoint_new();
    struct thread *thread;

    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_CapTableObject, 4, ROOT, 0, 0, cnode, 1));
    thread = thread_in(cnode, seL4_CNode_CapData_new(0, 60).words[0], faults);
    CHECK_OK(cap_revoke(untyped));
    thread_start(thread, call_address, 1, 0, 0);
    expect_cap_fault(faults, 1, 0);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_LookupFailureType), seL4_InvalidRoot);
}
