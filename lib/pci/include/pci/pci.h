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

struct pci_info {
    uint16_t id;
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
 * there are. Sizing a BAR switches the function's decoding off for a moment, so nobody may use the
 * devices meanwhile.
 */
unsigned pci_scan(const struct pci_ecam *ecam, struct pci_info *list, unsigned room);

/* Describes one function; false when there is none. */
bool pci_describe(const struct registers *config, uint16_t id, struct pci_info *info);

/* Do memory BARs of two functions overlap? Such devices are given to nobody. */
bool pci_overlap(const struct pci_info *a, const struct pci_info *b);

/*
 * Calls `found` with the offset of each capability (7.5.3) with this ID, in their order, until it
 * returns true. A chain that loops or leaves the space ends there.
 */
bool pci_each_capability(const struct registers *config, uint8_t id,
                         bool (*found)(void *context, unsigned offset), void *context);

/* Memory decoding and bus mastering on or off; INTx stays off. */
void pci_enable(const struct registers *config, bool on);

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
