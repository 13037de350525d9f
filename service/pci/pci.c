/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The PCI service: finds the devices that the system description gives to drivers, behind bridges
 * too, lets each driver have its own device's registers where firmware placed them, and see its
 * configuration space and no other. It alone has configuration space.
 */
#include <component/component.h>
#include <pci/pci.h>
#include <rt/log.h>
#include <stddef.h>

#include "service/pci/config.h"
#include "service/pci/place.h"
#include "service/pci/protocol.h"

#define COMMAND        0x04u
#define COMMAND_MASK   0x0406u /* memory, bus master, INTx off */
#define COMMAND_MEMORY 0x0002u

/* Messages of interrupt n go to the first processor (SDM volume 3, 11.11); see kernel/config.h, and
 * sel4/quoin.h for those that an IOMMU remaps. */
#define MSI_ADDRESS      0xfee00000u
#define MSI_FIRST_VECTOR 0x30u

#define FUNCTIONS_MAX 128u

/* Ids of regions that this service fills, as the system description says. */
enum {
    FOUND_CONFIG,
    FOUND_TABLES,
    FOUND_VIRTIO,
    FOUND_NETWORK,
    FOUND_SATA,
    FOUND_NVME,
    FOUND_ENTROPY
};

/* Set by the system description. */
uint64_t tables; /* where this service has the devices' MSI-X tables */
uint64_t tables_size;

/* A virtio disk, modern or transitional. */
static bool is_virtio_disk(const struct pci_info *info)
{
    return info->vendor == 0x1af4 && (info->device == 0x1042 || info->device == 0x1001);
}

/* An AHCI controller. */
static bool is_sata(const struct pci_info *info)
{
    return info->class_code == 0x010601;
}

/* A virtio source of random numbers, modern or transitional. */
static bool is_entropy(const struct pci_info *info)
{
    return info->vendor == 0x1af4 && (info->device == 0x1044 || info->device == 0x1005);
}

static bool is_nvme(const struct pci_info *info)
{
    return info->class_code == 0x010802;
}

/* A virtio network card, modern or transitional, or an 82574 (e1000e). */
static bool is_network(const struct pci_info *info)
{
    bool virtio = info->vendor == 0x1af4 && (info->device == 0x1041 || info->device == 0x1000);
    return virtio || (info->vendor == 0x8086 && info->device == 0x10d3);
}

/* Which devices are whose: the channel is the place in this list. */
static const struct class
{
    bool (*suits)(const struct pci_info *info);
    unsigned most;      /* devices */
    unsigned interrupt; /* of the first */
    unsigned dma;       /* id of the first one's memory in this domain */
    unsigned registers; /* id of the region with all windows of the driver */
    uint32_t window;    /* bytes of each device's */
} classes[] = {
    {.suits = is_virtio_disk,
     .most = 4,
     .interrupt = 16,
     .dma = 0,
     .registers = FOUND_VIRTIO,
     .window = 0x10000},
    {.suits = is_network,
     .most = 1,
     .interrupt = 9,
     .dma = 8,
     .registers = FOUND_NETWORK,
     .window = 0x80000},
    {.suits = is_sata,
     .most = 2,
     .interrupt = 20,
     .dma = 4,
     .registers = FOUND_SATA,
     .window = 0x10000},
    {.suits = is_nvme,
     .most = 4,
     .interrupt = 22,
     .dma = 9,
     .registers = FOUND_NVME,
     .window = 0x10000},
    /* Its driver asks and waits: nobody handles the interrupt. */
    {.suits = is_entropy,
     .most = 1,
     .interrupt = 26,
     .dma = 13,
     .registers = FOUND_ENTROPY,
     .window = 0x10000},
};

#define CLASSES      (sizeof(classes) / sizeof(classes[0]))
#define MOST_GRANTED 4u

/* A device that was given to a driver. */
struct grant {
    struct registers config;
    struct pci_info info;
    struct place place;
    uint16_t requester;
};

static struct pci_ecam ecam;
static struct pci_info list[FUNCTIONS_MAX];
static unsigned count;
static struct grant grants[CLASSES][MOST_GRANTED];
static unsigned granted[CLASSES];
static unsigned tables_used; /* bytes */

/*
 * MSI needs no memory of the device's and is taken where there is a choice; MSI-X stays off then,
 * and its table says nothing.
 */
static bool uses_msix(const struct pci_info *info)
{
    return info->msi == 0 && info->msix.capability != 0;
}

/* Lets the driver have its registers; `base` is where its window is in the region. */
static bool hand_over(const struct place *place, unsigned region, uint64_t base)
{
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        const struct place_range *range = &place->bar[i];
        if (range->size != 0 &&
            !component_found(region, base + range->offset, range->physical, range->size))
            return false;
    }
    return true;
}

/* All entries of the device's MSI-X table are one message. */
static bool set_table(struct grant *grant, uint64_t address, uint32_t data)
{
    const struct place *place = &grant->place;
    const struct registers table = {
        .base = (volatile uint8_t *)(tables + tables_used),
        .size = place->table.size,
    };
    if (place->table.size > tables_size - tables_used ||
        !component_found(FOUND_TABLES, tables_used, place->table.physical, place->table.size))
        return false;
    tables_used += (unsigned)place->table.size;
    grant->info.msix.table_offset = place->table_offset; /* in what this service sees of it */
    /* The table answers only while memory is decoded. */
    registers_write16(&grant->config, COMMAND, COMMAND_MASK & ~4u);
    pci_enable_msix(&grant->config, &grant->info);
    for (unsigned i = 0; i < grant->info.msix.vectors; i++)
        pci_set_msix(&table, &grant->info, i, address, data);
    return true;
}

static bool set_interrupt(struct grant *grant, unsigned interrupt)
{
    bool remapped = (component_info->features & QUOIN_FEATURE_REMAPPING) != 0;
    uint32_t address = remapped ? QUOIN_MESSAGE_ADDRESS(interrupt) : MSI_ADDRESS;
    uint16_t data = (uint16_t)(remapped ? QUOIN_MESSAGE_DATA : MSI_FIRST_VECTOR + interrupt);
    if (uses_msix(&grant->info))
        return set_table(grant, address, data);
    pci_enable_msi(&grant->config, &grant->info, address, data);
    return grant->info.msi != 0;
}

/* Behind a bridge to conventional PCI requests carry the bridge's name: who has one device there
 * has what all of them reach. */
static bool shares_requester(unsigned number, uint16_t requester)
{
    for (unsigned c = 0; c < CLASSES; c++) {
        for (unsigned i = 0; i < granted[c]; i++) {
            if (c != number && grants[c][i].requester == requester)
                return true;
        }
    }
    return false;
}

/* Each bridge on the way passes requests on, both ways. */
static void open_bridges(const struct pci_info *info)
{
    for (unsigned at = info->parent; at != PCI_NO_PARENT; at = list[at].parent) {
        struct registers config = pci_config(&ecam, list[at].id);
        pci_enable(&config, true);
    }
}

/* What is wrong with giving the function to a driver of this class, or NULL. */
static const char *give(unsigned number, unsigned function)
{
    static const char *const problems[] = {
        [-PLACE_ERROR_ROOM] = "does not fit into its driver's window",
        [-PLACE_ERROR_REACH] =
            "is not reached: its registers are not placed, or a bridge is closed",
        [-PLACE_ERROR_OVERLAP] = "shares a page of registers with another one",
    };
    const struct class *class = &classes[number];
    unsigned index = granted[number];
    struct grant *grant = &grants[number][index];

    *grant = (struct grant){
        .info = list[function],
        .config = pci_config(&ecam, list[function].id),
        .requester = pci_requester(list, function),
    };
    int error =
        place_plan(list, count, function, uses_msix(&grant->info), class->window, &grant->place);
    if (error != PLACE_OK)
        return problems[-error];
    if (shares_requester(number, grant->requester))
        return "cannot be told from another driver's behind its bridge";
    pci_enable(&grant->config, false);
    open_bridges(&grant->info);
    if (!hand_over(&grant->place, class->registers, (uint64_t)index * class->window))
        return "has registers that are somebody's";
    if (!set_interrupt(grant, class->interrupt + index))
        return "has no message interrupts";
    pci_enable(&grant->config, false);
    if (!component_map_dma(class->dma + index, grant->requester))
        return "cannot be let to its driver's memory";
    granted[number]++;
    return NULL;
}

static void look_at(unsigned function)
{
    const struct pci_info *info = &list[function];
    for (unsigned c = 0; c < CLASSES; c++) {
        if (!classes[c].suits(info) || granted[c] == classes[c].most)
            continue;
        const char *problem = give(c, function);
        if (problem != NULL)
            log_error("%02x:%02x.%x %04x:%04x %s", info->id >> 8, info->id >> 3 & 31, info->id & 7,
                      info->vendor, info->device, problem);
        else
            log_info("%02x:%02x.%x %04x:%04x is given to its driver", info->id >> 8,
                     info->id >> 3 & 31, info->id & 7, info->vendor, info->device);
    }
}

static void tell(void)
{
    unsigned buses = 1;
    for (unsigned i = 0; i < count; i++) {
        const struct pci_info *info = &list[i];
        buses += info->behind.leads;
        if (info->bridge && !info->behind.leads)
            log_error("%02x:%02x.%x leads to buses %u to %u, which cannot be", info->id >> 8,
                      info->id >> 3 & 31, info->id & 7, info->behind.secondary,
                      info->behind.subordinate);
    }
    log_info("%u functions on %u bus%s", count, buses, buses == 1 ? "" : "es");
}

void init(void)
{
    config_open(FOUND_CONFIG, &ecam);
    count = pci_scan(&ecam, list, FUNCTIONS_MAX);
    tell();
    for (unsigned i = 0; i < count; i++)
        look_at(i);
}

/* Only init notifies: the driver runs no more, and its devices are to move no data any more. */
void notified(microkit_channel channel)
{
    if (channel >= CLASSES)
        return;
    for (unsigned i = 0; i < granted[channel]; i++)
        pci_stop_master(&grants[channel][i].config);
    component_stopped(channel);
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
            microkit_mr_set((seL4_Uint8)(PCI_FIND_OFFSET + i), grant->place.offset[i]);
            microkit_mr_set((seL4_Uint8)(PCI_FIND_SIZE + i), grant->place.size[i]);
        }
        microkit_mr_set(PCI_FIND_REQUESTER, grant->requester);
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
