/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the configuration space of a bridge says.
 */
#ifndef PCI_BRIDGE_H
#define PCI_BRIDGE_H

#include <pci/pci.h>

/* Bus numbers and windows; `leads` is the scan's to say. */
void bridge_describe(const struct registers *config, struct pci_bridge_info *behind);

#endif
