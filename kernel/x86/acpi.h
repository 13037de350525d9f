/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The few ACPI tables that the kernel itself reads (ACPI 6.5, chapter 5). Also built for the host.
 */
#ifndef KERNEL_X86_ACPI_H
#define KERNEL_X86_ACPI_H

#include "config.h"
#include "types.h"
#include "x86/boot.h"

struct acpi_ioapic {
    uint8_t id;
    uint32_t address;
    uint32_t gsi_base;
};

struct acpi_table {
    const uint8_t *data; /* header included; null: there is none. Checksum is right. */
    uint32_t length;
};

enum { ACPI_MAX_CPUS = 256 };

struct acpi_info {
    uint64_t lapic_address;
    bool legacy_pic; /* MADT flag PCAT_COMPAT */
    unsigned cpu_count;
    bool cpus_left_out;
    uint32_t apic_ids[ACPI_MAX_CPUS]; /* of the enabled processors, in the table's order */
    unsigned ioapic_count;
    struct acpi_ioapic ioapics[CONFIG_MAX_IOAPICS];
    uint16_t pm_timer_port; /* FADT PM_TMR_BLK, 0: none */
    struct acpi_table madt, dmar, ivrs, mcfg;
};

/* Reads all tables from the root pointer found (20 or 36 bytes). Null, or what is wrong; then info
 * is as empty as it was. */
const char *acpi_parse(const struct memory_view *view, const uint8_t *rsdp, unsigned rsdp_length,
                       struct acpi_info *info);

/* Looks for the root pointer where a BIOS puts it (5.2.5.1): the first KiB of the EBDA and
 * 0xe0000..0xfffff. Copies up to 36 bytes of it: its length, or 0. */
unsigned acpi_find_rsdp(const struct memory_view *view, uint8_t *rsdp);

#endif
