/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The PCI service: finds the devices that the system description gives to drivers, puts their
 * registers where the drivers have mapped them, and lets each driver see its own device's
 * configuration space and no other. It alone has the configuration ports.
 */
#include <component/component.h>
#include <pci/pci.h>
#include <rt/log.h>
#include <stddef.h>

#include "service/pci/protocol.h"

#define ADDRESS_PORT 0xcf8u
#define DATA_PORT    0xcfcu
#define CONFIG_SPACE 256u /* what mechanism 1 reaches (PCI 3.0, 3.2.2.3.2) */

#define COMMAND      0x04u
#define BARS         0x10u
#define COMMAND_MASK 0x0406u /* memory, bus master, INTx off */

/* Messages of interrupt n go to the first processor (SDM volume 3, 11.11); see kernel/config.h, and
 * sel4/quoin.h for those that an IOMMU remaps. */
#define MSI_ADDRESS      0xfee00000u
#define MSI_FIRST_VECTOR 0x30u

/*
 * Of a BAR that holds both registers and the table of MSI-X, the driver gets so many bytes from its
 * beginning on: an NVMe controller's registers and first doorbells.
 */
#define SHARED_REGISTERS 0x2000u

/* Set by the system description. */
microkit_channel config_port_id;
uint64_t disk_window;           /* where the disks' registers begin, physically */
uint64_t disk_tables;           /* where this service has the first one's MSI-X table */
uint64_t network_window;        /* the same for the network card ... */
uint64_t network_table;         /* ... and where its table is, physically ... */
uint64_t network_table_address; /* ... and for this service */

/* A virtio disk, modern or transitional, an AHCI or an NVMe controller. */
static bool is_disk(const struct pci_info *info)
{
    bool virtio = info->vendor == 0x1af4 && (info->device == 0x1042 || info->device == 0x1001);
    return virtio || info->class_code == 0x010601 || info->class_code == 0x010802;
}

/* A virtio network card, modern or transitional, or an 82574 (e1000e). */
static bool is_network(const struct pci_info *info)
{
    bool virtio = info->vendor == 0x1af4 && (info->device == 0x1041 || info->device == 0x1000);
    return virtio || (info->vendor == 0x8086 && info->device == 0x10d3);
}

/*
 * Which devices are whose: the channel is the place in this list. Each device has a window, which
 * its driver has mapped, and memory of this service for the BAR with the MSI-X table, all as the
 * system description says.
 */
static struct class
{
    bool (*suits)(const struct pci_info *info);
    unsigned most;          /* devices */
    unsigned interrupt;     /* of the first */
    unsigned dma;           /* id of the first one's memory in this domain */
    uint32_t window_size;   /* for the driver */
    uint32_t table_size;    /* for this service */
    uint32_t stride;        /* from one device's to the next one's */
    const uint64_t *window; /* of the first, physically */
    const uint64_t *table;  /* likewise; NULL: behind the window */
    const uint64_t *table_address;
} classes[] = {
    {.suits = is_disk,
     .most = 4,
     .interrupt = 16,
     .dma = 0,
     .window_size = 0xa000,
     .table_size = 0x6000,
     .stride = 0x10000,
     .window = &disk_window,
     .table_address = &disk_tables},
    {.suits = is_network,
     .most = 1,
     .interrupt = 9,
     .dma = 8,
     .window_size = 0x200000,
     .table_size = 0x1000,
     .window = &network_window,
     .table = &network_table,
     .table_address = &network_table_address},
};

#define CLASSES      (sizeof(classes) / sizeof(classes[0]))
#define MOST_GRANTED 4u

/* A device that was given to a driver. */
struct grant {
    uint64_t window; /* physically */
    uint64_t table;
    struct registers table_registers;
    struct registers config;
    struct pci_info info;
    uint32_t offset[PCI_BAR_COUNT]; /* in the window */
    uint32_t size[PCI_BAR_COUNT];   /* of what the driver has of it */
};

static struct grant grants[CLASSES][MOST_GRANTED];
static unsigned granted[CLASSES];

/* Bus 0 alone: mechanism 1 and its ports, as a range of registers with 4 KiB for each function. */
static void select(uint64_t offset)
{
    uint32_t function = (uint32_t)(offset >> 12) & 0xffff;
    microkit_x86_ioport_write_32(config_port_id, ADDRESS_PORT,
                                 0x80000000u | function << 8 | ((uint32_t)offset & 0xfc));
}

static uint64_t config_read(void *context, uint64_t offset, unsigned size)
{
    (void)context;
    if ((offset & 0xfff) >= CONFIG_SPACE)
        return UINT64_MAX;
    select(offset);
    seL4_Word port = DATA_PORT + (offset & 3);
    return size == 1   ? microkit_x86_ioport_read_8(config_port_id, port)
           : size == 2 ? microkit_x86_ioport_read_16(config_port_id, port)
                       : microkit_x86_ioport_read_32(config_port_id, port);
}

static void config_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    (void)context;
    if ((offset & 0xfff) >= CONFIG_SPACE)
        return;
    select(offset);
    seL4_Word port = DATA_PORT + (offset & 3);
    if (size == 1)
        microkit_x86_ioport_write_8(config_port_id, port, (seL4_Uint8)value);
    else if (size == 2)
        microkit_x86_ioport_write_16(config_port_id, port, (seL4_Uint16)value);
    else
        microkit_x86_ioport_write_32(config_port_id, port, (seL4_Uint32)value);
}

static void set_bar(const struct grant *grant, unsigned bar, uint64_t address)
{
    registers_write32(&grant->config, BARS + 4 * bar, (uint32_t)address);
    if (grant->info.bar[bar].wide)
        registers_write32(&grant->config, BARS + 4 * bar + 4, (uint32_t)(address >> 32));
}

/*
 * MSI needs no memory of the device's and is taken where there is a choice; MSI-X stays off then,
 * and its table says nothing.
 */
static bool uses_msix(const struct grant *grant)
{
    return grant->info.msi == 0 && grant->info.msix.capability != 0;
}

/* The BAR with the MSI-X table is this service's: who writes there can raise any interrupt. */
static bool is_table(const struct grant *grant, unsigned bar)
{
    return uses_msix(grant) && grant->info.msix.table_bar == bar;
}

/* Puts the BAR with the table where this service has it; with a driver's registers before the
 * table, across the end of the window. */
static bool place_table(struct grant *grant, const struct class *class, unsigned index)
{
    const struct pci_bar_info *bar = &grant->info.bar[index];
    uint64_t entries = (uint64_t)grant->info.msix.vectors * 16;
    if (bar->size <= class->table_size &&
        grant->info.msix.table_offset + entries <= class->table_size &&
        grant->table % (bar->size < 4096 ? 4096 : bar->size) == 0 &&
        grant->info.msix.table_offset < SHARED_REGISTERS) {
        set_bar(grant, index, grant->table);
        return true;
    }
    uint64_t address = grant->window + class->window_size - SHARED_REGISTERS;
    if (grant->table != grant->window + class->window_size || address % bar->size != 0 ||
        bar->size > SHARED_REGISTERS + class->table_size ||
        grant->info.msix.table_offset < SHARED_REGISTERS)
        return false;
    set_bar(grant, index, address);
    grant->info.msix.table_offset -= SHARED_REGISTERS; /* in what this service sees of it */
    grant->offset[index] = class->window_size - SHARED_REGISTERS;
    grant->size[index] = SHARED_REGISTERS;
    return true;
}

/* Moves the device's memory BARs into its driver's window, each to a multiple of its size. */
static bool place(struct grant *grant, const struct class *class)
{
    uint64_t at = 0;
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        const struct pci_bar_info *bar = &grant->info.bar[i];
        if (bar->kind != PCI_BAR_MEMORY)
            continue;
        if (is_table(grant, i)) {
            if (!place_table(grant, class, i))
                return false;
            continue;
        }
        uint64_t size = bar->size < 4096 ? 4096 : bar->size;
        at = (at + size - 1) & ~(size - 1);
        if (size > class->window_size || at > class->window_size - size)
            return false;
        set_bar(grant, i, grant->window + at);
        grant->offset[i] = (uint32_t)at;
        grant->size[i] = (uint32_t)bar->size;
        at += size;
    }
    /* A shared BAR at the window's end does not lie over others. */
    unsigned shared = grant->info.msix.table_bar;
    return !uses_msix(grant) || grant->size[shared] == 0 || at <= grant->offset[shared];
}

/* All of the device's interrupts are one message. */
static bool set_interrupt(const struct grant *grant, unsigned interrupt)
{
    bool remapped = (component_info->features & QUOIN_FEATURE_REMAPPING) != 0;
    uint32_t address = remapped ? QUOIN_MESSAGE_ADDRESS(interrupt) : MSI_ADDRESS;
    uint16_t data = (uint16_t)(remapped ? QUOIN_MESSAGE_DATA : MSI_FIRST_VECTOR + interrupt);
    if (!uses_msix(grant)) {
        pci_enable_msi(&grant->config, &grant->info, address, data);
        return grant->info.msi != 0;
    }
    /* The table answers only while memory is decoded. */
    pci_enable(&grant->config, true);
    pci_enable_msix(&grant->config, &grant->info);
    for (unsigned i = 0; i < grant->info.msix.vectors; i++)
        pci_set_msix(&grant->table_registers, &grant->info, i, address, data);
    return true;
}

static void give(unsigned number, const struct pci_ecam *bus, const struct pci_info *info)
{
    const struct class *class = &classes[number];
    unsigned index = granted[number];
    struct grant *grant = &grants[number][index];
    uint64_t offset = (uint64_t) class->stride * index;

    *grant = (struct grant){
        .window = *class->window + offset,
        .table_registers = {.base = (volatile uint8_t *)(*class->table_address + offset),
                            .size = class->table_size},
        .info = *info,
        .config = pci_config(bus, info->id),
    };
    grant->table =
        class->table != NULL ? *class->table + offset : grant->window + class->window_size;
    pci_enable(&grant->config, false);
    if (!place(grant, class)) {
        log_error("device %04x:%04x does not fit into its driver's window", info->vendor,
                  info->device);
        return;
    }
    if (!set_interrupt(grant, class->interrupt + index)) {
        log_error("device %04x:%04x has no message interrupts", info->vendor, info->device);
        return;
    }
    if (!component_map_dma(class->dma + index, info->id)) {
        log_error("device %04x:%04x cannot be let to its driver's memory", info->vendor,
                  info->device);
        return;
    }
    granted[number]++;
    log_info("%02x:%02x.%x %04x:%04x is given to its driver", info->id >> 8, info->id >> 3 & 31,
             info->id & 7, info->vendor, info->device);
}

void init(void)
{
    static struct pci_info list[64];
    const struct pci_ecam bus = {
        .space = {.size = 1 << 20, .read = config_read, .write = config_write}};
    unsigned count = pci_scan(&bus, list, sizeof(list) / sizeof(list[0]));
    log_info("%u functions on bus 0", count);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned c = 0; c < CLASSES; c++) {
            if (classes[c].suits(&list[i]) && granted[c] < classes[c].most)
                give(c, &bus, &list[i]);
        }
    }
}

void notified(microkit_channel channel)
{
    (void)channel;
}

/* What a driver may write: the command register's bits that say whether its device works. */
static void write_for_driver(const struct grant *grant, uint64_t offset, unsigned size,
                             uint64_t value)
{
    if (offset == COMMAND && size == 2)
        registers_write16(&grant->config, COMMAND, (uint16_t)(value & COMMAND_MASK));
}

microkit_msginfo protected(microkit_channel channel, microkit_msginfo message)
{
    uint64_t number = microkit_mr_get(0);
    uint64_t offset = microkit_mr_get(1);
    uint64_t size = microkit_mr_get(2);
    uint64_t value = microkit_mr_get(3);
    bool sized = size == 1 || size == 2 || size == 4;
    if (channel >= CLASSES || number >= granted[channel])
        return microkit_msginfo_new(1, 0);
    const struct grant *grant = &grants[channel][number];
    switch (microkit_msginfo_get_label(message)) {
    case PCI_CALL_FIND:
        /* The driver may have been started anew: its device stops moving data until it is ready. */
        pci_enable(&grant->config, false);
        for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
            microkit_mr_set((seL4_Uint8)(PCI_FIND_OFFSET + i), grant->offset[i]);
            microkit_mr_set((seL4_Uint8)(PCI_FIND_SIZE + i), grant->size[i]);
        }
        return microkit_msginfo_new(0, PCI_FIND_WORDS);
    case PCI_CALL_READ:
        if (!sized)
            return microkit_msginfo_new(1, 0);
        microkit_mr_set(0, registers_read(&grant->config, offset, (unsigned)size));
        return microkit_msginfo_new(0, 1);
    case PCI_CALL_WRITE:
        if (!sized)
            return microkit_msginfo_new(1, 0);
        write_for_driver(grant, offset, (unsigned)size, value);
        return microkit_msginfo_new(0, 0);
    default:
        return microkit_msginfo_new(1, 0);
    }
}
