/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What I/O address spaces (iommu.c) need of the machine's IOMMUs, whoever made them. All units of a
 * machine follow the same tables. Lock held, or booting.
 */
#ifndef KERNEL_X86_IOMMU_UNIT_H
#define KERNEL_X86_IOMMU_UNIT_H

#include "x86/acpi.h"

/* Booting: finds the units and switches them on; no device reaches memory from then on, but those
 * that firmware says must. Levels of their tables, or 0 if there are none. most: what
 * unit_frame_level() is at most. */
unsigned unit_init(const struct acpi_info *acpi, unsigned most);
/* The highest level of table whose entries may be frames: 0 with those of 4 KiB alone, 1 with 2 MiB
 * too, 2 with 1 GiB too. */
unsigned unit_frame_level(void);

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
/* level: of the table that the entry is for, at most unit_frame_level(). */
uint64_t unit_entry_for_frame(struct paddr frame, unsigned level, bool read, bool write);
bool unit_entry_is_frame(uint64_t entry, unsigned level);
struct paddr unit_entry_target(uint64_t entry);
/* Writes `count` entries that follow each other in a table of the device's space (or one that was
 * taken out of it), each `step` more than the one before, so that no unit uses the old ones
 * afterwards: what a device had begun by them has ended on return, if the units can wait for that
 * (CAP's DRD and DWD, 11.4.2). */
void unit_write_entries(uint16_t device, uint64_t *entry, unsigned count, uint64_t value,
                        uint64_t step);
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
