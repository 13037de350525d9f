/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ACPI tables of a virtual machine (ACPI 6.4, chapter 5): RSDP, XSDT, FADT, FACS, MADT, MCFG,
 * HPET, and the DSDT compiled from dsdt.asl.
 */
#ifndef VMM_FIRMWARE_ACPI_H
#define VMM_FIRMWARE_ACPI_H

#include <stdbool.h>
#include <stdint.h>

/* Where direct boot puts them: inside the BIOS area that systems search for the RSDP. */
#define ACPI_TABLES_BASE 0xe0000ull
#define ACPI_TABLES_SIZE 0x10000ull

#define ACPI_ERROR_SPACE (-1)

/*
 * Builds the tables for `vcpu_count` processors, with or without HPET, into the `size` bytes at
 * `buffer`, which the guest sees at guest-physical address `base` (below 4 GiB, 64-byte aligned).
 * The RSDP comes first. Returns the bytes used or ACPI_ERROR_SPACE.
 */
int64_t acpi_build(uint8_t *buffer, uint64_t size, uint64_t base, unsigned vcpu_count,
                   bool has_hpet);

#endif
