/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A thread above all tests that looks at the clock each millisecond: it ends a test at its deadline
 * and wakes sleepers. Its own period is a scheduling context's, so it needs no timer driver.
 */
#include <string.h>

#include "harness.h"

seL4_CPtr test_done;

static seL4_CPtr alarm_signal;
static uint64_t ticks_per_us;
static volatile uint64_t deadline; /* TSC; 0: none */
static volatile uint64_t alarm;

uint64_t time_now(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

uint64_t time_us(uint64_t ticks)
{
    return ticks / ticks_per_us;
}

void spin_us(uint64_t microseconds)
{
    uint64_t end = time_now() + microseconds * ticks_per_us;

    while (time_now() < end) {
    }
}

void sleep_us(uint64_t microseconds)
{
    alarm = time_now() + microseconds * ticks_per_us;
    seL4_Wait(alarm_signal, NULL);
}

static void watch(struct thread *self)
{
    (void)self;
    for (;;) {
        uint64_t now = time_now();

        if (alarm != 0 && now >= alarm) {
            alarm = 0;
            seL4_Signal(alarm_signal);
        }
        if (deadline != 0 && (now >= deadline || outcome.verdict != VERDICT_RUNNING)) {
            deadline = 0;
            seL4_Signal(test_done);
        }
        seL4_Yield();
    }
}

static uint64_t tsc_mhz(void)
{
    const void *chunk = boot_info_chunk(SEL4_BOOTINFO_HEADER_X86_TSC_FREQ);
    seL4_X86_BootInfo_tsc_t tsc;

    if (chunk == NULL) {
        return 0;
    }
    memcpy(&tsc, chunk, sizeof(tsc));
    return tsc.freq_mhz;
}

void watch_init(void)
{
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = 254, .mcp = 254, .budget = 300, .period = 1000});

    ticks_per_us = tsc_mhz() == 0 ? 1000 : tsc_mhz();
    alarm_signal = notification_new();
    test_done = notification_new();
    thread_start(thread, watch, 0, 0, 0);
}

void watch_begin(uint64_t microseconds)
{
    alarm = 0;
    deadline = time_now() + microseconds * ticks_per_us;
}

void watch_end(void)
{
    deadline = 0;
    alarm = 0;
    seL4_NBWait(alarm_signal, NULL);
    seL4_NBWait(test_done, NULL);
}
