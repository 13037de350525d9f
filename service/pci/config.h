/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's configuration space: in memory (ECAM, PCIe 5.0, section 7.2.2) where ACPI says so,
 * else by ports.
 */
#ifndef SERVICE_PCI_CONFIG_H
#define SERVICE_PCI_CONFIG_H

#include <pci/pci.h>

/* Finds it. id: of the region for it, in this domain's `found`. */
void config_open(unsigned id, struct pci_ecam *ecam);

#endif
