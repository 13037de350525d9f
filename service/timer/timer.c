/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The timer service: time and timeouts for components that have no timer object of their own, over
 * one timer object of the kernel.
 */
#include <component/component.h>
#include <timer/timer.h>

#define SECOND 1000000000ull /* in nanoseconds */

microkit_channel timer_id = 62; /* set by the system description */

static uint64_t deadlines[COMPONENT_MAX_CHANNELS]; /* TSC; 0: none */

static uint64_t tsc_of(uint64_t ns)
{
    uint64_t hz = component_info->tsc_hz;
    return ns / SECOND * hz + ns % SECOND * hz / SECOND;
}

static uint64_t ns_of(uint64_t tsc)
{
    uint64_t hz = component_info->tsc_hz;
    return tsc / hz * SECOND + tsc % hz * SECOND / hz;
}

/* Notifies whoever is due and arms the timer for the next one. */
static void run(void)
{
    uint64_t now = component_tsc();
    uint64_t next = 0;

    for (unsigned ch = 0; ch < COMPONENT_MAX_CHANNELS; ch++) {
        if (deadlines[ch] == 0) {
            continue;
        }
        if (deadlines[ch] <= now) {
            deadlines[ch] = 0;
            microkit_notify(ch);
        } else if (next == 0 || deadlines[ch] < next) {
            next = deadlines[ch];
        }
    }
    if (next != 0) {
        component_timer_arm(timer_id, next);
    } else {
        component_timer_cancel(timer_id);
    }
}

void init(void)
{
}

void notified(microkit_channel ch)
{
    if (ch == timer_id) {
        run();
    }
}

microkit_msginfo protected(microkit_channel ch, microkit_msginfo msginfo)
{
    switch (microkit_msginfo_get_label(msginfo)) {
    case TIMER_SET_TIMEOUT: {
        uint64_t ns = microkit_msginfo_get_count(msginfo) < 1 ? 0 : microkit_mr_get(0);
        uint64_t longest = SECOND * 86400 * 365;
        deadlines[ch] = component_tsc() + tsc_of(ns < longest ? ns : longest);
        run();
        return microkit_msginfo_new(0, 0);
    }
    case TIMER_GET_TIME:
        microkit_mr_set(0, ns_of(component_tsc()));
        return microkit_msginfo_new(0, 1);
    default:
        return microkit_msginfo_new(1, 0);
    }
}
