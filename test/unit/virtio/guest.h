/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A guest that runs our own drivers: configuration space and BARs through the machine's buses, DMA
 * in its memory, interrupts through its local APIC.
 */
#ifndef TEST_VIRTIO_GUEST_H
#define TEST_VIRTIO_GUEST_H

#include <pci/dma.h>
#include <pci/pci.h>

#include "machine.h"

#define GUEST_VECTOR 0x71u

struct guest {
    struct machine *machine;
    struct registers config;
    struct registers bar[PCI_BAR_COUNT];
    struct pci_info info;
    struct dma dma;
};

/*
 * Enumerates the machine's bus, finds the function `id` and gives all its MSI-X vectors (or
 * its MSI) the vector GUEST_VECTOR of the first processor.
 */
void guest_attach(struct guest *guest, struct machine *machine, uint16_t id);

/* Takes the interrupt if one is pending. */
bool guest_interrupted(struct guest *guest);

#endif
