/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Calls to the PCI service. A driver's channel stands for the devices that it was given; no call
 * names another, and what would move a device's registers or interrupts is refused.
 */
#ifndef SERVICE_PCI_PROTOCOL_H
#define SERVICE_PCI_PROTOCOL_H

/* The first word of each is the device's number among those of the channel, from 0 on. */
enum pci_call {
    PCI_CALL_FIND = 1,  /* the answer: label 0 and where each BAR stands, or label 1: no device */
    PCI_CALL_READ = 2,  /* offset, size: the value */
    PCI_CALL_WRITE = 3, /* offset, size, value */
};

/*
 * The answer to PCI_CALL_FIND, in message registers: offset of BAR 0 to 5 in the device's window,
 * their sizes (0: none), and the requester ID by which an IOMMU knows the device.
 */
enum pci_find {
    PCI_FIND_OFFSET = 0,
    PCI_FIND_SIZE = 6,
    PCI_FIND_REQUESTER = 12,
    PCI_FIND_WORDS = 13,
};

#endif
