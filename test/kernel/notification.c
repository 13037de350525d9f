/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Notifications: badges that gather, waiters, and binding to a thread.
 */
#include "test.h"

static void wait_badge(struct thread *self)
{
    seL4_Word badge;

    self->step = 1;
    seL4_Wait(self->arg[0], &badge);
    self->result = badge;
    if (self->arg[1] != 0) {
        trace((char)self->arg[1]);
    }
    self->step = 2;
}

static void recv_badge(struct thread *self)
{
    seL4_Word badge;

    self->step = 1;
    seL4_Recv(self->arg[0], &badge, self->reply);
    self->result = badge;
    self->step = 2;
}

TEST(notification_poll_of_nothing)
{
    seL4_Word badge = 5;

    seL4_Poll(notification_new(), &badge);
    CHECK_EQ(badge, 0);
}

TEST(notification_signal_then_poll)
{
    seL4_CPtr notification = notification_new();
    seL4_Word badge;

    seL4_Signal(cap_mint(notification, seL4_AllRights, 6));
    seL4_Poll(notification, &badge);
    CHECK_EQ(badge, 6);
    seL4_Poll(notification, &badge);
    CHECK_EQ(badge, 0);
}

TEST(notification_badges_gather)
{
    seL4_CPtr notification = notification_new();
    seL4_Word badge;

    seL4_Signal(cap_mint(notification, seL4_AllRights, 1));
    seL4_Signal(cap_mint(notification, seL4_AllRights, 4));
    seL4_Signal(cap_mint(notification, seL4_AllRights, 5));
    seL4_Wait(notification, &badge);
    CHECK_EQ(badge, 5);
}

TEST(notification_unbadged_signal_ends_a_wait)
{
    seL4_CPtr notification = notification_new();
    struct thread *waiter = thread_run(HIGHER, wait_badge, notification, 0, 0);

    CHECK_EQ(waiter->step, 1);
    seL4_Signal(notification);
    CHECK_EQ(waiter->step, 2);
    CHECK_EQ(waiter->result, 0);
}

TEST(notification_unbadged_signal_stays_pending)
{
    seL4_CPtr notification = notification_new();
    seL4_Word badge = 5;

    seL4_Signal(notification);
    seL4_Wait(notification, &badge);
    CHECK_EQ(badge, 0);
}

TEST(notification_signal_wakes_one_waiter)
{
    seL4_CPtr notification = notification_new();
    struct thread *a = thread_run(HIGHER, wait_badge, notification, 0, 0);
    struct thread *b = thread_run(HIGHER, wait_badge, notification, 0, 0);

    seL4_Signal(notification);
    CHECK_EQ(a->step + b->step, 3);
    seL4_Signal(notification);
    CHECK_EQ(a->step + b->step, 4);
}

TEST(notification_waiters_ordered_by_priority)
{
    seL4_CPtr notification = notification_new();

    thread_run(HIGHER, wait_badge, notification, 'c', 0);
    thread_run(HIGHER + 2, wait_badge, notification, 'a', 0);
    thread_run(HIGHER + 1, wait_badge, notification, 'b', 0);
    for (int i = 0; i < 3; i++) {
        seL4_Signal(notification);
    }
    CHECK_TRACE("abc");
}

TEST(notification_signal_needs_write)
{
    seL4_CPtr notification = notification_new();
    seL4_CPtr reader = cap_mint(notification, seL4_CanRead, 1);
    seL4_Word badge;

    seL4_Signal(reader);
    seL4_Poll(notification, &badge);
    CHECK_EQ(badge, 0);
    CHECK_EQ(label_of(seL4_Call(reader, message(0, 0))), seL4_InvalidCapability);
}

TEST(notification_wait_needs_read)
{
    seL4_CPtr faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    thread_start(thread, wait_badge, cap_copy(notification_new(), seL4_CanWrite), 0, 0);
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_CapFault);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_InRecvPhase), 1);
}

TEST(notification_recv_works_without_reply)
{
    seL4_CPtr notification = notification_new();
    seL4_Word badge;

    seL4_Signal(cap_mint(notification, seL4_AllRights, 2));
    seL4_Recv(notification, &badge, 0);
    CHECK_EQ(badge, 2);
}

TEST(notification_call_is_a_signal)
{
    seL4_CPtr notification = notification_new();
    seL4_Word badge;

    CHECK_EQ(label_of(seL4_Call(cap_mint(notification, seL4_AllRights, 8), message(0, 0))), 0);
    seL4_Poll(notification, &badge);
    CHECK_EQ(badge, 8);
}

TEST(notification_deleted_with_waiter)
{
    seL4_CPtr notification = notification_new(), faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    thread_start(thread, wait_badge, notification, 0, 0);
    CHECK_OK(cap_delete(notification));
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_CapFault);
}

/* Binding. */

TEST(bound_signal_ends_a_receive)
{
    seL4_CPtr endpoint = endpoint_new(), notification = notification_new();
    struct thread *thread = thread_new(HIGHER);

    CHECK_OK(seL4_TCB_BindNotification(thread->tcb, notification));
    thread_start(thread, recv_badge, endpoint, 0, 0);
    CHECK_EQ(thread->step, 1);
    seL4_Signal(cap_mint(notification, seL4_AllRights, 0x10));
    CHECK_EQ(thread->step, 2);
    CHECK_EQ(thread->result, 0x10);
}

TEST(bound_thread_still_receives_messages)
{
    seL4_CPtr endpoint = endpoint_new(), notification = notification_new();
    struct thread *thread = thread_new(HIGHER);

    CHECK_OK(seL4_TCB_BindNotification(thread->tcb, notification));
    thread_start(thread, recv_badge, endpoint, 0, 0);
    seL4_Send(cap_mint(endpoint, seL4_AllRights, 0x20), message(0, 0));
    CHECK_EQ(thread->result, 0x20);
}

TEST(bound_pending_signal_comes_before_senders)
{
    seL4_CPtr endpoint = endpoint_new(), notification = notification_new();
    struct thread *thread = thread_new(LOWER);

    CHECK_OK(seL4_TCB_BindNotification(thread->tcb, notification));
    thread_run(HIGHER, recv_badge, endpoint, 0, 0);
    seL4_NBSend(endpoint, message(0, 0));
    seL4_Signal(cap_mint(notification, seL4_AllRights, 0x10));
    thread_start(thread, recv_badge, endpoint, 0, 0);
    thread_join(thread);
    CHECK_EQ(thread->result, 0x10);
}

static void send_then_step(struct thread *self)
{
    self->step = 1;
    seL4_Send(self->arg[0], message(0, 0));
    self->step = 2;
}

TEST(bound_notification_does_not_end_a_send)
{
    seL4_CPtr endpoint = endpoint_new(), notification = notification_new();
    struct thread *thread = thread_new(HIGHER);
    seL4_Word badge;

    CHECK_OK(seL4_TCB_BindNotification(thread->tcb, notification));
    thread_start(thread, send_then_step, endpoint, 0, 0);
    seL4_Signal(cap_mint(notification, seL4_AllRights, 2));
    CHECK_EQ(thread->step, 1);
    CHECK_OK(seL4_TCB_UnbindNotification(thread->tcb));
    seL4_Poll(notification, &badge);
    CHECK_EQ(badge, 2);
    seL4_Wait(endpoint, NULL);
    CHECK_EQ(thread->step, 2);
}

TEST(bound_notification_of_another_thread_cannot_be_waited_on)
{
    seL4_CPtr notification = notification_new(), faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    CHECK_OK(seL4_TCB_BindNotification(object_new(seL4_TCBObject, 0), notification));
    thread_start(thread, wait_badge, notification, 0, 0);
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_CapFault);
    CHECK_EQ(seL4_GetMR(seL4_CapFault_LookupFailureType), seL4_MissingCapability);
}

TEST(bound_notification_deleted_unbinds)
{
    seL4_CPtr notification = notification_new(), tcb = object_new(seL4_TCBObject, 0);

    CHECK_OK(seL4_TCB_BindNotification(tcb, notification));
    CHECK_OK(cap_delete(notification));
    CHECK_EQ(seL4_TCB_UnbindNotification(tcb), seL4_IllegalOperation);
    CHECK_OK(seL4_TCB_BindNotification(tcb, notification_new()));
}

TEST(bound_thread_deleted_unbinds)
{
    seL4_CPtr notification = notification_new(), tcb = object_new(seL4_TCBObject, 0);

    CHECK_OK(seL4_TCB_BindNotification(tcb, notification));
    CHECK_OK(cap_delete(tcb));
    CHECK_OK(seL4_TCB_BindNotification(object_new(seL4_TCBObject, 0), notification));
}

TEST(bound_nbrecv_takes_the_signal)
{
    seL4_CPtr notification = notification_new();
    seL4_Word badge = 0;

    CHECK_OK(seL4_TCB_BindNotification(test_tcb, notification));
    seL4_NBRecv(endpoint_new(), &badge, reply_new());
    CHECK_EQ(badge, 0);
    seL4_Signal(cap_mint(notification, seL4_AllRights, 3));
    seL4_NBRecv(endpoint_new(), &badge, reply_new());
    CHECK_EQ(badge, 3);
}
