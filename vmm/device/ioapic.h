/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The I/O APIC (Intel 82093AA data sheet; version 0x20 with the EOI register, ICH9 data sheet
 * 13.5).
 */
#ifndef VMM_DEVICE_IOAPIC_H
#define VMM_DEVICE_IOAPIC_H

#include "vmm/device/apic.h"
#include "vmm/device/bus.h"

#define IOAPIC_BASE 0xfec00000ull
#define IOAPIC_SIZE 0x1000ull
#define IOAPIC_PINS 24

struct ioapic {
    struct apic_bus *apics;
    uint32_t select;
    uint32_t id;
    uint64_t redirection[IOAPIC_PINS];
    uint32_t asserted; /* lines as the devices hold them */
};

extern const struct bus_operations ioapic_operations;

void ioapic_initialize(struct ioapic *ioapic, struct apic_bus *apics);
void ioapic_reset(struct ioapic *ioapic);

/* A device's line; pin below IOAPIC_PINS. */
void ioapic_set(struct ioapic *ioapic, unsigned pin, bool asserted);

/* EOI of a level-triggered vector by a local APIC. context: struct ioapic. */
void ioapic_eoi(void *context, uint8_t vector);

#endif
