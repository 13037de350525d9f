/* SPDX-License-Identifier: BSD-2-Clause
 *
 * I/O APICs (Intel 82093AA) and the switched-off PICs (8259A).
 */
#ifndef KERNEL_X86_IOAPIC_H
#define KERNEL_X86_IOAPIC_H

#include "types.h"

struct acpi_info;

/* Masks both PICs. While the local APIC still passes their interrupts on: a request that is pending
 * then is taken back, but would stay pending in a processor whose LINT0 is masked already. */
void pic_disable(void);
/* Maps all I/O APICs and masks every pin. */
void ioapic_init(const struct acpi_info *acpi);
unsigned ioapic_count(void);
unsigned ioapic_pins(unsigned ioapic);
/* Routes a pin to a vector on the boot core, masked; remapped: by the IOMMU's table entry for this
 * vector's user interrupt. */
void ioapic_route(unsigned ioapic, unsigned pin, bool level, bool active_low, unsigned vector,
                  bool remapped);
void ioapic_mask(unsigned ioapic, unsigned pin, bool mask);

#endif
