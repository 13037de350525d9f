/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who runs when: priorities, round robin, budgets and replenishments, Yield and YieldTo. Times are
 * judged by the TSC; bounds are loose above, since the emulator's host may be busy.
 */
#include "test.h"

static void trace_and_end(struct thread *self)
{
    trace((char)self->arg[0]);
}

static void yield_loop(struct thread *self)
{
    for (;;) {
        self->step++;
        seL4_Yield();
    }
}

static struct thread *budgeted(seL4_Word priority, seL4_Time budget, seL4_Time period)
{
    return thread_new_with(&(struct thread_options){
        .priority = priority, .mcp = priority, .budget = budget, .period = period});
}

TEST(priority_higher_runs_at_once)
{
    thread_run(HIGHER, trace_and_end, 'a', 0, 0);
    trace('b');
    CHECK_TRACE("ab");
}

TEST(priority_lower_waits)
{
    struct thread *thread = thread_run(LOWER, trace_and_end, 'b', 0, 0);

    trace('a');
    thread_join(thread);
    CHECK_TRACE("ab");
}

/* A thread that becomes ready goes before its equals: the last one made ready runs first. */
TEST(priority_equal_last_ready_runs_first)
{
    struct thread *a = thread_run(LOWER, trace_and_end, 'b', 0, 0);

    thread_run(LOWER, trace_and_end, 'a', 0, 0);
    thread_join(a);
    CHECK_TRACE("ab");
}

static void wait_trace(struct thread *self)
{
    seL4_Wait(self->arg[1], NULL);
    trace((char)self->arg[0]);
}

TEST(priority_equal_last_woken_runs_first)
{
    seL4_CPtr notification[2] = {notification_new(), notification_new()};
    struct thread *a = thread_run(LOWER, wait_trace, 'b', notification[0], 0);
    struct thread *b = thread_run(LOWER, wait_trace, 'a', notification[1], 0);

    sleep_us(3000);
    seL4_Signal(notification[0]);
    seL4_Signal(notification[1]);
    thread_join(a);
    thread_join(b);
    CHECK_TRACE("ab");
}

TEST(priority_equal_last_set_runs_first)
{
    struct thread *a = thread_run(LOWER - 1, trace_and_end, 'b', 0, 0);
    struct thread *b = thread_run(LOWER - 2, trace_and_end, 'a', 0, 0);

    CHECK_OK(seL4_TCB_SetPriority(a->tcb, seL4_CapInitThreadTCB, LOWER));
    CHECK_OK(seL4_TCB_SetPriority(b->tcb, seL4_CapInitThreadTCB, LOWER));
    thread_join(a);
    thread_join(b);
    CHECK_TRACE("ab");
}

TEST(priority_order_of_many)
{
    struct thread *threads[20];

    for (unsigned i = 0; i < 20; i++) {
        threads[i] = thread_run(LOWER + i * 7 % 20, trace_and_end, 'a' + 19 - i * 7 % 20, 0, 0);
    }
    thread_join(threads[0]);
    for (unsigned i = 0; i < 20; i++) {
        thread_join(threads[i]);
    }
    CHECK_TRACE("abcdefghijklmnopqrst");
}

TEST(priority_raised_above_the_caller_preempts)
{
    struct thread *thread = thread_run(LOWER, trace_and_end, 'a', 0, 0);

    CHECK_OK(seL4_TCB_SetPriority(thread->tcb, seL4_CapInitThreadTCB, HIGHER));
    trace('b');
    CHECK_TRACE("ab");
}

TEST(priority_lowering_oneself_lets_others_run)
{
    thread_run(TEST_PRIORITY - 1, trace_and_end, 'a', 0, 0);
    CHECK_OK(seL4_TCB_SetPriority(test_tcb, seL4_CapInitThreadTCB, LOWER));
    trace('b');
    CHECK_TRACE("ab");
}

TEST(priority_lowering_the_mcp_keeps_the_priority)
{
    CHECK_OK(seL4_TCB_SetMCPriority(test_tcb, test_tcb, 50));
    CHECK_EQ(seL4_TCB_SetPriority(test_tcb, test_tcb, 60), seL4_RangeError);
    CHECK_EQ(seL4_TCB_SetMCPriority(test_tcb, test_tcb, 60), seL4_RangeError);
    thread_run(TEST_PRIORITY - 1, trace_and_end, 'a', 0, 0);
    CHECK_TRACE("");
}

TEST(round_robin_yield_alternates)
{
    struct thread *a = budgeted(TEST_PRIORITY, 10000000, 10000000);
    struct thread *b = budgeted(TEST_PRIORITY, 10000000, 10000000);

    /* Long slices: nobody is preempted in between. */
    CHECK_OK(seL4_SchedControl_Configure(boot_info->schedcontrol.start, test_sc, 10000000, 10000000,
                                         0, 0));
    thread_start(a, yield_loop, 0, 0, 0);
    thread_start(b, yield_loop, 0, 0, 0);
    for (seL4_Word i = 1; i < 50; i++) {
        seL4_Yield();
        CHECK_EQ(a->step, i);
        CHECK_EQ(b->step, i);
    }
}

TEST(round_robin_slices)
{
    struct thread *a = thread_run(LOWER, thread_spin, 0, 0, 0);
    struct thread *b = thread_run(LOWER, thread_spin, 0, 0, 0);

    sleep_us(60000);
    CHECK(a->step > 0);
    CHECK(b->step > 0);
    CHECK(a->step < b->step * 4 && b->step < a->step * 4);
}

TEST(round_robin_yield_without_others_returns)
{
    for (int i = 0; i < 100; i++) {
        seL4_Yield();
    }
}

/* A slice of 20 ms: the caller, at the same priority, is back after it. */
TIMED_TEST(round_robin_slice_length)
{
    struct thread *thread = budgeted(TEST_PRIORITY, 20000, 20000);
    uint64_t start, took;

    thread_start(thread, thread_spin, 0, 0, 0);
    seL4_Yield();
    start = time_now();
    seL4_Yield();
    took = time_us(time_now() - start);
    CHECK_OK(seL4_TCB_Suspend(thread->tcb));
    CHECK(took >= 19000 || seL4_SchedContext_Consumed(thread->sc).consumed > 19000);
    return IN_RANGE(took, 19000, 22000);
}

TIMED_TEST(budget_limits_a_thread)
{
    struct thread *thread = budgeted(HIGHER, 2000, 20000);
    uint64_t start = time_now(), took;
    seL4_Time used;

    thread_start(thread, thread_spin, 0, 0, 0); /* back when the budget is used up */
    if (!IN_RANGE(time_us(time_now() - start), 1900, 3000)) {
        return false;
    }
    spin_us(100000);
    CHECK_OK(seL4_TCB_Suspend(thread->tcb));
    used = seL4_SchedContext_Consumed(thread->sc).consumed;
    took = time_us(time_now() - start);
    return IN_RANGE(used, took / 13, took / 7);
}

TIMED_TEST(budget_is_replenished_each_period)
{
    struct thread *thread = budgeted(HIGHER, 1000, 10000);
    uint64_t start = time_now(), periods;
    seL4_Word step;

    thread_start(thread, yield_loop, 0, 0, 0);
    CHECK_EQ(thread->step, 1);
    spin_us(100000);
    step = thread->step;
    periods = time_us(time_now() - start) / 10000;
    CHECK(step <= periods + 2);
    return IN_RANGE(step, periods - 2, periods + 2);
}

/* Yield gives the whole rest of a budget up. */
TIMED_TEST(budget_yield_waits_for_the_next_period)
{
    struct thread *thread = budgeted(HIGHER, 50000, 1000000);

    thread_start(thread, yield_loop, 0, 0, 0);
    CHECK_EQ(thread->step, 1);
    spin_us(20000);
    return IN_RANGE(thread->step, 1, 1);
}

TEST(budget_is_not_renewed_by_suspend_and_resume)
{
    struct thread *thread = budgeted(HIGHER, 50000, 3600000000ull);

    thread_start(thread, yield_loop, 0, 0, 0);
    for (int i = 0; i < 10; i++) {
        CHECK_OK(seL4_TCB_Suspend(thread->tcb));
        CHECK_OK(seL4_TCB_Resume(thread->tcb));
    }
    CHECK_EQ(thread->step, 1);
}

TEST(budget_is_not_renewed_by_unbind_and_bind)
{
    struct thread *thread = budgeted(HIGHER, 50000, 3600000000ull);

    thread_start(thread, yield_loop, 0, 0, 0);
    for (int i = 0; i < 10; i++) {
        CHECK_OK(seL4_SchedContext_Unbind(thread->sc));
        CHECK_OK(seL4_SchedContext_Bind(thread->sc, thread->tcb));
    }
    CHECK_EQ(thread->step, 1);
}

TIMED_TEST(budget_shares_of_three_threads)
{
    struct thread *a = budgeted(HIGHER, 2000, 10000);
    struct thread *b = budgeted(HIGHER, 2000, 20000);
    struct thread *c = budgeted(HIGHER, 2000, 40000);
    seL4_Time x, y, z;

    thread_start(a, thread_spin, 0, 0, 0);
    thread_start(b, thread_spin, 0, 0, 0);
    thread_start(c, thread_spin, 0, 0, 0);
    spin_us(200000);
    x = seL4_SchedContext_Consumed(a->sc).consumed;
    y = seL4_SchedContext_Consumed(b->sc).consumed;
    z = seL4_SchedContext_Consumed(c->sc).consumed;
    return IN_RANGE(x * 10 / y, 15, 25) && IN_RANGE(y * 10 / z, 15, 25);
}

static void block_often(struct thread *self)
{
    for (;;) {
        self->step++;
        spin_us(300);
        seL4_Wait(self->arg[0], NULL);
    }
}

/* A thread that sleeps and wakes cannot exceed its budget in any period: refills are split. */
TIMED_TEST(budget_holds_for_a_thread_that_blocks_often)
{
    seL4_CPtr notification = notification_new();
    struct thread *thread = budgeted(HIGHER, 2000, 20000);
    uint64_t start = time_now(), took;
    seL4_Time used;

    thread_start(thread, block_often, notification, 0, 0);
    while (time_us(time_now() - start) < 200000) {
        seL4_Signal(notification);
        spin_us(50);
    }
    CHECK_OK(seL4_TCB_Suspend(thread->tcb));
    used = seL4_SchedContext_Consumed(thread->sc).consumed;
    took = time_us(time_now() - start);
    return IN_RANGE(used, took / 40, took / 8);
}

TEST(ready_thread_waits_for_a_context)
{
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .passive = true});

    thread_start(thread, trace_and_end, 'a', 0, 0);
    CHECK_OK(seL4_TCB_Resume(thread->tcb));
    sleep_us(2000);
    CHECK_TRACE("");
}

/* YieldTo. */

TEST(yield_to_errors)
{
    struct thread *thread = thread_new(LOWER);

    CHECK_EQ(seL4_SchedContext_YieldTo(test_sc).error, seL4_IllegalOperation);
    CHECK_EQ(seL4_SchedContext_YieldTo(sc_new()).error, seL4_IllegalOperation);
    CHECK_OK(seL4_SchedContext_YieldTo(thread->sc).error);
    CHECK_EQ(seL4_GetMR(0), 0);
}

TEST(yield_to_needs_the_mcp)
{
    struct thread *thread = thread_run(TEST_PRIORITY, thread_spin, 0, 0, 0);

    CHECK_OK(seL4_TCB_SetMCPriority(test_tcb, test_tcb, TEST_PRIORITY - 1));
    CHECK_EQ(seL4_SchedContext_YieldTo(thread->sc).error, seL4_IllegalOperation);
}

TEST(yield_to_runs_that_thread_before_its_equals)
{
    struct thread *a = thread_run(TEST_PRIORITY, trace_and_end, 'b', 0, 0);
    struct thread *b = thread_run(TEST_PRIORITY, trace_and_end, 'a', 0, 0);

    CHECK_OK(seL4_SchedContext_YieldTo(b->sc).error);
    trace('c');
    thread_join(a);
    CHECK_TRACE("acb");
}

TEST(yield_to_a_lower_thread_returns_at_once)
{
    struct thread *thread = thread_run(LOWER, trace_and_end, 'b', 0, 0);

    CHECK_OK(seL4_SchedContext_YieldTo(thread->sc).error);
    trace('a');
    thread_join(thread);
    CHECK_TRACE("ab");
}

TIMED_TEST(yield_to_reports_what_was_consumed)
{
    struct thread *thread = budgeted(TEST_PRIORITY, 10000, 10000);
    seL4_SchedContext_YieldTo_t result;

    thread_start(thread, thread_spin, 0, 0, 0);
    result = seL4_SchedContext_YieldTo(thread->sc);
    CHECK_OK(result.error);
    return IN_RANGE(result.consumed, 8000, 12000);
}

static void yield_to(struct thread *self)
{
    seL4_SchedContext_YieldTo_t result = seL4_SchedContext_YieldTo(self->arg[0]);

    self->result = result.consumed;
    self->step = result.error == seL4_NoError ? 1 : 2;
}

TEST(yield_to_ends_when_the_target_is_suspended)
{
    struct thread *target = thread_run(LOWER, thread_spin, 0, 0, 0);
    struct thread *yielder = thread_new(LOWER);

    CHECK_OK(seL4_TCB_SetMCPriority(yielder->tcb, seL4_CapInitThreadTCB, 254));
    CHECK_OK(seL4_SchedControl_Configure(boot_info->schedcontrol.start, target->sc, 500000, 500000,
                                         0, 0));
    thread_start(yielder, yield_to, target->sc, 0, 0);
    sleep_us(10000);
    CHECK_OK(seL4_TCB_Suspend(target->tcb));
    thread_join(yielder);
    CHECK_EQ(yielder->step, 1);
}

TEST(yield_to_ends_when_the_target_is_deleted)
{
    struct thread *target = thread_run(LOWER, thread_spin, 0, 0, 0);
    struct thread *yielder = thread_new(LOWER);

    CHECK_OK(seL4_TCB_SetMCPriority(yielder->tcb, seL4_CapInitThreadTCB, 254));
    thread_start(yielder, yield_to, target->sc, 0, 0);
    sleep_us(10000);
    CHECK_OK(cap_delete(target->tcb));
    CHECK_OK(cap_delete(target->sc));
    thread_join(yielder);
    CHECK_EQ(yielder->step, 1);
}

TEST(yield_to_and_the_yielder_is_deleted)
{
    struct thread *target = thread_run(LOWER, thread_spin, 0, 0, 0);
    struct thread *yielder = thread_run(LOWER, yield_to, target->sc, 0, 0);
    seL4_Word step;

    sleep_us(10000);
    CHECK_OK(cap_delete(yielder->tcb));
    step = target->step;
    sleep_us(20000);
    CHECK(target->step > step);
}

/* The timer is the kernel's own: a thread without a single system call is still preempted. */
TEST(timer_preempts_a_loop)
{
    struct thread *thread = thread_run(TEST_PRIORITY, thread_spin, 0, 0, 0);

    seL4_Yield();
    CHECK(thread->step > 0);
    CHECK_OK(seL4_TCB_Suspend(thread->tcb));
}
