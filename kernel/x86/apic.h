/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local APIC, in xAPIC or x2APIC mode (SDM vol. 3, chapter 10), and the clocks that it and the TSC
 * give.
 */
#ifndef KERNEL_X86_APIC_H
#define KERNEL_X86_APIC_H

#include "types.h"

struct acpi_info;

/* Boot core: chooses the mode and maps the registers. */
void apic_init(uint64_t address);
/* Every core: enables it; all local sources masked. */
void apic_init_core(void);
uint32_t apic_id(void);
/* Whether interprocessor interrupts reach this ID: xAPIC mode has 8 bits. */
bool apic_can_reach(uint32_t apic_id);
void apic_eoi(void);

/* Interprocessor interrupts; apic_id as in the MADT. */
void apic_send(uint32_t apic_id, unsigned vector);
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, unsigned page);
void apic_send_nmi_others(void);

/* Boot core: measures the TSC and the APIC timer (timer.c). */
void timer_init(const struct acpi_info *acpi);
void timer_init_core(void);
/* Busy-waits; after timer_init. */
void timer_wait_us(uint64_t us);

/* APIC timer as a one-shot of count ticks, 0 stops it; what is left of it. */
void apic_timer_start(uint32_t count);
uint32_t apic_timer_left(void);
/* Timer vector and mode; masked until then. */
void apic_timer_mode(bool tsc_deadline);

#endif
