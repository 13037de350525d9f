/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PCI Express bus 0 of a Q35 machine: configuration space by ECAM and by ports 0xcf8/0xcfc, base
 * address registers that claim and release bus ranges, and the functions behind it.
 */
#ifndef VMM_DEVICE_PCI_H
#define VMM_DEVICE_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/device/bus.h"

/* The ECAM of segment 0, 1 MiB for each of 256 buses. */
#define PCI_ECAM_BASE 0xb0000000ull
#define PCI_ECAM_SIZE 0x10000000ull
/* Buses that the firmware tables announce: guests look at every slot of each. */
#define PCI_LAST_BUS 0u
/* Where BARs may stand. */
#define PCI_WINDOW_BASE 0xc0000000ull
#define PCI_WINDOW_END  0xfec00000ull

#define PCI_MAX_FUNCTIONS 16
#define PCI_BARS          6
#define PCI_CONFIG_SIZE   4096

struct pci_function;

struct pci_bar {
    uint64_t size; /* a power of two, at least 16; 0: no such BAR */
    bool memory64; /* takes the next BAR's register too */
    const struct bus_operations *operations;
    void *device;
    uint64_t mapped; /* where its range stands on the bus; 0 when it does not */
};

/*
 * A function. The model fills config (initial values), writable (bits the guest can write) and bar,
 * then calls pci_add. config_written is told of every write behind the fact, config_reading of
 * every read before it; both may be NULL.
 */
struct pci_function {
    uint8_t devfn;
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t writable[PCI_CONFIG_SIZE];
    struct pci_bar bar[PCI_BARS];
    void (*config_written)(void *context, unsigned offset, unsigned size);
    void (*config_reading)(void *context, unsigned offset, unsigned size);
    void *context;
};

struct pci {
    struct pci_function *function[PCI_MAX_FUNCTIONS];
    unsigned count;
    struct bus *memory;
    uint32_t address;  /* port 0xcf8 */
    uint64_t next_bar; /* allocation for direct boot, which has no firmware to do it */
};

extern const struct bus_operations pci_ecam_operations;    /* PCI_ECAM_BASE, PCI_ECAM_SIZE */
extern const struct bus_operations pci_address_operations; /* 0xcf8, 4 */
extern const struct bus_operations pci_data_operations;    /* 0xcfc, 4 */

void pci_initialize(struct pci *pci, struct bus *memory);

/* Adds a function for good; false when the bus is full or devfn taken. */
bool pci_add(struct pci *pci, struct pci_function *function);

/* Common header fields of a type 0 function. */
void pci_header(struct pci_function *function, uint16_t vendor, uint16_t device,
                uint32_t class_code, uint8_t revision);

/* Defines memory BAR `index` of `size` bytes, 32-bit. */
void pci_memory_bar(struct pci_function *function, unsigned index, uint64_t size,
                    const struct bus_operations *operations, void *device);

/* Gives every BAR an address and switches decoding on, as firmware does. */
void pci_assign(struct pci *pci);

/* Resets command registers and BARs. */
void pci_reset(struct pci *pci);

/* Little-endian fields of the configuration space. */
uint16_t pci_get16(const struct pci_function *function, unsigned offset);
uint32_t pci_get32(const struct pci_function *function, unsigned offset);
void pci_set16(uint8_t *bytes, unsigned offset, uint16_t value);
void pci_set32(uint8_t *bytes, unsigned offset, uint32_t value);

/* The chipset's own functions: host bridge 00:00.0, LPC bridge 00:1f.0. */
void pci_host_bridge(struct pci_function *function);
void pci_lpc_bridge(struct pci_function *function);

#endif
