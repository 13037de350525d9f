/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The interrupt router: a device names a global system interrupt (GSI), and its line reaches the
 * I/O APIC and, for the sixteen ISA interrupts, the 8259 pair as well. ISA interrupt 0 stands on
 * I/O APIC pin 2, as the MADT says.
 */
#ifndef VMM_DEVICE_IRQ_H
#define VMM_DEVICE_IRQ_H

#include "vmm/device/ioapic.h"
#include "vmm/device/pic.h"

struct irq {
    struct pic *pic;
    struct ioapic *ioapic;
};

/* Sets the line of an ISA interrupt (0 to 15). */
void irq_set_isa(struct irq *irq, unsigned number, bool asserted);

/* Sets the line of a GSI from 16 up, where there is no 8259. */
void irq_set_gsi(struct irq *irq, unsigned gsi, bool asserted);

/*
 * An edge of a line that is up all the time but for a moment, as a timer's output is: the 8259
 * drops a request whose line has gone down before it was acknowledged.
 */
void irq_pulse_isa(struct irq *irq, unsigned number);

#endif
