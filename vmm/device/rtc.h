/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The real-time clock and CMOS memory (Motorola MC146818A; ICH9 data sheet 13.6), ports 0x70 to
 * 0x73.
 */
#ifndef VMM_DEVICE_RTC_H
#define VMM_DEVICE_RTC_H

#include "vmm/device/irq.h"
#include "vmm/device/timer.h"

struct rtc {
    uint8_t cmos[256];
    uint8_t index;
    uint8_t extended_index;
    uint64_t base_ns;  /* UTC in ns since 1970 when the TSC ... */
    uint64_t base_tsc; /* ... was this */
    bool line;
    struct irq *irq;
    const struct clock *clock;
    struct rate nanoseconds;
    struct timer periodic;
    struct timer second; /* update-ended and alarm interrupts, only while one is enabled */
};

extern const struct bus_operations rtc_operations; /* ports 0x70 to 0x73 */

/* base_ns is UTC when the clock stood at base_tsc. */
void rtc_initialize(struct rtc *rtc, struct irq *irq, const struct clock *clock,
                    struct timer_queue *queue, uint64_t base_ns, uint64_t base_tsc);
void rtc_reset(struct rtc *rtc);

/* The CMOS bytes by which firmware learns the memory size (as QEMU's pc machines set them). */
void rtc_set_memory(struct rtc *rtc, uint64_t low, uint64_t high);

#endif
