/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Scheduling contexts and SchedControl: configuration, binding, what was consumed.
 */
#include "test.h"

static seL4_CPtr raw_sc(seL4_Word bits)
{
    return object_new(seL4_SchedContextObject, bits);
}

static seL4_Error configure(seL4_CPtr sc, seL4_Time budget, seL4_Time period)
{
    return seL4_SchedControl_Configure(boot_info->schedcontrol.start, sc, budget, period, 0, 0);
}

TEST(sched_control_configure)
{
    seL4_CPtr sc = raw_sc(7);

    CHECK_OK(configure(sc, 5000, 5000));
    CHECK_OK(configure(sc, 1000, 10000));
}

TEST(sched_control_not_a_sched_context)
{
    CHECK_EQ(configure(object_new(seL4_TCBObject, 0), 5000, 5000), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
}

TEST(sched_control_budget_too_small)
{
    CHECK_EQ(configure(raw_sc(7), 19, 5000), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 20);
    CHECK_EQ(configure(raw_sc(7), 0, 0), seL4_RangeError);
    CHECK_OK(configure(raw_sc(7), 20, 5000));
}

TEST(sched_control_budget_above_period)
{
    CHECK_EQ(configure(raw_sc(7), 5001, 5000), seL4_RangeError);
}

TEST(sched_control_period_too_large)
{
    CHECK_EQ(configure(raw_sc(7), 5000, ~(seL4_Time)0), seL4_RangeError);
    CHECK_EQ(configure(raw_sc(7), ~(seL4_Time)0, ~(seL4_Time)0), seL4_RangeError);
}

TEST(sched_control_extra_refills)
{
    seL4_CPtr control = boot_info->schedcontrol.start;

    CHECK_OK(seL4_SchedControl_Configure(control, raw_sc(8), 1000, 5000, 8, 0));
    CHECK_EQ(seL4_SchedControl_Configure(control, raw_sc(8), 1000, 5000, 9, 0), seL4_RangeError);
    CHECK_EQ(seL4_SchedControl_Configure(control, raw_sc(7), 1000, 5000, 1, 0), seL4_RangeError);
    CHECK_EQ(seL4_SchedControl_Configure(control, raw_sc(7), 1000, 5000, ~(seL4_Word)0, 0),
             seL4_RangeError);
}

TEST(sched_control_truncated)
{
    seL4_SetCap(0, raw_sc(7));
    CHECK_EQ(seL4_x64_invoke(boot_info->schedcontrol.start, SchedControlConfigureFlags, 1, 4, 5000,
                             5000, 0, 0),
             seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(boot_info->schedcontrol.start, SchedControlConfigureFlags, 0, 5, 5000,
                             5000, 0, 0),
             seL4_TruncatedMessage);
}

TEST(sched_control_other_label)
{
    CHECK_EQ(seL4_x64_invoke0(boot_info->schedcontrol.start, SchedContextBind, 0),
             seL4_IllegalOperation);
}

TEST(sched_control_for_each_core)
{
    CHECK_EQ(boot_info->schedcontrol.end - boot_info->schedcontrol.start, boot_info->numNodes);
}

TEST(sched_control_reconfigures_a_running_thread)
{
    struct thread *thread = thread_run(LOWER, thread_spin, 0, 0, 0);
    seL4_Word step;

    sleep_us(2000);
    CHECK_OK(configure(thread->sc, 10000, 10000));
    step = thread->step;
    sleep_us(2000);
    CHECK(thread->step > step);
    CHECK_OK(configure(thread->sc, 200, 3600000000ull));
    sleep_us(3000);
    step = thread->step;
    sleep_us(3000);
    CHECK_EQ(thread->step, step);
}

TEST(sched_context_bind_errors)
{
    seL4_CPtr sc = sc_new(), tcb = object_new(seL4_TCBObject, 0);

    CHECK_EQ(seL4_SchedContext_Bind(sc, endpoint_new()), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_OK(seL4_SchedContext_Bind(sc, tcb));
    CHECK_EQ(seL4_SchedContext_Bind(sc, tcb), seL4_IllegalOperation);
    CHECK_EQ(seL4_SchedContext_Bind(sc, object_new(seL4_TCBObject, 0)), seL4_IllegalOperation);
    CHECK_EQ(seL4_SchedContext_Bind(sc_new(), tcb), seL4_IllegalOperation);
    CHECK_EQ(seL4_x64_invoke0(sc, SchedContextBind, 0), seL4_TruncatedMessage);
}

TEST(sched_context_bind_notification_errors)
{
    seL4_CPtr sc = sc_new(), notification = notification_new();

    CHECK_OK(seL4_SchedContext_Bind(sc, notification));
    CHECK_EQ(seL4_SchedContext_Bind(sc, notification), seL4_IllegalOperation);
    CHECK_EQ(seL4_SchedContext_Bind(sc, notification_new()), seL4_IllegalOperation);
    CHECK_EQ(seL4_SchedContext_Bind(sc_new(), notification), seL4_IllegalOperation);
}

TEST(sched_context_bind_thread_then_notification)
{
    seL4_CPtr sc = sc_new();

    CHECK_OK(seL4_SchedContext_Bind(sc, object_new(seL4_TCBObject, 0)));
    CHECK_OK(seL4_SchedContext_Bind(sc, notification_new()));
}

TEST(sched_context_unbind_object_errors)
{
    seL4_CPtr sc = sc_new(), tcb = object_new(seL4_TCBObject, 0), notification = notification_new();

    CHECK_EQ(seL4_SchedContext_UnbindObject(sc, tcb), seL4_IllegalOperation);
    CHECK_EQ(seL4_SchedContext_UnbindObject(sc, notification), seL4_IllegalOperation);
    CHECK_EQ(seL4_SchedContext_UnbindObject(sc, endpoint_new()), seL4_InvalidCapability);
    CHECK_OK(seL4_SchedContext_Bind(sc, tcb));
    CHECK_EQ(seL4_SchedContext_UnbindObject(sc, object_new(seL4_TCBObject, 0)),
             seL4_IllegalOperation);
    CHECK_OK(seL4_SchedContext_UnbindObject(sc, tcb));
    CHECK_OK(seL4_SchedContext_Bind(sc, notification));
    CHECK_OK(seL4_SchedContext_UnbindObject(sc, notification));
    CHECK_EQ(seL4_x64_invoke0(sc, SchedContextUnbindObject, 0), seL4_TruncatedMessage);
}

TEST(sched_context_unbind_own)
{
    CHECK_EQ(seL4_SchedContext_Unbind(test_sc), seL4_IllegalOperation);
    CHECK_EQ(seL4_SchedContext_UnbindObject(test_sc, test_tcb), seL4_IllegalOperation);
}

TEST(sched_context_unbind_stops_the_thread)
{
    struct thread *thread = thread_run(LOWER, thread_spin, 0, 0, 0);
    seL4_Word step;

    sleep_us(2000);
    CHECK_OK(seL4_SchedContext_Unbind(thread->sc));
    step = thread->step;
    CHECK(step > 0);
    sleep_us(3000);
    CHECK_EQ(thread->step, step);
    CHECK_OK(seL4_SchedContext_Bind(thread->sc, thread->tcb));
    sleep_us(3000);
    CHECK(thread->step > step);
}

TEST(sched_context_unbind_unbound)
{
    CHECK_OK(seL4_SchedContext_Unbind(sc_new()));
}

TEST(sched_context_unbind_undoes_both)
{
    seL4_CPtr sc = sc_new(), tcb = object_new(seL4_TCBObject, 0), notification = notification_new();

    CHECK_OK(seL4_SchedContext_Bind(sc, tcb));
    CHECK_OK(seL4_SchedContext_Bind(sc, notification));
    CHECK_OK(seL4_SchedContext_Unbind(sc));
    CHECK_OK(seL4_SchedContext_Bind(sc, tcb));
    CHECK_OK(seL4_SchedContext_Bind(sc, notification));
}

TEST(sched_context_deleted_stops_the_thread)
{
    struct thread *thread = thread_run(LOWER, thread_spin, 0, 0, 0);
    seL4_Word step;

    sleep_us(2000);
    CHECK_OK(cap_delete(thread->sc));
    step = thread->step;
    sleep_us(3000);
    CHECK_EQ(thread->step, step);
    CHECK_OK(seL4_SchedContext_Bind(sc_new(), thread->tcb));
    sleep_us(3000);
    CHECK(thread->step > step);
}

TEST(sched_context_thread_deleted_frees_it)
{
    struct thread *thread = thread_run(LOWER, thread_spin, 0, 0, 0);

    sleep_us(2000);
    CHECK_OK(cap_delete(thread->tcb));
    CHECK_OK(seL4_SchedContext_Bind(thread->sc, object_new(seL4_TCBObject, 0)));
}

TEST(sched_context_never_configured_does_not_run)
{
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .passive = true});

    CHECK_OK(seL4_SchedContext_Bind(raw_sc(8), thread->tcb));
    thread_start(thread, thread_spin, 0, 0, 0);
    CHECK_EQ(thread->step, 0);
}

static void step_once(struct thread *self)
{
    self->step = 1;
}

TEST(sched_context_configured_after_binding_runs)
{
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .passive = true});
    seL4_CPtr sc = raw_sc(8);

    CHECK_OK(seL4_SchedContext_Bind(sc, thread->tcb));
    thread_start(thread, step_once, 0, 0, 0);
    CHECK_EQ(thread->step, 0);
    CHECK_OK(configure(sc, 5000, 5000));
    CHECK_EQ(thread->step, 1);
}

TEST(sched_context_bound_to_a_ready_thread_runs_it)
{
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .passive = true});

    thread_start(thread, step_once, 0, 0, 0);
    CHECK_EQ(thread->step, 0);
    CHECK_OK(seL4_SchedContext_Bind(thread->sc, thread->tcb));
    CHECK_EQ(thread->step, 1);
}

TEST(sched_context_consumed)
{
    struct thread *thread = thread_run(LOWER, thread_spin, 0, 0, 0);
    uint64_t start = time_now();
    seL4_SchedContext_Consumed_t used;

    sleep_us(20000);
    CHECK_OK(seL4_TCB_Suspend(thread->tcb));
    used = seL4_SchedContext_Consumed(thread->sc);
    CHECK_OK(used.error);
    CHECK_RANGE(used.consumed, 5000, time_us(time_now() - start) + 1);
    used = seL4_SchedContext_Consumed(thread->sc);
    CHECK_EQ(used.consumed, 0);
}

TEST(sched_context_consumed_of_the_caller)
{
    seL4_SchedContext_Consumed_t used;

    seL4_SchedContext_Consumed(test_sc);
    spin_us(2000);
    used = seL4_SchedContext_Consumed(test_sc);
    CHECK_OK(used.error);
    CHECK(used.consumed > 100);
}

/* A notification lends its scheduling context to a waiter that has none. */

static void wait_loop(struct thread *self)
{
    for (;;) {
        self->step++;
        seL4_Wait(self->arg[0], NULL);
    }
}

TEST(notification_lends_its_context)
{
    seL4_CPtr notification = notification_new();
    struct thread *thread = thread_run(HIGHER, wait_loop, notification, 0, 0);

    CHECK_OK(seL4_SchedContext_Unbind(thread->sc));
    CHECK_OK(seL4_SchedContext_Bind(thread->sc, notification));
    for (seL4_Word i = 2; i < 6; i++) {
        seL4_Signal(notification);
        CHECK_EQ(thread->step, i);
    }
}

TEST(notification_context_serves_one_waiter_at_a_time)
{
    seL4_CPtr notification = notification_new();
    struct thread *a = thread_run(HIGHER, wait_loop, notification, 0, 0);
    struct thread *b = thread_run(HIGHER, wait_loop, notification, 0, 0);

    CHECK_OK(seL4_SchedContext_Unbind(a->sc));
    CHECK_OK(seL4_SchedContext_Unbind(b->sc));
    CHECK_OK(seL4_SchedContext_Bind(a->sc, notification));
    seL4_Signal(notification);
    seL4_Signal(notification);
    CHECK_EQ(a->step, 2);
    CHECK_EQ(b->step, 2);
}

TEST(notification_without_context_leaves_the_waiter_ready)
{
    seL4_CPtr notification = notification_new();
    struct thread *thread = thread_run(HIGHER, wait_loop, notification, 0, 0);

    CHECK_OK(seL4_SchedContext_Unbind(thread->sc));
    seL4_Signal(notification);
    CHECK_EQ(thread->step, 1);
    CHECK_OK(seL4_SchedContext_Bind(thread->sc, thread->tcb));
    CHECK_EQ(thread->step, 2);
}

TEST(notification_context_not_lent_to_a_thread_with_its_own)
{
    seL4_CPtr notification = notification_new(), sc = sc_new();
    struct thread *thread = thread_run(HIGHER, wait_loop, notification, 0, 0);

    CHECK_OK(seL4_SchedContext_Bind(sc, notification));
    seL4_Signal(notification);
    CHECK_EQ(thread->step, 2);
    CHECK_OK(seL4_SchedContext_UnbindObject(thread->sc, thread->tcb));
    CHECK_EQ(seL4_SchedContext_UnbindObject(sc, thread->tcb), seL4_IllegalOperation);
}

/* Bound to both, it stays with the notification once the thread waits there. */
TEST(notification_takes_the_context_bound_to_both)
{
    seL4_CPtr notification = notification_new();
    struct thread *thread = thread_new(HIGHER);

    CHECK_OK(seL4_SchedContext_Bind(thread->sc, notification));
    CHECK_EQ(seL4_SchedContext_Bind(thread->sc, thread->tcb), seL4_IllegalOperation);
    thread_start(thread, wait_loop, notification, 0, 0);
    CHECK_EQ(thread->step, 1);
    CHECK_OK(seL4_SchedContext_Bind(thread->sc, thread->tcb));
}

static void wait_spin(struct thread *self)
{
    self->step = 1;
    seL4_Wait(self->arg[0], NULL);
    for (;;) {
        self->step++;
    }
}

TEST(notification_context_comes_back_from_a_deleted_thread)
{
    seL4_CPtr notification = notification_new();
    struct thread *a = thread_run(LOWER, wait_spin, notification, 0, 0);
    struct thread *b;

    sleep_us(2000);
    CHECK_OK(seL4_SchedContext_Unbind(a->sc));
    CHECK_OK(seL4_SchedContext_Bind(a->sc, notification));
    seL4_Signal(notification);
    sleep_us(2000);
    CHECK(a->step > 1);
    CHECK_OK(cap_delete(a->tcb));
    b = thread_run(LOWER, wait_spin, notification, 0, 0);
    sleep_us(2000);
    CHECK_OK(seL4_SchedContext_Unbind(b->sc));
    seL4_Signal(notification);
    sleep_us(2000);
    CHECK(b->step > 1);
}

TEST(notification_deleted_unbinds_its_context)
{
    seL4_CPtr notification = notification_new(), sc = sc_new();

    CHECK_OK(seL4_SchedContext_Bind(sc, notification));
    CHECK_OK(cap_delete(notification));
    CHECK_OK(seL4_SchedContext_Bind(sc, notification_new()));
}

TEST(sched_context_other_label)
{
    CHECK_EQ(seL4_x64_invoke0(sc_new(), TCBSuspend, 0), seL4_IllegalOperation);
}
