/* SPDX-License-Identifier: BSD-2-Clause
 *
 * NBSendRecv that signals and waits: who runs then, and what leads off the short way
 * (kernel/api/fastsignal.c, sched_hand_over); threads that are signalled where others wait, too.
 */
#include "test.h"

/* Waits at arg[0] once, and keeps the processor afterwards. */
static void waits_and_spins(struct thread *self)
{
    seL4_Wait(self->arg[0], NULL);
    for (;;) {
        self->step++;
    }
}

/* Signals arg[0] and waits at arg[1]; arg[2], if it is one, is signalled before. */
static void signals_and_waits(struct thread *self)
{
    if (self->arg[2]) {
        seL4_Signal(self->arg[2]);
    }
    self->step = 1;
    seL4_NBSendRecv(self->arg[0], message(0, 0), self->arg[1], NULL, self->reply);
    trace('s');
    self->step = 2;
}

/* Whom it wakes is not the most important one that is ready. */
TEST(handover_behind_a_more_important_thread)
{
    seL4_CPtr low = notification_new(), middle = notification_new();

    thread_run(HIGHER, thread_waits, low, 0, 'l');
    thread_run(HIGHER + 1, thread_waits, middle, 0, 'm');
    thread_run(HIGHER + 2, signals_and_waits, low, endpoint_new(), middle);
    CHECK_TRACE("ml");
}

/* Among equals whoever was woken last runs first. */
TEST(handover_before_an_equal_thread)
{
    seL4_CPtr first = notification_new(), second = notification_new();

    thread_run(HIGHER, thread_waits, first, 0, 'f');
    thread_run(HIGHER, thread_waits, second, 0, 'e');
    thread_run(HIGHER + 1, signals_and_waits, first, endpoint_new(), second);
    CHECK_TRACE("fe");
}

/* Its slice has an end where an equal thread is ready, which only the timer can bring about. */
TEST(handover_to_a_thread_with_a_ready_equal)
{
    seL4_CPtr first = notification_new(), second = notification_new();
    struct thread *a = thread_run(TEST_PRIORITY - 1, waits_and_spins, first, 0, 0);
    struct thread *b = thread_run(TEST_PRIORITY - 1, waits_and_spins, second, 0, 0);

    sleep_us(2000);
    thread_run(HIGHER, signals_and_waits, first, endpoint_new(), second);
    for (unsigned i = 0; i < 100 && (a->step == 0 || b->step == 0); i++) {
        sleep_us(2000);
    }
    CHECK(a->step != 0 && b->step != 0);
}

/* A slice that has an end by an equal thread has none any more, and one by a budget still has. */
TEST(handover_while_a_thread_with_a_budget_runs)
{
    seL4_CPtr signal = notification_new();
    struct thread *woken = thread_run(HIGHER, thread_waits, signal, 0, 'w');
    struct thread *budget = thread_new_with(&(struct thread_options){
        .priority = TEST_PRIORITY - 1, .mcp = HIGHER, .budget = 2000, .period = 20000});
    struct thread *last = thread_new(TEST_PRIORITY - 2);

    thread_start(budget, thread_spin, 0, 0, 0);
    thread_start(last, thread_spin, 0, 0, 0);
    for (unsigned i = 0; i < 100 && last->step == 0; i++) {
        sleep_us(2000);
        thread_run(HIGHER + 1, signals_and_waits, signal, endpoint_new(), 0);
    }
    CHECK(last->step != 0);
    CHECK(woken->step > 1);
}

/* The second half of the call is over at once: whom the first woke runs all the same. */
static void handover_to_nobody(seL4_Word priority, const char *expected)
{
    seL4_CPtr signal = notification_new(), bound = notification_new();
    struct thread *thread = thread_new(HIGHER);

    thread_run(priority, thread_waits, signal, 0, 'w');
    CHECK_OK(seL4_TCB_BindNotification(thread->tcb, bound));
    seL4_Signal(bound);
    thread_start(thread, signals_and_waits, signal, endpoint_new(), 0);
    CHECK_EQ(thread->step, 2);
    CHECK_TRACE(expected);
}

TEST(handover_where_a_signal_waits_already)
{
    handover_to_nobody(HIGHER - 1, "sw");
}

TEST(handover_where_a_signal_waits_already_for_a_more_important_thread)
{
    handover_to_nobody(HIGHER + 1, "ws");
}

/* The second half finds a message, or nothing that it may wait at. */
static void sends_at(struct thread *self)
{
    seL4_Send(self->arg[0], message(0, 0));
}

TEST(handover_where_a_sender_waits)
{
    seL4_CPtr signal = notification_new(), endpoint = endpoint_new();

    thread_run(HIGHER + 1, sends_at, endpoint, 0, 0);
    thread_run(HIGHER - 1, thread_waits, signal, 0, 'w');
    struct thread *thread = thread_run(HIGHER, signals_and_waits, signal, endpoint, 0);
    CHECK_EQ(thread->step, 2);
    CHECK_TRACE("sw");
}

TEST(handover_without_the_right_to_wait)
{
    seL4_CPtr signal = notification_new(), faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    thread_run(HIGHER - 1, thread_waits, signal, 0, 'w');
    thread_start(thread, signals_and_waits, signal, cap_copy(endpoint_new(), seL4_CanWrite), 0);
    CHECK_TRACE("w");
    CHECK_EQ(thread->step, 1);
    CHECK_EQ(label_of(seL4_NBRecv(faults, NULL, reply_new())), seL4_Fault_CapFault);
}

/* Of two that wait at one place only who was signalled leaves it. */
TEST(handover_leaves_the_others_at_an_endpoint)
{
    seL4_CPtr endpoint = endpoint_new(), bound[3];
    struct thread *thread[3];

    for (unsigned i = 0; i < 3; i++) {
        bound[i] = notification_new();
        thread[i] = thread_new(HIGHER);
        CHECK_OK(seL4_TCB_BindNotification(thread[i]->tcb, bound[i]));
        thread_start(thread[i], thread_waits, endpoint, 1, 'a' + i);
    }
    seL4_Signal(bound[1]);
    CHECK_TRACE("b");
    CHECK_EQ(thread[1]->step, 2);
    seL4_NBSend(endpoint, message(0, 0));
    CHECK_TRACE("ba");
    seL4_Signal(bound[2]);
    seL4_Signal(bound[1]);
    seL4_Signal(bound[0]);
    CHECK_TRACE("bacba");
    for (unsigned i = 0; i < 3; i++) {
        seL4_NBSend(endpoint, message(0, 0));
    }
    CHECK_TRACE("bacbacba");
}

TEST(handover_leaves_the_others_at_a_notification)
{
    seL4_CPtr notification = notification_new();

    thread_run(HIGHER, thread_waits, notification, 0, 'a');
    thread_run(HIGHER, thread_waits, notification, 0, 'b');
    for (unsigned i = 0; i < 3; i++) {
        seL4_Signal(notification);
    }
    CHECK_TRACE("aba");
}

static void answers(struct thread *self)
{
    for (;;) {
        seL4_Recv(self->arg[0], NULL, self->arg[1]);
        self->step++;
    }
}

/* A thread that was signalled while it waited for a message does not keep its reply object. */
TEST(handover_gives_the_reply_object_back)
{
    seL4_CPtr first = endpoint_new(), second = endpoint_new(), reply = reply_new();
    seL4_CPtr bound = notification_new();
    struct thread *a = thread_new(HIGHER);

    CHECK_OK(seL4_TCB_BindNotification(a->tcb, bound));
    thread_start(a, answers, first, reply, 0);
    seL4_Signal(bound);
    CHECK_EQ(a->step, 1);
    seL4_Signal(bound);
    CHECK_EQ(a->step, 2);
    CHECK_OK(seL4_TCB_Suspend(a->tcb));
    struct thread *b = thread_run(HIGHER, answers, second, reply, 0);
    seL4_NBSend(second, message(0, 0));
    CHECK_EQ(b->step, 1);
}
