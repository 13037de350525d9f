/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The 8254 programmable interval timer (Intel 8254 data sheet) and port 0x61, which gates channel 2
 * (ICH9 data sheet 13.7.1).
 */
#ifndef VMM_DEVICE_PIT_H
#define VMM_DEVICE_PIT_H

#include "vmm/device/irq.h"
#include "vmm/device/timer.h"

#define PIT_HZ 1193182ull

struct pit_channel {
    uint8_t mode; /* 0 to 5 */
    bool bcd;
    bool gate;
    bool loaded;     /* a count has been written since the mode */
    uint8_t access;  /* 1 low byte, 2 high byte, 3 both */
    bool write_high; /* the next byte written is the high one */
    bool read_high;
    uint8_t write_low;
    bool count_latched;
    uint16_t latch;
    bool status_latched;
    uint8_t status;
    uint32_t count; /* 1 to 65536 */
    uint64_t start; /* TSC when counting began */
};

struct pit {
    struct pit_channel channel[3];
    bool speaker;
    bool line; /* channel 0's output on IRQ 0 */
    struct irq *irq;
    const struct clock *clock;
    struct rate rate;
    struct timer timer;
};

extern const struct bus_operations pit_operations;      /* ports 0x40 to 0x43 */
extern const struct bus_operations pit_gate_operations; /* port 0x61 */

void pit_initialize(struct pit *pit, struct irq *irq, const struct clock *clock,
                    struct timer_queue *queue);
void pit_reset(struct pit *pit);

/* The HPET in legacy mode takes IRQ 0 over (IA-PC HPET 1.0a, 2.3.3). */
void pit_set_enabled(struct pit *pit, bool enabled);

#endif
