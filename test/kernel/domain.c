/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Domains: which threads may run at all.
 */
#include "test.h"

TEST(domain_set_own)
{
    CHECK_OK(seL4_DomainSet_Set(seL4_CapDomain, 0, test_tcb));
}

TEST(domain_set_errors)
{
    CHECK_EQ(seL4_DomainSet_Set(seL4_CapDomain, 255, test_tcb), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_EQ(seL4_DomainSet_Set(seL4_CapDomain, 0, endpoint_new()), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_x64_invoke1(seL4_CapDomain, DomainSetSet, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, test_tcb);
    CHECK_EQ(seL4_x64_invoke0(seL4_CapDomain, DomainSetSet, 1), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke0(seL4_CapDomain, TCBSuspend, 0), seL4_IllegalOperation);
}

TEST(domain_schedule_errors)
{
    seL4_CPtr cap = seL4_CapDomain;

    CHECK_EQ(seL4_DomainSet_ScheduleSetStart(cap, ~(seL4_Word)0), seL4_RangeError);
    CHECK_EQ(seL4_DomainSet_ScheduleSetStart(cap, 1), seL4_InvalidArgument);
    CHECK_EQ(seL4_DomainSet_ScheduleConfigure(cap, ~(seL4_Word)0, 0, 1000), seL4_RangeError);
    CHECK_EQ(seL4_DomainSet_ScheduleConfigure(cap, 0, 0, 0), seL4_InvalidArgument);
    CHECK_EQ(seL4_DomainSet_ScheduleConfigure(cap, 0, 255, 1000), seL4_RangeError);
    CHECK_EQ(seL4_DomainSet_ScheduleConfigure(cap, 0, 0, 1ull << 56), seL4_InvalidArgument);
    CHECK_EQ(seL4_DomainSet_ScheduleConfigure(cap, 1, 1, 0), seL4_InvalidArgument);
    CHECK_EQ(seL4_x64_invoke2(cap, DomainScheduleConfigure, 0, 0, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke0(cap, DomainScheduleSetStart, 0), seL4_TruncatedMessage);
}

/* A hundred entries, the last of which is the end of every schedule and stays that. */
TEST(domain_schedule_has_an_end)
{
    seL4_CPtr cap = seL4_CapDomain;

    CHECK_OK(seL4_DomainSet_ScheduleConfigure(cap, 98, 0, 1000000));
    CHECK_EQ(seL4_DomainSet_ScheduleConfigure(cap, 99, 0, 1000000), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_EQ(seL4_GetMR(1), 98);
    CHECK_OK(seL4_DomainSet_ScheduleSetStart(cap, 98));
    spin_us(3000);
    CHECK_EQ(seL4_DomainSet_ScheduleSetStart(cap, 99), seL4_InvalidArgument);
    CHECK_EQ(seL4_DomainSet_ScheduleSetStart(cap, 100), seL4_RangeError);
    CHECK_OK(seL4_DomainSet_ScheduleSetStart(cap, 0));
    CHECK_OK(seL4_DomainSet_ScheduleConfigure(cap, 98, 0, 0));
}

/* The schedule names domain 0 alone, so a thread of another one never runs. */
TEST(domain_without_time_does_not_run)
{
    struct thread *thread = thread_new(HIGHER);

    if (seL4_DomainSet_Set(seL4_CapDomain, 1, thread->tcb) != seL4_NoError) {
        test_skip("the kernel has one domain");
    }
    thread_start(thread, thread_spin, 0, 0, 0);
    sleep_us(5000);
    CHECK_EQ(thread->step, 0);
    CHECK_OK(seL4_TCB_SetPriority(thread->tcb, seL4_CapInitThreadTCB, LOWER));
    CHECK_OK(seL4_DomainSet_Set(seL4_CapDomain, 0, thread->tcb));
    sleep_us(5000);
    CHECK(thread->step > 0);
}

/* Two domains take turns of some milliseconds; durations are in TSC ticks. */
TEST(domain_schedule_of_two)
{
    struct thread *thread = thread_new(LOWER);
    uint64_t start = time_now(), ticks_per_ms;
    seL4_Word step;

    spin_us(1000);
    ticks_per_ms = time_now() - start;
    if (seL4_DomainSet_Set(seL4_CapDomain, 1, thread->tcb) != seL4_NoError) {
        test_skip("the kernel has one domain");
    }
    thread_start(thread, thread_spin, 0, 0, 0);
    CHECK_OK(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 2, 0, 3 * ticks_per_ms));
    CHECK_OK(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 3, 1, 2 * ticks_per_ms));
    CHECK_OK(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 4, 0, 0));
    CHECK_OK(seL4_DomainSet_ScheduleSetStart(seL4_CapDomain, 2));
    spin_us(50000);
    step = thread->step;
    spin_us(50000);
    CHECK_OK(seL4_DomainSet_ScheduleSetStart(seL4_CapDomain, 0));
    CHECK(step > 0);
    CHECK(thread->step > step);
}
