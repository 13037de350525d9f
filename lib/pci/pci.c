/* SPDX-License-Identifier: BSD-2-Clause */
#include <pci/pci.h>
#include <string.h>

#include "bridge.h"

#define VENDOR       0x00
#define DEVICE       0x02
#define COMMAND      0x04
#define STATUS       0x06
#define REVISION     0x08
#define HEADER_TYPE  0x0e
#define BAR          0x10
#define CAPABILITIES 0x34
#define LINE         0x3c
#define PIN          0x3d

#define COMMAND_PORTS  0x0001u
#define COMMAND_MEMORY 0x0002u
#define COMMAND_MASTER 0x0004u
#define COMMAND_INTX   0x0400u /* disable */
#define STATUS_CAPS    0x0010u

#define BAR_IS_PORTS     1u
#define BAR_TYPE         6u
#define BAR_TYPE_64      4u
#define BAR_PREFETCHABLE 8u

#define CAP_MSI      0x05
#define CAP_PCIE     0x10
#define CAP_MSIX     0x11
#define MSI_ENABLE   1u
#define MSI_MULTIPLE 0x70u
#define MSI_64       0x80u
#define MSIX_ENABLE  0x8000u
#define MSIX_MASKED  0x4000u
#define MSIX_ENTRY   16u

#define PAGE 4096u

struct registers pci_config(const struct pci_ecam *ecam, uint16_t id)
{
    unsigned bus = id >> 8;
    if (bus < ecam->first_bus || bus > ecam->last_bus)
        return registers_part(&ecam->space, ecam->space.size + 1, 0);
    uint64_t offset = ((uint64_t)(bus - ecam->first_bus) << 20) | (uint64_t)(id & 0xff) << 12;
    return registers_part(&ecam->space, offset, PCI_CONFIG_BYTES);
}

bool pci_each_capability(const struct registers *config, uint8_t id,
                         bool (*found)(void *context, unsigned offset), void *context)
{
    if ((registers_read16(config, STATUS) & STATUS_CAPS) == 0)
        return false;
    unsigned offset = registers_read8(config, CAPABILITIES) & 0xfcu;
    for (unsigned steps = 0; steps < PCI_MAX_CAPS && offset >= 0x40; steps++) {
        if (registers_read8(config, offset) == id && found(context, offset))
            return true;
        offset = registers_read8(config, offset + 1) & 0xfcu;
    }
    return false;
}

static bool keep_first(void *context, unsigned offset)
{
    *(uint16_t *)context = (uint16_t)offset;
    return true;
}

static uint16_t find_capability(const struct registers *config, uint8_t id)
{
    uint16_t offset = 0;
    return pci_each_capability(config, id, keep_first, &offset) ? offset : 0;
}

/* The size that a mask of writeable bits stands for (7.5.1.2.1); 0 when it is none. */
static uint64_t size_of(uint64_t mask)
{
    uint64_t size = ~mask + 1;
    bool power = size != 0 && (size & (size - 1)) == 0;
    return power ? size : 0;
}

static uint32_t probe(const struct registers *config, unsigned offset, uint32_t old)
{
    registers_write32(config, offset, UINT32_MAX);
    uint32_t mask = registers_read32(config, offset);
    registers_write32(config, offset, old);
    return mask;
}

/* Describes BAR `index`; returns how many registers it takes. */
static unsigned describe_bar(const struct registers *config, unsigned index, unsigned last,
                             struct pci_bar_info *bar)
{
    unsigned offset = BAR + 4 * index;
    uint32_t low = registers_read32(config, offset);
    uint32_t mask = probe(config, offset, low);
    if ((low & BAR_IS_PORTS) != 0) {
        /* Port addresses have 16 bits; devices may leave the upper ones of the mask clear. */
        bar->size = size_of(0xffffffffffff0000ull | (mask & 0xfffcu));
        bar->address = low & 0xfffcu;
        bar->kind = bar->size != 0 && bar->size <= 256 ? PCI_BAR_PORTS : PCI_BAR_NONE;
        return 1;
    }
    uint64_t all = 0xffffffff00000000ull | (mask & ~0xfu);
    bar->address = low & ~0xfu;
    bar->prefetchable = (low & BAR_PREFETCHABLE) != 0;
    bar->wide = (low & BAR_TYPE) == BAR_TYPE_64;
    unsigned taken = 1;
    if (bar->wide && index + 1 < last) {
        uint32_t high = registers_read32(config, offset + 4);
        bar->address |= (uint64_t)high << 32;
        all = (uint64_t)probe(config, offset + 4, high) << 32 | (mask & ~0xfu);
        taken = 2;
    } else if (bar->wide || (mask & ~0xfu) == 0) {
        all = 0; /* its upper half does not exist, or nothing of it can be written */
    }
    bar->size = all == 0 ? 0 : size_of(all);
    bool placed = bar->size >= 16 && bar->address % bar->size == 0 &&
                  bar->address + bar->size - 1 >= bar->address;
    bar->kind = placed ? PCI_BAR_MEMORY : PCI_BAR_NONE;
    return taken;
}

static void describe_bars(const struct registers *config, struct pci_info *info)
{
    unsigned last = info->bridge ? 2 : PCI_BAR_COUNT;
    uint16_t command = registers_read16(config, COMMAND);
    registers_write16(config, COMMAND, command & (uint16_t) ~(COMMAND_PORTS | COMMAND_MEMORY));
    for (unsigned i = 0; i < last;) {
        struct pci_bar_info bar = {0};
        unsigned taken = describe_bar(config, i, last, &bar);
        if (bar.kind != PCI_BAR_NONE)
            info->bar[i] = bar;
        i += taken;
    }
    registers_write16(config, COMMAND, command);
}

static bool inside_bar(const struct pci_info *info, unsigned bar, uint64_t offset, uint64_t size)
{
    return bar < PCI_BAR_COUNT && info->bar[bar].kind == PCI_BAR_MEMORY &&
           offset <= info->bar[bar].size && size <= info->bar[bar].size - offset;
}

static void describe_msix(const struct registers *config, struct pci_info *info)
{
    struct pci_msix_info msix = {.capability = find_capability(config, CAP_MSIX)};
    if (msix.capability == 0)
        return;
    uint32_t table = registers_read32(config, msix.capability + 4u);
    uint32_t pending = registers_read32(config, msix.capability + 8u);
    msix.vectors = (uint16_t)((registers_read16(config, msix.capability + 2u) & 0x7ffu) + 1u);
    msix.table_bar = table & 7;
    msix.table_offset = table & ~7u;
    msix.pending_bar = pending & 7;
    msix.pending_offset = pending & ~7u;
    if (inside_bar(info, msix.table_bar, msix.table_offset, (uint64_t)msix.vectors * MSIX_ENTRY) &&
        inside_bar(info, msix.pending_bar, msix.pending_offset, (msix.vectors + 63u) / 64 * 8))
        info->msix = msix;
}

bool pci_describe(const struct registers *config, uint16_t id, struct pci_info *info)
{
    memset(info, 0, sizeof(*info));
    info->id = id;
    info->vendor = registers_read16(config, VENDOR);
    if (info->vendor == 0xffff || info->vendor == 0)
        return false;
    info->device = registers_read16(config, DEVICE);
    uint32_t class_code = registers_read32(config, REVISION);
    info->revision = (uint8_t)class_code;
    info->class_code = class_code >> 8;
    uint8_t type = registers_read8(config, HEADER_TYPE) & 0x7f;
    info->bridge = type == 1;
    info->parent = PCI_NO_PARENT;
    info->port = PCI_PORT_CONVENTIONAL;
    if (type > 1)
        return true; /* CardBus or nonsense: known to be there, not described */
    info->interrupt_line = registers_read8(config, LINE);
    info->interrupt_pin = registers_read8(config, PIN);
    if (info->interrupt_pin > 4)
        info->interrupt_pin = 0;
    describe_bars(config, info);
    info->msi = find_capability(config, CAP_MSI);
    info->msi_wide = info->msi != 0 && (registers_read16(config, info->msi + 2u) & MSI_64) != 0;
    describe_msix(config, info);
    uint16_t express = find_capability(config, CAP_PCIE);
    if (express != 0)
        info->port = registers_read16(config, express + 2u) >> 4 & 15;
    if (info->bridge)
        bridge_describe(config, &info->behind);
    return true;
}

bool pci_overlap(const struct pci_info *a, const struct pci_info *b)
{
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        const struct pci_bar_info *x = &a->bar[i];
        for (unsigned j = 0; j < PCI_BAR_COUNT; j++) {
            const struct pci_bar_info *y = &b->bar[j];
            if (x->kind != PCI_BAR_MEMORY || y->kind != PCI_BAR_MEMORY || x->address == 0 ||
                y->address == 0)
                continue;
            if (x->address / PAGE <= (y->address + (y->size - 1)) / PAGE &&
                y->address / PAGE <= (x->address + (x->size - 1)) / PAGE)
                return true;
        }
    }
    return false;
}

void pci_enable(const struct registers *config, bool on)
{
    uint16_t command = registers_read16(config, COMMAND);
    uint16_t bits = COMMAND_MEMORY | COMMAND_MASTER;
    command = (uint16_t)(on ? command | bits : command & ~bits);
    registers_write16(config, COMMAND, command | COMMAND_INTX);
}

void pci_stop_master(const struct registers *config)
{
    uint16_t command = registers_read16(config, COMMAND);
    registers_write16(config, COMMAND, (uint16_t)(command & ~COMMAND_MASTER & 0xffffu));
    (void)registers_read16(config, COMMAND);
}

void pci_enable_msi(const struct registers *config, const struct pci_info *info, uint64_t address,
                    uint16_t data)
{
    if (info->msi == 0)
        return;
    unsigned at = info->msi;
    uint16_t control = registers_read16(config, at + 2);
    registers_write32(config, at + 4, (uint32_t)address);
    if (info->msi_wide)
        registers_write32(config, at + 8, (uint32_t)(address >> 32));
    registers_write16(config, at + (info->msi_wide ? 12u : 8u), data);
    registers_write16(config, at + 2, (uint16_t)((control & ~MSI_MULTIPLE & 0xffffu) | MSI_ENABLE));
}

bool pci_set_msix(const struct registers *bar, const struct pci_info *info, unsigned vector,
                  uint64_t address, uint32_t data)
{
    if (vector >= info->msix.vectors)
        return false;
    uint64_t entry = info->msix.table_offset + (uint64_t)vector * MSIX_ENTRY;
    registers_write32(bar, entry, (uint32_t)address);
    registers_write32(bar, entry + 4, (uint32_t)(address >> 32));
    registers_write32(bar, entry + 8, data);
    registers_write32(bar, entry + 12, 0);
    return true;
}

void pci_enable_msix(const struct registers *config, const struct pci_info *info)
{
    if (info->msix.capability == 0)
        return;
    uint16_t control = registers_read16(config, info->msix.capability + 2u);
    registers_write16(config, info->msix.capability + 2u,
                      (uint16_t)((control | MSIX_ENABLE) & ~MSIX_MASKED & 0xffffu));
}
