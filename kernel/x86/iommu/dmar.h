/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The DMAR table: where the VT-d units are, and which memory firmware's devices go on using (VT-d
 * specification 4.1, chapter 8). Also built for the host.
 */
#ifndef KERNEL_X86_IOMMU_DMAR_H
#define KERNEL_X86_IOMMU_DMAR_H

#include "x86/acpi.h"

enum { DMAR_MAX_UNITS = 16, DMAR_MAX_RESERVED = 32, DMAR_MAX_IOAPICS = CONFIG_MAX_IOAPICS };

struct dmar_info {
    unsigned unit_count;
    uint64_t units[DMAR_MAX_UNITS]; /* register bases, page aligned; PCI segment 0 */
    unsigned reserved_count;
    struct dmar_reserved {
        uint64_t start, end; /* page aligned, end not included */
        uint16_t device;     /* bus, device, function */
    } reserved[DMAR_MAX_RESERVED];
    bool remaps_interrupts; /* the platform as a whole can (8.1, INTR_REMAP) */
    unsigned ioapic_count;
    struct dmar_ioapic {
        uint8_t id;      /* as in the MADT */
        uint16_t source; /* bus, device, function that its messages come from */
    } ioapics[DMAR_MAX_IOAPICS];
    unsigned left_out; /* behind bridges that are not there, of other segments, or too many */
};

/* The bus behind a bridge (bus, device, function), as its configuration space says; below 0: there
 * is no bridge. */
typedef int dmar_bridge_reader(uint16_t bridge);

/* Null, or what is wrong: then info is as empty as it was. Paths of device scopes lead through
 * bridges (8.3.1), which `behind` looks at. */
const char *dmar_parse(const uint8_t *table, uint32_t length, dmar_bridge_reader *behind,
                       struct dmar_info *info);

#endif
