/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/pci.h"

#include <string.h>

#define COMMAND        0x04
#define COMMAND_MEMORY 0x02
#define BAR_OFFSET     0x10

uint16_t pci_get16(const struct pci_function *function, unsigned offset)
{
    return (uint16_t)(function->config[offset] | function->config[offset + 1] << 8);
}

uint32_t pci_get32(const struct pci_function *function, unsigned offset)
{
    return pci_get16(function, offset) | (uint32_t)pci_get16(function, offset + 2) << 16;
}

void pci_set16(uint8_t *bytes, unsigned offset, uint16_t value)
{
    bytes[offset] = (uint8_t)value;
    bytes[offset + 1] = (uint8_t)(value >> 8);
}

void pci_set32(uint8_t *bytes, unsigned offset, uint32_t value)
{
    pci_set16(bytes, offset, (uint16_t)value);
    pci_set16(bytes, offset + 2, (uint16_t)(value >> 16));
}

void pci_initialize(struct pci *pci, struct bus *memory)
{
    memset(pci, 0, sizeof(*pci));
    pci->memory = memory;
    pci->next_bar = PCI_WINDOW_BASE;
}

static struct pci_function *find(const struct pci *pci, unsigned devfn)
{
    for (unsigned i = 0; i < pci->count; i++) {
        if (pci->function[i]->devfn == devfn)
            return pci->function[i];
    }
    return NULL;
}

bool pci_add(struct pci *pci, struct pci_function *function)
{
    if (pci->count >= PCI_MAX_FUNCTIONS || find(pci, function->devfn) != NULL)
        return false;
    pci->function[pci->count++] = function;
    return true;
}

void pci_header(struct pci_function *function, uint16_t vendor, uint16_t device,
                uint32_t class_code, uint8_t revision)
{
    pci_set16(function->config, 0x00, vendor);
    pci_set16(function->config, 0x02, device);
    pci_set32(function->config, 0x08, class_code << 8 | revision);
    pci_set16(function->writable, COMMAND, 0x0507); /* I/O, memory, master, SERR, INTx disable */
    function->writable[0x0c] = 0xff;                /* cache line size */
    function->writable[0x0d] = 0xff;                /* latency timer */
    function->writable[0x3c] = 0xff;                /* interrupt line */
}

void pci_memory_bar(struct pci_function *function, unsigned index, uint64_t size,
                    const struct bus_operations *operations, void *device)
{
    function->bar[index] =
        (struct pci_bar){.size = size, .operations = operations, .device = device};
    pci_set32(function->writable, BAR_OFFSET + 4 * index, (uint32_t) ~(size - 1) & ~0xfu);
}

static uint64_t bar_address(const struct pci_function *function, unsigned index)
{
    return pci_get32(function, BAR_OFFSET + 4 * index) & ~0xfu;
}

/* Makes the bus agree with the BAR registers and the command register. */
static void map_bars(struct pci *pci, struct pci_function *function)
{
    bool decode = (function->config[COMMAND] & COMMAND_MEMORY) != 0;
    for (unsigned i = 0; i < PCI_BARS; i++) {
        struct pci_bar *bar = &function->bar[i];
        if (bar->size == 0)
            continue;
        uint64_t address = bar_address(function, i);
        /* Only the window is decoded: a BAR cannot hide RAM, APICs or the ECAM. */
        bool inside = address >= PCI_WINDOW_BASE && address < PCI_WINDOW_END &&
                      bar->size <= PCI_WINDOW_END - address;
        uint64_t wanted = decode && inside ? address : 0;
        if (wanted == bar->mapped)
            continue;
        if (bar->mapped != 0)
            bus_remove(pci->memory, bar->mapped);
        bar->mapped = 0;
        /* Two BARs at one place: the first one keeps it. */
        if (wanted != 0 &&
            bus_add(pci->memory, wanted, bar->size, bar->operations, bar->device) == BUS_OK)
            bar->mapped = wanted;
    }
}

void pci_assign(struct pci *pci)
{
    for (unsigned i = 0; i < pci->count; i++) {
        struct pci_function *function = pci->function[i];
        for (unsigned b = 0; b < PCI_BARS; b++) {
            uint64_t size = function->bar[b].size;
            if (size == 0)
                continue;
            uint64_t address = (pci->next_bar + size - 1) & ~(size - 1);
            if (address + size > PCI_WINDOW_END)
                continue;
            pci_set32(function->config, BAR_OFFSET + 4 * b, (uint32_t)address);
            pci->next_bar = address + size;
            function->config[COMMAND] |= COMMAND_MEMORY;
        }
        map_bars(pci, function);
    }
}

void pci_reset(struct pci *pci)
{
    pci->address = 0;
    pci->next_bar = PCI_WINDOW_BASE;
    for (unsigned i = 0; i < pci->count; i++) {
        struct pci_function *function = pci->function[i];
        pci_set16(function->config, COMMAND, 0);
        for (unsigned b = 0; b < PCI_BARS; b++)
            pci_set32(function->config, BAR_OFFSET + 4 * b, 0);
        map_bars(pci, function);
    }
}

static uint64_t config_read(const struct pci *pci, unsigned devfn, unsigned offset, unsigned size)
{
    const struct pci_function *function = find(pci, devfn);
    if (function == NULL)
        return UINT64_MAX;
    if (function->config_reading != NULL)
        function->config_reading(function->context, offset, size);
    uint64_t value = 0;
    for (unsigned i = 0; i < size && offset + i < PCI_CONFIG_SIZE; i++)
        value |= (uint64_t)function->config[offset + i] << (i * 8);
    return value;
}

static void config_write(struct pci *pci, unsigned devfn, unsigned offset, unsigned size,
                         uint64_t value)
{
    struct pci_function *function = find(pci, devfn);
    if (function == NULL)
        return;
    for (unsigned i = 0; i < size && offset + i < PCI_CONFIG_SIZE; i++) {
        uint8_t mask = function->writable[offset + i];
        uint8_t byte = (uint8_t)(value >> (i * 8));
        function->config[offset + i] =
            (uint8_t)((function->config[offset + i] & ~mask) | (byte & mask));
    }
    if (offset < BAR_OFFSET + 4 * PCI_BARS && offset + size > COMMAND)
        map_bars(pci, function);
    if (function->config_written != NULL)
        function->config_written(function->context, offset, size);
}

/* PCIe 5.0, 7.2.2: bus in bits 27:20, device and function in 19:12, offset in 11:0. */
static uint64_t ecam_read(void *device, uint64_t offset, unsigned size)
{
    if (offset >> 20 != 0)
        return UINT64_MAX;
    return config_read(device, (unsigned)(offset >> 12) & 0xff, (unsigned)offset & 0xfff, size);
}

static void ecam_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset >> 20 == 0)
        config_write(device, (unsigned)(offset >> 12) & 0xff, (unsigned)offset & 0xfff, size,
                     value);
}

/*
 * Mechanism 1 (PCI 3.0, 3.2.2.3.2). Only a 32-bit access reaches the address register; the ports
 * behind its first byte belong to others (0xcf9).
 */
static uint64_t address_read(void *device, uint64_t offset, unsigned size)
{
    const struct pci *pci = device;
    (void)offset;
    return size == 4 ? pci->address : UINT64_MAX;
}

static void address_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci *pci = device;
    (void)offset;
    if (size == 4)
        pci->address = (uint32_t)value & 0x80fffffcu;
}

static bool selects_bus_0(const struct pci *pci)
{
    return (pci->address & 0x80ff0000u) == 0x80000000u;
}

static uint64_t data_read(void *device, uint64_t offset, unsigned size)
{
    const struct pci *pci = device;
    if (!selects_bus_0(pci))
        return UINT64_MAX;
    return config_read(pci, (pci->address >> 8) & 0xff, (pci->address & 0xfc) + (unsigned)offset,
                       size);
}

static void data_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci *pci = device;
    if (selects_bus_0(pci))
        config_write(pci, (pci->address >> 8) & 0xff, (pci->address & 0xfc) + (unsigned)offset,
                     size, value);
}

const struct bus_operations pci_ecam_operations = {ecam_read, ecam_write, 4};
const struct bus_operations pci_address_operations = {address_read, address_write, 4};
const struct bus_operations pci_data_operations = {data_read, data_write, 4};

void pci_host_bridge(struct pci_function *function)
{
    memset(function, 0, sizeof(*function));
    function->devfn = 0;
    pci_header(function, 0x8086, 0x29c0, 0x060000, 0x00); /* 82G33/P35 (Q35) DRAM controller */
    /* PCIEXBAR (Q35 datasheet 5.1.16): enabled, 256 buses; fixed here. */
    pci_set32(function->config, 0x60, (uint32_t)PCI_ECAM_BASE | 1);
    for (unsigned i = 0x90; i < 0x97; i++)
        function->writable[i] = 0x33; /* PAM: firmware sets them, memory is always RAM here */
}

void pci_lpc_bridge(struct pci_function *function)
{
    memset(function, 0, sizeof(*function));
    function->devfn = 0x1f << 3;
    pci_header(function, 0x8086, 0x2918, 0x060100, 0x02); /* ICH9 LPC interface */
    function->config[0x0e] = 0x80;                        /* several functions */
    pci_set32(function->config, 0x40, 0x0601);            /* PMBASE 0x600 */
    function->config[0x44] = 0x80;                        /* ACPI_EN, SCI on IRQ 9 */
    for (unsigned i = 0x60; i < 0x6c; i++) {
        if (i >= 0x64 && i < 0x68)
            continue;
        function->config[i] = 0x80; /* PIRQ routing: off */
        function->writable[i] = 0x8f;
    }
    function->writable[0xf0] = 0x01; /* RCBA enable; nothing stands there */
}
