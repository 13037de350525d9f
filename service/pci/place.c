/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/pci/place.h"

#include <string.h>

#define MSIX_ENTRY 16u

static uint64_t page_of(uint64_t address)
{
    return address & ~(uint64_t)(PLACE_PAGE - 1);
}

static int plan_table(const struct pci_info *info, uint64_t bar, struct place *place)
{
    uint64_t first = bar + info->msix.table_offset;
    uint64_t end = first + (uint64_t)info->msix.vectors * MSIX_ENTRY;
    place->table = (struct place_range){.physical = page_of(first),
                                        .size = page_of(end + PLACE_PAGE - 1) - page_of(first)};
    place->table_offset = (uint32_t)(first - page_of(first));
    return place->table.size <= PLACE_TABLE_PAGES * PLACE_PAGE ? PLACE_OK : PLACE_ERROR_ROOM;
}

/* One BAR behind `at` in the window; the new `at`, or an error. */
static int64_t plan_bar(const struct pci_info *info, unsigned index, bool has_table, uint64_t at,
                        uint64_t window, struct place *place)
{
    const struct pci_bar_info *bar = &info->bar[index];
    uint64_t first = page_of(bar->address);
    uint64_t end = bar->address + bar->size;
    if (has_table) {
        int error = plan_table(info, bar->address, place);
        if (error != PLACE_OK)
            return error;
        end = place->table.physical < bar->address ? bar->address : place->table.physical;
    }
    if (end == bar->address)
        return (int64_t)at;
    uint64_t size = page_of(end + PLACE_PAGE - 1) - first;
    if (size > window || at > window - size)
        return PLACE_ERROR_ROOM;
    place->bar[index] = (struct place_range){first, size, (uint32_t)at};
    place->offset[index] = (uint32_t)(at + (bar->address - first));
    place->size[index] = (uint32_t)(end - bar->address);
    return (int64_t)(at + size);
}

int place_plan(const struct pci_info *list, unsigned count, unsigned number, bool uses_msix,
               uint64_t window, struct place *place)
{
    const struct pci_info *info = &list[number];
    int64_t at = 0;
    memset(place, 0, sizeof(*place));
    for (unsigned i = 0; i < count; i++) {
        if (i != number && pci_overlap(info, &list[i]))
            return PLACE_ERROR_OVERLAP;
    }
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        bool has_table = uses_msix && info->msix.table_bar == i;
        if (info->bar[i].kind != PCI_BAR_MEMORY || info->bar[i].address == 0)
            continue;
        if (!pci_reached(list, count, number, i))
            return PLACE_ERROR_REACH;
        at = plan_bar(info, i, has_table, (uint64_t)at, window, place);
        if (at < 0)
            return (int)at;
    }
    /* Two BARs of the device itself in one page: the table's page is this service's alone. */
    for (unsigned i = 0; i < PCI_BAR_COUNT && place->table.size != 0; i++) {
        const struct place_range *range = &place->bar[i];
        if (range->size != 0 && range->physical < place->table.physical + place->table.size &&
            place->table.physical < range->physical + range->size)
            return PLACE_ERROR_OVERLAP;
    }
    return uses_msix && place->table.size == 0 ? PLACE_ERROR_REACH : PLACE_OK;
}
