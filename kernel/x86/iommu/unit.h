/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What I/O address spaces (iommu.c) need of the machine's IOMMUs, whoever made them. All units of a
 * machine follow the same tables. Lock held, or booting.
 */
#ifndef KERNEL_X86_IOMMU_UNIT_H
#define KERNEL_X86_IOMMU_UNIT_H

#include "x86/acpi.h"

/* Booting: finds the units and switches them on; no device reaches memory from then on, but those
 * that firmware says must. Levels of their tables, or 0 if there are none. */
unsigned unit_init(const struct acpi_info *acpi);

/* The root table of a device's address space, or null. */
uint64_t *unit_root(uint16_t device);
/* Firmware's device: its space is not for users. */
bool unit_is_reserved(uint16_t device);
/* Gives the device an address space. False: no more can be told apart. */
bool unit_set_root(uint16_t device, const uint64_t *root);
/* Takes it away: the device reaches nothing. Without one: nothing happens. */
void unit_clear_root(uint16_t device);

/* Entries of tables. An entry of 0 is not present. */
uint64_t unit_entry_for_table(struct paddr table);
uint64_t unit_entry_for_frame(struct paddr frame, bool read, bool write);
struct paddr unit_entry_target(uint64_t entry);
/* Writes an entry in a table of the device's space (or one that was taken out of it), so that no
 * unit uses the old one afterwards. */
void unit_write_entry(uint16_t device, uint64_t *entry, uint64_t value);
/* A table was cleared: units may see it from now on. */
void unit_publish_table(const uint64_t *table);

/* Interrupts that units pass on: entries of a table, by the number of the user interrupt. False:
 * they do not look at interrupts, and none of what follows may be used. */
bool unit_remaps_interrupts(void);
/* The source that messages of an I/O APIC have. */
uint16_t unit_ioapic_source(unsigned ioapic);
/* Messages with this index from source (bus, device, function), or from any device, become the
 * vector on the boot core. */
void unit_set_interrupt(unsigned index, unsigned vector, bool level, bool any_source,
                        uint16_t source);
/* A set one: messages come to nothing, silently, and come through again. */
void unit_hold_interrupt(unsigned index, bool hold);
/* Messages come to nothing from now on. */
void unit_clear_interrupt(unsigned index);

/* VECTOR_IOMMU. */
void unit_interrupt(void);

#endif
