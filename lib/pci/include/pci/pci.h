/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's PCI functions: enumeration over ECAM (PCIe 5.0, section 7.2.2), base address
 * registers (7.5.1.2.1), MSI and MSI-X (7.7). Configuration space is what a device says about
 * itself, so it is distrusted: loops, sizes and ranges are checked, and what makes no sense is left
 * out.
 */
#ifndef PCI_PCI_H
#define PCI_PCI_H

#include <pci/registers.h>

#define PCI_CONFIG_BYTES 4096u
#define PCI_BAR_COUNT    6u
#define PCI_MAX_CAPS     48u /* as many as fit above the header */

/* Bus, device and function, as in a requester ID. */
static inline uint16_t pci_id(unsigned bus, unsigned device, unsigned function)
{
    return (uint16_t)(bus << 8 | device << 3 | function);
}

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_PORTS, PCI_BAR_MEMORY };

struct pci_bar_info {
    enum pci_bar_kind kind;
    bool wide;         /* 64-bit: the next register belongs to it */
    bool prefetchable; /* no side effects of reads */
    uint64_t address;  /* 0: firmware has not placed it */
    uint64_t size;     /* a power of two */
};

struct pci_msix_info {
    uint16_t capability; /* offset; 0: there is none */
    uint16_t vectors;    /* 1 to 2048 */
    uint8_t table_bar;
    uint8_t pending_bar;
    uint32_t table_offset;
    uint32_t pending_offset;
};

/* Addresses that a bridge passes on to the bus behind it; none when first is above last. */
struct pci_window {
    uint64_t first;
    uint64_t last;
};

/* What stands behind a bridge, as firmware has set it up (PCI-to-PCI Bridge 1.2, section 3.2.5). */
struct pci_bridge_info {
    bool leads; /* the scan has followed it: its buses are its own, and in its parent's range */
    uint8_t secondary;
    uint8_t subordinate;
    struct pci_window window[2]; /* of memory */
};

#define PCI_NO_PARENT         0xffffu
#define PCI_PORT_CONVENTIONAL 0xffu /* it has no PCI Express capability */

/* Device/port types (PCIe 5.0, 7.5.3.2) that change whose requests are whose. */
enum pci_port { PCI_PORT_TO_CONVENTIONAL = 7, PCI_PORT_FROM_CONVENTIONAL = 8 };

struct pci_info {
    uint16_t id;
    uint16_t parent; /* place in the list of the bridge that leads here; PCI_NO_PARENT */
    uint8_t port;    /* PCI_PORT_CONVENTIONAL, or the device/port type */
    uint16_t vendor;
    uint16_t device;
    uint32_t class_code; /* class, subclass, interface */
    uint8_t revision;
    bool bridge;
    uint8_t interrupt_pin; /* 1 to 4 for INTA to INTD, or 0 */
    uint8_t interrupt_line;
    struct pci_bar_info bar[PCI_BAR_COUNT];
    uint16_t msi; /* offset of the capability, or 0 */
    bool msi_wide;
    struct pci_msix_info msix;
    struct pci_bridge_info behind; /* of a bridge */
};

/* ECAM of one segment: `space` begins with bus `first_bus` and reaches to `last_bus`. */
struct pci_ecam {
    struct registers space;
    uint8_t first_bus;
    uint8_t last_bus;
};

/* A function's configuration space. */
struct registers pci_config(const struct pci_ecam *ecam, uint16_t id);

/*
 * Describes every function that is reached from the first bus, at most `room`; returns how many
 * there are. A bridge is followed when the buses behind it are above its own, in the range of the
 * bridge that leads to it, and nobody else's. A function's parent stands before it in the list.
 * Sizing a BAR switches the function's decoding off for a moment, so nobody may use the devices
 * meanwhile.
 */
unsigned pci_scan(const struct pci_ecam *ecam, struct pci_info *list, unsigned room);

/* Describes one function; false when there is none. */
bool pci_describe(const struct registers *config, uint16_t id, struct pci_info *info);

/*
 * Do this memory BAR's addresses lead to function `number` of the `count` that were found? All
 * bridges above it pass them on, and no other bridge takes them.
 */
bool pci_reached(const struct pci_info *list, unsigned count, unsigned number, unsigned bar);

/*
 * The requester ID with which function `number` of the list arrives at an IOMMU (VT-d 4.1, section
 * 3.4.1): its own, or behind a bridge to conventional PCI the one that the bridge puts there for
 * all behind it.
 */
uint16_t pci_requester(const struct pci_info *list, unsigned number);

/*
 * Do memory BARs of two functions share a page of 4096 bytes? Such devices are given to nobody: who
 * has one has the other.
 */
bool pci_overlap(const struct pci_info *a, const struct pci_info *b);

/*
 * Calls `found` with the offset of each capability (7.5.3) with this ID, in their order, until it
 * returns true. A chain that loops or leaves the space ends there.
 */
bool pci_each_capability(const struct registers *config, uint8_t id,
                         bool (*found)(void *context, unsigned offset), void *context);

/* Memory decoding and bus mastering on or off; INTx stays off. */
void pci_enable(const struct registers *config, bool on);

/* It moves no data any more, whatever it was doing, while its registers go on answering. What it
 * wrote to memory before is there on return: its answer comes behind that (PCIe 5.0, 2.4.1). */
void pci_stop_master(const struct registers *config);

/* One message of `data` at `address` for the function's MSI capability, and MSI on. */
void pci_enable_msi(const struct registers *config, const struct pci_info *info, uint64_t address,
                    uint16_t data);

/*
 * Sets one vector of the MSI-X table, whose BAR is `bar`, and unmasks it; false when the vector
 * does not exist. pci_enable_msix lets the function use its table.
 */
bool pci_set_msix(const struct registers *bar, const struct pci_info *info, unsigned vector,
                  uint64_t address, uint32_t data);
void pci_enable_msix(const struct registers *config, const struct pci_info *info);

#endif
