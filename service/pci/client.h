/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A driver's view of the PCI service: its devices, found and reached by calls.
 */
#ifndef SERVICE_PCI_CLIENT_H
#define SERVICE_PCI_CLIENT_H

#include <component/component.h>
#include <pci/pci.h>

/* A device as its driver has it. */
struct pci_client {
    microkit_channel channel; /* to the PCI service */
    unsigned number;          /* of the device, among those of the channel */
    uint16_t requester;       /* its name for an IOMMU */
    struct registers config;  /* its configuration space, by calls */
    struct registers bar[PCI_BAR_COUNT];
};

/*
 * Finds the driver's device of this number, whose registers are in `window`; false when there is
 * none. It moves no data from then on, until the driver enables it. The client stays where it is
 * afterwards.
 */
bool pci_client_find(struct pci_client *client, microkit_channel channel, unsigned number,
                     const struct registers *window);

#endif
