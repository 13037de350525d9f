/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ACPI's MCFG table (PCI Firmware Specification 3.3, section 4.1.2): where configuration space
 * stands in memory (ECAM). Firmware's bytes: whatever they are, nothing is read beyond them.
 */
#ifndef PCI_MCFG_H
#define PCI_MCFG_H

#include <stddef.h>
#include <stdint.h>

/* Buses of segment 0: 1 MiB each from `address` on, which is first_bus's. */
struct mcfg_area {
    uint64_t address; /* physical, a multiple of 1 MiB, below 2^47 to its end */
    uint8_t first_bus;
    uint8_t last_bus;
};

enum mcfg_error {
    MCFG_OK = 0,
    MCFG_ERROR_TABLE = -1, /* it is none */
    MCFG_ERROR_ABSENT = -2 /* no entry for bus 0 of segment 0, or none that can be */
};

/* Finds the area with bus 0 of segment 0 in the `size` bytes that are there of the table. */
int mcfg_find(const uint8_t *table, size_t size, struct mcfg_area *area);

#endif
