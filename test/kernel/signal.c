/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What sends a signal, or the wait for one, to the slow path, and what must not come of it:
 * kernel/api/fastsignal.c is tested by these, condition by condition.
 */
#include "test.h"

static void sends_with_a_bad_cap(struct thread *self)
{
    seL4_SetCap(0, 0x7ffffff);
    seL4_Send(self->arg[0], seL4_MessageInfo_new(0, 0, 1, 0));
    self->step = 1;
}

TEST(signal_with_a_capability_that_is_missing)
{
    seL4_CPtr notification = notification_new(), faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});
    seL4_Word badge = 5;

    thread_start(thread, sends_with_a_bad_cap, cap_mint(notification, seL4_AllRights, 7), 0, 0);
    CHECK_EQ(label_of(seL4_NBRecv(faults, NULL, reply_new())), seL4_Fault_CapFault);
    CHECK_EQ(thread->step, 0);
    seL4_Poll(notification, &badge);
    CHECK_EQ(badge, 0);
}

TEST(signal_to_less_important_and_equal_threads)
{
    seL4_CPtr low = notification_new(), equal = notification_new();

    thread_run(LOWER, thread_waits, low, 0, 'l');
    thread_run(TEST_PRIORITY, thread_waits, equal, 0, 'e');
    sleep_us(2000);
    seL4_Signal(low);
    seL4_Signal(equal);
    trace('t');
    sleep_us(2000);
    CHECK_TRACE("tel");
}

/* One who was woken by an equal runs once this one's slice is over. */
TEST(signal_to_an_equal_thread_ends_the_slice)
{
    seL4_CPtr equal = notification_new();
    struct thread *thread = thread_run(TEST_PRIORITY, thread_waits, equal, 0, 'e');

    sleep_us(2000);
    seL4_Signal(equal);
    for (unsigned i = 0; i < 100 && thread->step < 2; i++) {
        spin_us(1000);
    }
    CHECK_EQ(thread->step, 2);
}

TEST(signal_to_a_thread_without_a_context)
{
    seL4_CPtr notification = notification_new();
    struct thread *thread = thread_run(HIGHER, thread_waits, notification, 0, 'w');

    CHECK_OK(seL4_SchedContext_UnbindObject(thread->sc, thread->tcb));
    seL4_Signal(notification);
    CHECK_EQ(thread->step, 1);
    CHECK_OK(seL4_SchedContext_Bind(thread->sc, thread->tcb));
    CHECK_EQ(thread->step, 2);
}

static void waits_and_spins(struct thread *self)
{
    seL4_Wait(self->arg[0], NULL);
    for (;;) {
        self->step++;
    }
}

/* What it could have used while it waited is not kept for later. */
TIMED_TEST(signal_to_a_thread_with_a_budget)
{
    seL4_CPtr notification = notification_new();
    struct thread *thread = thread_new_with(&(struct thread_options){
        .priority = HIGHER, .mcp = HIGHER, .budget = 2000, .period = 20000});

    thread_start(thread, waits_and_spins, notification, 0, 0);
    sleep_us(60000);
    CHECK_OK(seL4_SchedContext_Consumed(thread->sc).error);
    uint64_t start = time_now();
    seL4_Signal(notification);
    while (time_us(time_now() - start) < 15000) {
    }
    return IN_RANGE(seL4_SchedContext_Consumed(thread->sc).consumed, 1900, 6000);
}

static void two_waits(struct thread *self)
{
    seL4_Recv(self->arg[0], NULL, self->arg[1]);
    self->step = 1;
}

/* Whoever waits with a reply object takes it from one that waits with it already. */
TEST(signal_wait_with_a_reply_that_is_in_use)
{
    seL4_CPtr first = endpoint_new(), second = endpoint_new(), reply = reply_new();
    struct thread *a = thread_run(HIGHER, two_waits, first, reply, 0);
    struct thread *b = thread_run(HIGHER, two_waits, second, reply, 0);

    seL4_NBSend(first, message(0, 0));
    CHECK_EQ(a->step, 0); /* it stopped when the reply was taken */
    seL4_NBSend(second, message(0, 0));
    CHECK_EQ(b->step, 1);
}

TEST(signal_wait_without_a_reply_object)
{
    seL4_CPtr faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    thread_start(thread, two_waits, endpoint_new(), notification_new(), 0);
    CHECK_EQ(label_of(seL4_NBRecv(faults, NULL, reply_new())), seL4_Fault_CapFault);
}

static void waits_at(struct thread *self)
{
    self->step = 1;
    seL4_Wait(self->arg[0], NULL);
    self->step = 2;
}

static void receives_at(struct thread *self)
{
    self->step = 1;
    seL4_Recv(self->arg[0], NULL, self->reply);
    self->step = 2;
}

static void check_refused(void (*entry)(struct thread *self), seL4_CPtr cap)
{
    seL4_CPtr faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    thread_start(thread, entry, cap, 0, 0);
    CHECK_EQ(label_of(seL4_NBRecv(faults, NULL, reply_new())), seL4_Fault_CapFault);
    CHECK_EQ(thread->step, 1);
}

TEST(signal_wait_needs_the_right_to_read)
{
    seL4_CPtr notification = notification_new(), endpoint = endpoint_new();

    check_refused(waits_at, cap_copy(notification, seL4_CanWrite));
    check_refused(receives_at, cap_copy(notification, seL4_CanWrite));
    check_refused(receives_at, cap_copy(endpoint, seL4_CanWrite));
}

TEST(signal_wait_at_a_notification_bound_to_another)
{
    seL4_CPtr notification = notification_new();

    CHECK_OK(seL4_TCB_BindNotification(test_tcb, notification));
    check_refused(waits_at, notification);
    CHECK_OK(seL4_TCB_UnbindNotification(test_tcb));
}

static void sends_at(struct thread *self)
{
    seL4_Send(self->arg[0], message(0, 0));
    self->step = 1;
}

TEST(signal_wait_where_a_sender_waits)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *sender = thread_run(HIGHER + 1, sends_at, endpoint, 0, 0);
    struct thread *receiver = thread_run(HIGHER, receives_at, endpoint, 0, 0);

    CHECK_EQ(sender->step, 1);
    CHECK_EQ(receiver->step, 2);
}

/* The queue of receivers is ordered by priority, whoever comes first. */
TEST(signal_wait_behind_less_important_threads)
{
    seL4_CPtr endpoint = endpoint_new();

    thread_run(HIGHER, thread_waits, endpoint, 1, 'b');
    thread_run(HIGHER + 1, thread_waits, endpoint, 1, 'a');
    seL4_NBSend(endpoint, message(0, 0));
    CHECK_TRACE("a");
}

/* A thread that has its context by a notification gives it back when it waits there, or for a
 * message while the notification is bound to it. */
static void lent(bool bound)
{
    seL4_CPtr notification = notification_new(), endpoint = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .passive = true});

    CHECK_OK(seL4_SchedContext_Bind(thread->sc, thread->tcb));
    if (bound) {
        CHECK_OK(seL4_TCB_BindNotification(thread->tcb, notification));
    }
    thread_start(thread, thread_waits, bound ? endpoint : notification, bound, 'w');
    CHECK_EQ(thread->step, 1);
    CHECK_OK(seL4_SchedContext_UnbindObject(thread->sc, thread->tcb));
    CHECK_OK(seL4_SchedContext_Bind(thread->sc, notification));
    seL4_Signal(notification);
    CHECK_EQ(thread->step, 2);
    /* The thread has none now: what is bound to it is used at once, for a signal that waits. */
    CHECK_OK(seL4_SchedContext_UnbindObject(thread->sc, notification));
    seL4_Signal(notification);
    CHECK_EQ(thread->step, 2);
    CHECK_OK(seL4_SchedContext_Bind(sc_new(), thread->tcb));
    CHECK_EQ(thread->step, 3);
}

TEST(signal_wait_gives_a_lent_context_back)
{
    lent(false);
}

TEST(signal_receive_gives_a_lent_context_back)
{
    lent(true);
}

/* NBSendRecv to a passive server lends the context: what follows is not paid by it. */
static void lends_and_waits(struct thread *self)
{
    self->step = 1;
    seL4_NBSendRecv(self->arg[0], message(0, 0), self->arg[1], NULL, self->reply);
    self->step = 2;
}

TEST(signal_send_that_lends_the_context)
{
    seL4_CPtr server_at = endpoint_new(), other = endpoint_new();
    struct thread *server = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .passive = true});

    CHECK_OK(seL4_SchedContext_Bind(server->sc, server->tcb));
    thread_start(server, receives_at, server_at, 0, 0);
    CHECK_EQ(server->step, 1);
    CHECK_OK(seL4_SchedContext_UnbindObject(server->sc, server->tcb));
    struct thread *client = thread_run(HIGHER, lends_and_waits, server_at, other, 0);
    CHECK_EQ(client->step, 1);
    CHECK_EQ(server->step, 2);
}

/* Both halves of NBSendRecv: whom it signals runs, and it waits meanwhile. */
static void signal_and_wait(seL4_Word priority)
{
    seL4_CPtr notification = notification_new(), endpoint = endpoint_new();
    struct thread *woken = thread_run(priority, thread_waits, notification, 0, 'w');
    struct thread *thread = thread_run(HIGHER, lends_and_waits, notification, endpoint, 0);

    CHECK_EQ(woken->step, 2);
    CHECK_EQ(thread->step, 1);
    seL4_NBSend(endpoint, message(0, 0));
    CHECK_EQ(thread->step, 2);
}

TEST(signal_and_wait_for_a_more_important_thread)
{
    signal_and_wait(HIGHER + 1);
}

TEST(signal_and_wait_for_a_less_important_thread)
{
    signal_and_wait(HIGHER - 1);
}

static void never(struct thread *self)
{
    self->result = 1;
    seL4_Wait(self->arg[0], NULL);
    self->result = 2;
}

static void restarts_and_waits(struct thread *self)
{
    CHECK_OK(seL4_TCB_Suspend(self->arg[1]));
    CHECK_OK(seL4_TCB_Resume(self->arg[1]));
    seL4_Wait(self->arg[0], NULL);
}

/* A thread that has its turn by another's wait, and was restarted, makes its call again. */
TEST(signal_wait_lets_a_restarted_thread_run)
{
    seL4_CPtr notification = notification_new();
    struct thread *thread = thread_run(HIGHER, never, notification, 0, 0);

    CHECK_EQ(thread->result, 1);
    thread_run(HIGHER + 1, restarts_and_waits, notification_new(), thread->tcb, 0);
    CHECK_EQ(thread->result, 1);
    seL4_Signal(notification);
    CHECK_EQ(thread->result, 2);
}
