/* SPDX-License-Identifier: BSD-2-Clause
 *
 * High-precision event timers (IA-PC HPET specification 1.0a): a 64-bit counter and three
 * comparators.
 */
#ifndef VMM_DEVICE_HPET_H
#define VMM_DEVICE_HPET_H

#include "vmm/device/irq.h"
#include "vmm/device/pit.h"
#include "vmm/device/timer.h"

#define HPET_BASE   0xfed00000ull
#define HPET_SIZE   0x400ull
#define HPET_TIMERS 3
/* 100 MHz: a period of exactly 10,000,000 femtoseconds. */
#define HPET_HZ        100000000ull
#define HPET_PERIOD_FS 10000000u

struct hpet;

struct hpet_timer {
    struct hpet *hpet;
    uint64_t config;
    uint64_t comparator;
    uint64_t period;
    uint64_t fsb; /* MSI: data in the low half, address in the high half */
    struct timer timer;
};

struct hpet {
    uint64_t config;
    uint64_t status;
    uint64_t counter; /* while halted; running: counter at `start` */
    uint64_t start;
    uint32_t lines; /* timers that hold their line up */
    struct hpet_timer timer[HPET_TIMERS];
    struct irq *irq;
    struct apic_bus *apics;
    struct pit *pit;
    const struct clock *clock;
    struct rate rate;
};

extern const struct bus_operations hpet_operations;

void hpet_initialize(struct hpet *hpet, struct irq *irq, struct apic_bus *apics, struct pit *pit,
                     const struct clock *clock, struct timer_queue *queue);
void hpet_reset(struct hpet *hpet);

#endif
