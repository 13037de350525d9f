/* SPDX-License-Identifier: BSD-2-Clause
 *
 * I/O APICs (Intel 82093AA) and the switched-off PICs (8259A).
 */
#ifndef KERNEL_X86_IOAPIC_H
#define KERNEL_X86_IOAPIC_H

#include "types.h"

struct acpi_info;

/* Maps all I/O APICs, masks every pin and both PICs. */
void ioapic_init(const struct acpi_info *acpi);
unsigned ioapic_count(void);
unsigned ioapic_pins(unsigned ioapic);
/* Routes a pin to a vector on the boot core, masked. */
void ioapic_route(unsigned ioapic, unsigned pin, bool level, bool active_low, unsigned vector);
void ioapic_mask(unsigned ioapic, unsigned pin, bool mask);

#endif
