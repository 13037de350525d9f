/* SPDX-License-Identifier: BSD-2-Clause */
#include <pci/pci.h>

#define HEADER_TYPE     0x0e
#define HEADER_MULTIPLE 0x80u
#define DEVICES         32u
#define FUNCTIONS       8u
#define BUSES           256u

struct scan {
    const struct pci_ecam *ecam;
    struct pci_info *list;
    unsigned room;
    unsigned count;
    bool wanted[BUSES];
    uint16_t owner[BUSES]; /* the bridge, as its place in the list, whose range the bus is in */
};

/* The last bus that a bridge on a bus of this owner can lead to. */
static unsigned last_of(const struct scan *scan, uint16_t owner)
{
    return owner == PCI_NO_PARENT ? scan->ecam->last_bus : scan->list[owner].behind.subordinate;
}

/* Takes the bridge's buses for it if it may have them. */
static void follow(struct scan *scan, unsigned bus, unsigned number)
{
    struct pci_bridge_info *behind = &scan->list[number].behind;
    uint16_t owner = scan->owner[bus];
    unsigned last = last_of(scan, owner);
    /* What the machine's configuration space does not reach cannot be looked at. */
    if (owner == PCI_NO_PARENT && behind->subordinate > last)
        behind->subordinate = (uint8_t)last;
    if (behind->secondary <= bus || behind->subordinate < behind->secondary ||
        behind->subordinate > last)
        return;
    for (unsigned i = behind->secondary; i <= behind->subordinate; i++) {
        if (scan->owner[i] != owner)
            return;
    }
    for (unsigned i = behind->secondary; i <= behind->subordinate; i++)
        scan->owner[i] = (uint16_t)number;
    behind->leads = true;
    scan->wanted[behind->secondary] = true;
}

/* False: there is no function 0, so no other one. */
static bool look_at(struct scan *scan, unsigned bus, unsigned device, unsigned function)
{
    uint16_t id = pci_id(bus, device, function);
    struct registers config = pci_config(scan->ecam, id);
    struct pci_info info;
    if (!pci_describe(&config, id, &info))
        return false;
    if (scan->count == scan->room)
        return true;
    info.parent = scan->owner[bus];
    unsigned number = scan->count++;
    scan->list[number] = info;
    if (info.bridge)
        follow(scan, bus, number);
    return true;
}

static bool has_several(const struct scan *scan, unsigned bus, unsigned device)
{
    struct registers config = pci_config(scan->ecam, pci_id(bus, device, 0));
    return (registers_read8(&config, HEADER_TYPE) & HEADER_MULTIPLE) != 0;
}

unsigned pci_scan(const struct pci_ecam *ecam, struct pci_info *list, unsigned room)
{
    struct scan scan = {.ecam = ecam, .list = list, .room = room};
    for (unsigned bus = 0; bus < BUSES; bus++)
        scan.owner[bus] = PCI_NO_PARENT;
    scan.wanted[ecam->first_bus] = true;
    /* A bridge leads only to a higher bus, so one pass in ascending order visits each once. */
    for (unsigned bus = ecam->first_bus; bus <= ecam->last_bus; bus++) {
        for (unsigned device = 0; device < DEVICES && scan.wanted[bus]; device++) {
            if (!look_at(&scan, bus, device, 0) || !has_several(&scan, bus, device))
                continue;
            for (unsigned function = 1; function < FUNCTIONS; function++)
                (void)look_at(&scan, bus, device, function);
        }
    }
    return scan.count;
}
