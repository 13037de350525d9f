/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A device's registers, where firmware placed them: which pages its driver gets, and which only
 * this service. Builds for the host too.
 */
#ifndef SERVICE_PCI_PLACE_H
#define SERVICE_PCI_PLACE_H

#include <pci/pci.h>

#define PLACE_PAGE        4096u
#define PLACE_TABLE_PAGES 4u /* the MSI-X table's, at most: 1,024 entries or some less */

/* Pages of the machine's memory. */
struct place_range {
    uint64_t physical;
    uint64_t size;   /* 0: none */
    uint32_t offset; /* in the driver's window */
};

struct place {
    struct place_range bar[PCI_BAR_COUNT]; /* for the driver */
    uint32_t offset[PCI_BAR_COUNT];        /* of the BAR in the window ... */
    uint32_t size[PCI_BAR_COUNT];          /* ... and how many bytes of it the driver has */
    struct place_range table;              /* of the MSI-X table, for this service */
    uint32_t table_offset;                 /* in these pages */
};

enum place_error {
    PLACE_OK = 0,
    PLACE_ERROR_ROOM = -1,    /* the window is too small, or the MSI-X table too large */
    PLACE_ERROR_REACH = -2,   /* a bridge keeps the addresses from it */
    PLACE_ERROR_OVERLAP = -3, /* another function answers in the same page */
};

/*
 * Plans for function `number` of the `count` that were found; `window` is how many bytes its driver
 * has room for. Of a BAR with the MSI-X table, if it is used, the driver gets the pages before the
 * table's: who writes there can raise any interrupt.
 */
int place_plan(const struct pci_info *list, unsigned count, unsigned number, bool uses_msix,
               uint64_t window, struct place *place);

#endif
