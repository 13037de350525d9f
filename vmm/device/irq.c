/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/irq.h"

void irq_set_isa(struct irq *irq, unsigned number, bool asserted)
{
    if (number >= 16)
        return;
    pic_set(irq->pic, number, asserted);
    ioapic_set(irq->ioapic, number == 0 ? 2 : number, asserted);
}

void irq_set_gsi(struct irq *irq, unsigned gsi, bool asserted)
{
    if (gsi >= 16)
        ioapic_set(irq->ioapic, gsi, asserted);
}

void irq_pulse_isa(struct irq *irq, unsigned number)
{
    irq_set_isa(irq, number, false);
    irq_set_isa(irq, number, true);
}
