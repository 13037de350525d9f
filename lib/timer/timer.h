/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The timer service's calls, as drivers of the seL4 device driver framework make them: label,
 * words. A timeout comes back as a notification on the same channel; each client has one at a time.
 */
#ifndef TIMER_TIMER_H
#define TIMER_TIMER_H

#include <microkit.h>

enum {
    TIMER_GET_TIME = 0,    /* returns nanoseconds since the processor's reset */
    TIMER_SET_TIMEOUT = 1, /* nanoseconds from now; replaces an earlier one */
};

static inline uint64_t timer_time(microkit_channel timer)
{
    (void)microkit_ppcall(timer, microkit_msginfo_new(TIMER_GET_TIME, 0));
    return microkit_mr_get(0);
}

static inline void timer_set_timeout(microkit_channel timer, uint64_t nanoseconds)
{
    microkit_mr_set(0, nanoseconds);
    (void)microkit_ppcall(timer, microkit_msginfo_new(TIMER_SET_TIMEOUT, 1));
}

#endif
