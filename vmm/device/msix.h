/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The MSI-X capability of a PCI function (PCI 3.0, section 6.8.2): table and pending bits in one
 * BAR of 4 KiB.
 */
#ifndef VMM_DEVICE_MSIX_H
#define VMM_DEVICE_MSIX_H

#include "vmm/device/apic.h"
#include "vmm/device/pci.h"

#define MSIX_MAX_VECTORS 32u
#define MSIX_BAR_SIZE    0x1000u

struct msix_entry {
    uint64_t address;
    uint32_t data;
    uint32_t control; /* bit 0: masked */
};

struct msix {
    struct pci_function *function;
    struct apic_bus *apics;
    unsigned capability; /* its offset in the configuration space */
    unsigned vectors;
    uint32_t pending;
    struct msix_entry entry[MSIX_MAX_VECTORS];
};

/*
 * Adds the capability at `offset` (12 bytes, `next` is the one behind it) with `vectors` vectors
 * (1 to MSIX_MAX_VECTORS) and BAR `bar` for its table. The function's config_written must call
 * msix_config_written.
 */
void msix_initialize(struct msix *msix, struct pci_function *function, struct apic_bus *apics,
                     unsigned offset, uint8_t next, unsigned bar, unsigned vectors);

/* All vectors masked, nothing pending, as after a reset of the function. */
void msix_reset(struct msix *msix);

/* Has the driver chosen MSI-X over INTx? */
bool msix_enabled(const struct msix *msix);

/* Sends a vector, or marks it pending while it is masked; none above `vectors` is sent. */
void msix_send(struct msix *msix, unsigned vector);

/* The configuration space was written: what was pending behind the function's mask goes out. */
void msix_config_written(struct msix *msix);

#endif
