/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a component of Quoin has beyond Microkit's API (microkit.h): one-shot timers of the kernel,
 * the log with levels (rt/log.h), and what init told about the machine.
 */
#ifndef COMPONENT_COMPONENT_H
#define COMPONENT_COMPONENT_H

#include <component/layout.h>
#include <microkit.h>
#include <stdint.h>

/* Valid from init() on. */
extern const struct component_info *component_info;

static inline uint64_t component_tsc(void)
{
    return __builtin_ia32_rdtsc();
}

/* notified(id) comes when the TSC reaches deadline; replaces an earlier deadline of the timer. */
static inline void component_timer_arm(microkit_channel id, uint64_t deadline)
{
    (void)seL4_QuoinTimer_Arm(COMPONENT_SLOT_TIMER + id, deadline);
}

static inline void component_timer_cancel(microkit_channel id)
{
    (void)seL4_QuoinTimer_Cancel(COMPONENT_SLOT_TIMER + id);
}

#endif
