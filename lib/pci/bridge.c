/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PCI-to-PCI Bridge Architecture Specification 1.2, section 3.2.5; PCIe 5.0, section 7.5.1.3.
 */
#include "bridge.h"

#define SECONDARY          0x19
#define SUBORDINATE        0x1a
#define MEMORY_BASE        0x20
#define MEMORY_LIMIT       0x22
#define PREFETCHABLE_BASE  0x24
#define PREFETCHABLE_LIMIT 0x26
#define UPPER_BASE         0x28
#define UPPER_LIMIT        0x2c
#define WIDE               1u /* in the low bits of the base: the upper registers count */

/* Bits 31 to 20 of an address; the limit's lower bits are ones. */
static struct pci_window window(uint16_t base, uint16_t limit)
{
    return (struct pci_window){.first = (uint64_t)(base & 0xfff0u) << 16,
                               .last = (uint64_t)(limit & 0xfff0u) << 16 | 0xfffff};
}

void bridge_describe(const struct registers *config, struct pci_bridge_info *behind)
{
    behind->leads = false;
    behind->secondary = registers_read8(config, SECONDARY);
    behind->subordinate = registers_read8(config, SUBORDINATE);
    behind->window[0] =
        window(registers_read16(config, MEMORY_BASE), registers_read16(config, MEMORY_LIMIT));
    uint16_t base = registers_read16(config, PREFETCHABLE_BASE);
    behind->window[1] = window(base, registers_read16(config, PREFETCHABLE_LIMIT));
    if ((base & 15) == WIDE) {
        behind->window[1].first |= (uint64_t)registers_read32(config, UPPER_BASE) << 32;
        behind->window[1].last |= (uint64_t)registers_read32(config, UPPER_LIMIT) << 32;
    }
}

static bool passes(const struct pci_bridge_info *behind, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < 2; i++) {
        if (behind->window[i].first <= first && last <= behind->window[i].last)
            return true;
    }
    return false;
}

static bool overlaps(const struct pci_bridge_info *behind, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct pci_window *window = &behind->window[i];
        if (window->first <= window->last && window->first <= last && first <= window->last)
            return true;
    }
    return false;
}

/* Each parent stands before its children, so this ends. */
static bool is_above(const struct pci_info *list, unsigned number, unsigned bridge)
{
    unsigned at = list[number].parent;
    while (at != PCI_NO_PARENT && at != bridge)
        at = list[at].parent;
    return at == bridge;
}

bool pci_reached(const struct pci_info *list, unsigned count, unsigned number, unsigned bar)
{
    const struct pci_bar_info *wanted = &list[number].bar[bar];
    uint64_t last = wanted->address + (wanted->size - 1);
    for (unsigned i = 0; i < count; i++) {
        const struct pci_bridge_info *behind = &list[i].behind;
        if (!list[i].bridge)
            continue;
        bool right = is_above(list, number, i) ? passes(behind, wanted->address, last)
                                               : !overlaps(behind, wanted->address, last);
        if (!right)
            return false;
    }
    return true;
}

uint16_t pci_requester(const struct pci_info *list, unsigned number)
{
    uint16_t id = list[number].id;
    for (unsigned at = list[number].parent; at != PCI_NO_PARENT; at = list[at].parent) {
        if (list[at].port == PCI_PORT_TO_CONVENTIONAL)
            id = pci_id(list[at].behind.secondary, 0, 0);
        else if (list[at].port == PCI_PORT_FROM_CONVENTIONAL ||
                 list[at].port == PCI_PORT_CONVENTIONAL)
            id = list[at].id;
    }
    return id;
}
