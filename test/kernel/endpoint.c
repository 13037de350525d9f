/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Endpoints: messages, rights, badges, queues. Replies and donated scheduling contexts are in
 * reply.c, capability transfer in transfer.c.
 */
#include "test.h"

static void send_one(struct thread *self)
{
    self->step = 1;
    seL4_SetMR(0, self->arg[1]);
    seL4_Send(self->arg[0], message(0, 1));
    self->step = 2;
}

static void call_one(struct thread *self)
{
    seL4_MessageInfo_t info;

    self->step = 1;
    seL4_SetMR(0, self->arg[1]);
    info = seL4_Call(self->arg[0], message(5, 1));
    self->result = label_of(info) << 32 | seL4_GetMR(0);
    self->step = 2;
}

static void recv_one(struct thread *self)
{
    seL4_Word badge;

    self->step = 1;
    seL4_Recv(self->arg[0], &badge, self->reply);
    self->result = seL4_GetMR(0);
    self->arg[2] = badge;
    self->step = 2;
}

static void wait_one(struct thread *self)
{
    seL4_Word badge;

    self->step = 1;
    seL4_Wait(self->arg[0], &badge);
    self->result = seL4_GetMR(0);
    self->arg[2] = badge;
    self->step = 2;
}

TEST(endpoint_send_blocks_until_received)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *sender = thread_run(HIGHER, send_one, endpoint, 0x1234, 0);

    CHECK_EQ(sender->step, 1);
    seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_GetMR(0), 0x1234);
    CHECK_EQ(sender->step, 2);
}

TEST(endpoint_recv_blocks_until_sent)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *receiver = thread_run(HIGHER, recv_one, endpoint, 0, 0);

    CHECK_EQ(receiver->step, 1);
    seL4_SetMR(0, 77);
    seL4_Send(endpoint, message(0, 1));
    CHECK_EQ(receiver->step, 2);
    CHECK_EQ(receiver->result, 77);
}

TEST(endpoint_badge_is_delivered)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *receiver = thread_run(HIGHER, recv_one, endpoint, 0, 0);

    seL4_Send(cap_mint(endpoint, seL4_AllRights, 0xfeed), message(0, 0));
    CHECK_EQ(receiver->arg[2], 0xfeed);
}

TEST(endpoint_badge_of_a_queued_sender)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_Word badge;

    thread_run(HIGHER, send_one, cap_mint(endpoint, seL4_AllRights, 0xbeef), 0, 0);
    seL4_Wait(endpoint, &badge);
    CHECK_EQ(badge, 0xbeef);
}

TEST(endpoint_badge_zero_without_badge)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_Word badge = 5;

    thread_run(HIGHER, send_one, endpoint, 0, 0);
    seL4_Wait(endpoint, &badge);
    CHECK_EQ(badge, 0);
}

TEST(endpoint_nbsend_to_nobody_is_lost)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_Word badge = 5;

    seL4_NBSend(endpoint, message(0, 0));
    seL4_NBRecv(endpoint, &badge, reply_new());
    CHECK_EQ(badge, 0);
}

TEST(endpoint_nbsend_to_a_receiver)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *receiver = thread_run(HIGHER, recv_one, endpoint, 0, 0);

    seL4_SetMR(0, 9);
    seL4_NBSend(endpoint, message(0, 1));
    CHECK_EQ(receiver->step, 2);
    CHECK_EQ(receiver->result, 9);
}

TEST(endpoint_nbrecv_takes_a_queued_sender)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *sender =
        thread_run(HIGHER, send_one, cap_mint(endpoint, seL4_AllRights, 3), 44, 0);
    seL4_Word badge;

    seL4_NBRecv(endpoint, &badge, reply_new());
    CHECK_EQ(badge, 3);
    CHECK_EQ(seL4_GetMR(0), 44);
    CHECK_EQ(sender->step, 2);
}

TEST(endpoint_message_info_arrives)
{
    seL4_CPtr endpoint = endpoint_new();
    seL4_MessageInfo_t info;

    thread_run(HIGHER, call_one, endpoint, 0x42, 0);
    info = seL4_Recv(endpoint, NULL, reply_new());
    CHECK_EQ(label_of(info), 5);
    CHECK_EQ(length_of(info), 1);
    CHECK_EQ(seL4_MessageInfo_get_extraCaps(info), 0);
    CHECK_EQ(seL4_GetMR(0), 0x42);
}

static void send_lengths(struct thread *self)
{
    for (seL4_Word length = 0; length <= seL4_MsgMaxLength; length++) {
        for (seL4_Word i = 0; i < length; i++) {
            seL4_SetMR(i, length << 16 | i);
        }
        seL4_Send(self->arg[0], message(length, length));
    }
}

static void check_lengths(seL4_Word sender_priority)
{
    seL4_CPtr endpoint = endpoint_new();

    thread_run(sender_priority, send_lengths, endpoint, 0, 0);
    for (seL4_Word length = 0; length <= seL4_MsgMaxLength; length++) {
        seL4_MessageInfo_t info = seL4_Wait(endpoint, NULL);

        CHECK_EQ(label_of(info), length);
        CHECK_EQ(length_of(info), length);
        for (seL4_Word i = 0; i < length; i++) {
            CHECK_EQ(seL4_GetMR(i), length << 16 | i);
        }
    }
}

TEST(endpoint_every_length_sender_first)
{
    check_lengths(HIGHER);
}

TEST(endpoint_every_length_receiver_first)
{
    check_lengths(LOWER);
}

static void echo(struct thread *self)
{
    seL4_MessageInfo_t info = seL4_Recv(self->arg[0], NULL, self->reply);

    for (;;) {
        for (seL4_Word i = 0; i < length_of(info); i++) {
            seL4_SetMR(i, ~seL4_GetMR(i));
        }
        info = seL4_ReplyRecv(self->arg[0], info, NULL, self->reply);
    }
}

static void check_calls(seL4_Word server_priority, seL4_CPtr vspace)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = thread_new_with(&(struct thread_options){
        .priority = server_priority, .mcp = server_priority, .vspace = vspace});

    thread_start(server, echo, endpoint, 0, 0);
    for (seL4_Word length = 0; length <= seL4_MsgMaxLength; length++) {
        seL4_MessageInfo_t info;

        for (seL4_Word i = 0; i < length; i++) {
            seL4_SetMR(i, length * 1000 + i);
        }
        info = seL4_Call(endpoint, message(length, length));
        CHECK_EQ(label_of(info), length);
        CHECK_EQ(length_of(info), length);
        for (seL4_Word i = 0; i < length; i++) {
            CHECK_EQ(seL4_GetMR(i), ~(length * 1000 + i));
        }
    }
}

TEST(endpoint_call_every_length_to_higher_priority)
{
    check_calls(HIGHER, 0);
}

TEST(endpoint_call_every_length_to_equal_priority)
{
    check_calls(TEST_PRIORITY, 0);
}

TEST(endpoint_call_every_length_to_lower_priority)
{
    check_calls(LOWER, 0);
}

TEST(endpoint_call_every_length_to_another_address_space)
{
    check_calls(HIGHER, space_new());
}

TEST(endpoint_call_every_length_to_another_address_space_lower)
{
    check_calls(LOWER, space_new());
}

/* Only four words travel without an IPC buffer on either side. */
TEST(endpoint_receiver_without_ipc_buffer)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *receiver = thread_new(HIGHER);

    CHECK_OK(seL4_TCB_SetIPCBuffer(receiver->tcb, 0, 0));
    thread_start(receiver, recv_one, endpoint, 0, 0);
    seL4_SetMR(0, 0x31);
    seL4_Send(endpoint, message(0, 20));
    CHECK_EQ(receiver->step, 2);
    CHECK_EQ(receiver->result, 0x31);
}

static void send_long(struct thread *self)
{
    seL4_SetMR(3, 33);
    seL4_Send(self->arg[0], message(0, 20));
}

TEST(endpoint_sender_without_ipc_buffer)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *sender = thread_new(HIGHER);
    seL4_MessageInfo_t info;

    CHECK_OK(seL4_TCB_SetIPCBuffer(sender->tcb, 0, 0));
    thread_start(sender, send_long, endpoint, 0, 0);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(length_of(info), 4);
    CHECK_EQ(seL4_GetMR(3), 33);
}

TEST(endpoint_length_beyond_the_maximum_is_cut)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *sender = thread_new(LOWER);
    seL4_MessageInfo_t info;

    thread_start(sender, send_lengths, endpoint, 0, 0);
    thread_run(HIGHER, send_one, endpoint, 1, 0);
    info = seL4_Wait(endpoint, NULL);
    CHECK_EQ(length_of(info), 1);
}

/* Rights. */

TEST(endpoint_send_without_write_right_is_lost)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *receiver = thread_run(HIGHER, recv_one, endpoint, 0, 0);

    seL4_Send(cap_copy(endpoint, seL4_CanRead), message(0, 0));
    seL4_NBSend(cap_copy(endpoint, seL4_CanRead), message(0, 0));
    CHECK_EQ(receiver->step, 1);
}

TEST(endpoint_call_without_write_right)
{
    CHECK_EQ(label_of(seL4_Call(cap_copy(endpoint_new(), seL4_CanRead), message(0, 0))),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 0);
}

/* Without Grant and GrantReply nobody can answer: the caller stays blocked for good. */
TEST(endpoint_call_without_grant_blocks)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *caller =
        thread_run(HIGHER, call_one, cap_copy(endpoint, seL4_CanWrite), 0x99, 0);

    seL4_Recv(endpoint, NULL, reply);
    CHECK_EQ(seL4_GetMR(0), 0x99);
    seL4_Send(reply, message(0, 0));
    CHECK_EQ(caller->step, 1);
}

TEST(endpoint_call_with_grant_reply)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *caller = thread_run(
        HIGHER, call_one, cap_copy(endpoint, seL4_CapRights_new(true, false, false, true)), 0, 0);

    seL4_Recv(endpoint, NULL, reply);
    seL4_SetMR(0, 6);
    seL4_Send(reply, message(2, 1));
    CHECK_EQ(caller->step, 2);
    CHECK_EQ(caller->result, 2ull << 32 | 6);
}

TEST(endpoint_call_received_by_wait_cannot_be_answered)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *caller = thread_run(HIGHER, call_one, endpoint, 0x99, 0);

    seL4_Wait(endpoint, NULL);
    CHECK_EQ(seL4_GetMR(0), 0x99);
    sleep_us(2000);
    CHECK_EQ(caller->step, 1);
}

/* Queues are ordered by priority, and by arrival among equals. */

static void trace_send(struct thread *self)
{
    seL4_SetMR(0, self->arg[1]);
    seL4_Send(self->arg[0], message(0, 1));
}

static void trace_received(seL4_CPtr endpoint, unsigned count)
{
    trace_reset();
    for (unsigned i = 0; i < count; i++) {
        seL4_Wait(endpoint, NULL);
        trace((char)seL4_GetMR(0));
    }
}

TEST(endpoint_senders_ordered_by_priority)
{
    seL4_CPtr endpoint = endpoint_new();

    thread_run(HIGHER + 2, trace_send, endpoint, 'b', 0);
    thread_run(HIGHER, trace_send, endpoint, 'd', 0);
    thread_run(HIGHER + 3, trace_send, endpoint, 'a', 0);
    thread_run(HIGHER + 1, trace_send, endpoint, 'c', 0);
    trace_received(endpoint, 4);
    CHECK_TRACE("abcd");
}

TEST(endpoint_senders_of_equal_priority_first_come)
{
    seL4_CPtr endpoint = endpoint_new();

    thread_run(HIGHER, trace_send, endpoint, 'a', 0);
    thread_run(HIGHER, trace_send, endpoint, 'b', 0);
    thread_run(HIGHER, trace_send, endpoint, 'c', 0);
    trace_received(endpoint, 3);
    CHECK_TRACE("abc");
}

TEST(endpoint_priority_change_moves_a_queued_sender)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *moved;

    thread_run(HIGHER + 1, trace_send, endpoint, 'b', 0);
    moved = thread_run(HIGHER, trace_send, endpoint, 'a', 0);
    thread_run(HIGHER + 2, trace_send, endpoint, 'c', 0);
    CHECK_OK(seL4_TCB_SetPriority(moved->tcb, seL4_CapInitThreadTCB, HIGHER + 5));
    trace_received(endpoint, 3);
    CHECK_TRACE("acb");
}

static void trace_recv(struct thread *self)
{
    seL4_Recv(self->arg[0], NULL, self->reply);
    trace((char)self->arg[1]);
}

TEST(endpoint_receivers_ordered_by_priority)
{
    seL4_CPtr endpoint = endpoint_new();

    thread_run(HIGHER + 1, trace_recv, endpoint, 'b', 0);
    thread_run(HIGHER, trace_recv, endpoint, 'c', 0);
    thread_run(HIGHER + 2, trace_recv, endpoint, 'a', 0);
    for (int i = 0; i < 3; i++) {
        seL4_Send(endpoint, message(0, 0));
    }
    CHECK_TRACE("abc");
}

TEST(endpoint_suspended_sender_leaves_the_queue)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *first = thread_run(HIGHER, trace_send, endpoint, 'a', 0);

    thread_run(HIGHER, trace_send, endpoint, 'b', 0);
    CHECK_OK(seL4_TCB_Suspend(first->tcb));
    trace_received(endpoint, 1);
    CHECK_TRACE("b");
}

TEST(endpoint_deleted_with_receivers_waiting)
{
    seL4_CPtr endpoint = endpoint_new(), faults = endpoint_new();
    struct thread *receiver = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    thread_start(receiver, recv_one, endpoint, 0, 0);
    CHECK_OK(cap_delete(endpoint));
    /* The receive starts again and finds an empty slot. */
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_CapFault);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_Addr), endpoint);
    CHECK_EQ(receiver->step, 1);
}

/* NBSendRecv and NBSendWait. */

static void nbsend_recv(struct thread *self)
{
    seL4_SetMR(0, 1);
    seL4_NBSendRecv(self->arg[0], message(0, 1), self->arg[1], NULL, self->reply);
    self->result = seL4_GetMR(0);
    self->step = 1;
}

static void nbsend_wait(struct thread *self)
{
    seL4_SetMR(0, 1);
    seL4_NBSendWait(self->arg[0], message(0, 1), self->arg[1], NULL);
    self->result = seL4_GetMR(0);
    self->step = 1;
}

static void check_send_then_receive(void (*entry)(struct thread *self))
{
    seL4_CPtr a = endpoint_new(), b = endpoint_new();
    struct thread *receiver = thread_run(HIGHER, wait_one, a, 0, 0);
    struct thread *thread = thread_run(HIGHER, entry, a, b, 0);

    CHECK_EQ(receiver->step, 2);
    CHECK_EQ(receiver->result, 1);
    CHECK_EQ(thread->step, 0);
    seL4_SetMR(0, 2);
    seL4_NBSend(b, message(0, 1));
    CHECK_EQ(thread->step, 1);
    CHECK_EQ(thread->result, 2);
}

TEST(endpoint_nbsend_recv)
{
    check_send_then_receive(nbsend_recv);
}

TEST(endpoint_nbsend_wait)
{
    check_send_then_receive(nbsend_wait);
}

TEST(endpoint_nbsend_recv_drops_a_message_nobody_waits_for)
{
    seL4_CPtr a = endpoint_new(), b = endpoint_new();
    struct thread *thread = thread_run(HIGHER, nbsend_recv, a, b, 0);
    seL4_Word badge = 1;

    seL4_NBRecv(a, &badge, reply_new());
    CHECK_EQ(badge, 0);
    seL4_Send(b, message(0, 0));
    CHECK_EQ(thread->step, 1);
}
