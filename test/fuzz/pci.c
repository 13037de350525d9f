/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's PCI functions: ACPI's MCFG of any bytes, and configuration spaces of any bytes,
 * bridges among them that lead anywhere. What is found makes a tree, and each of it once.
 *
 * Input: length of the table (1 byte) and the table; then functions: bus and device-function (2
 * bytes) and the first 64 bytes of its configuration space, which keep what is written but for the
 * low bits of BARs; the rest of its space repeats the last 16 of them.
 */
#include <pci/mcfg.h>
#include <pci/pci.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/pci/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUNCTION 66u
#define HEADER   64u
#define MOST     48u
#define ROOM     32u
#define WINDOW   0x10000u
#define ACCESSES 4000000u

struct machine {
    unsigned count;
    unsigned accesses;
    uint8_t function[MOST][FUNCTION];
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static uint8_t *byte_at(struct machine *m, uint64_t offset)
{
    require(m->accesses++ < ACCESSES); /* it comes to an end */
    for (unsigned i = 0; i < m->count; i++) {
        if ((m->function[i][0] << 8 | m->function[i][1]) == (int)(offset >> 12)) {
            unsigned at = offset & 0xfff;
            return &m->function[i][2 + (at < HEADER ? at : HEADER - 16 + at % 16)];
        }
    }
    return NULL;
}

static uint64_t read(void *context, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        const uint8_t *byte = byte_at(context, offset + i);
        value |= (uint64_t)(byte == NULL ? 0xff : *byte) << (8 * i);
    }
    return value;
}

static void write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t *byte = byte_at(context, offset + i);
        unsigned at = (offset + i) & 0xfff;
        if (byte != NULL && at >= 0x11 && at < 0x28)
            *byte = (uint8_t)(value >> (8 * i));
    }
}

/* The driver has nothing of the table's pages, and nothing beyond its window. */
static void check_place(const struct pci_info *info, const struct place *place)
{
    uint64_t used = 0;
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        const struct place_range *range = &place->bar[i];
        if (range->size == 0)
            continue;
        require((range->physical | range->size | range->offset) % PLACE_PAGE == 0);
        require(range->offset == used && range->size <= WINDOW - used);
        used += range->size;
        require(place->offset[i] >= range->offset &&
                place->offset[i] + place->size[i] <= range->offset + range->size);
        require(place->size[i] <= info->bar[i].size);
        require(range->physical + range->size <= place->table.physical ||
                place->table.physical + place->table.size <= range->physical);
    }
}

static void check(const struct pci_info *list, unsigned count, const struct mcfg_area *area)
{
    for (unsigned i = 0; i < count; i++) {
        const struct pci_info *info = &list[i];
        unsigned bus = info->id >> 8;
        require(bus >= area->first_bus && bus <= area->last_bus);
        for (unsigned j = 0; j < i; j++)
            require(list[j].id != info->id);
        if (info->parent == PCI_NO_PARENT) {
            require(bus == area->first_bus);
        } else {
            require(info->parent < i);
            const struct pci_info *parent = &list[info->parent];
            require(parent->bridge && parent->behind.leads && parent->behind.secondary == bus);
            require(parent->behind.secondary > parent->id >> 8);
        }
        struct place place;
        if (place_plan(list, count, i, info->msix.capability != 0, WINDOW, &place) == PLACE_OK)
            check_place(info, &place);
        uint16_t requester = pci_requester(list, i);
        require(requester >> 8 <= area->last_bus);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct machine machine;
    static struct pci_info list[ROOM];
    struct mcfg_area area;
    if (size < 1)
        return 0;
    size_t length = data[0] < size - 1 ? data[0] : size - 1;
    uint8_t *table = malloc(length + 1); /* alone in its allocation */
    require(table != NULL);
    memcpy(table, data + 1, length);
    if (mcfg_find(table, length, &area) == MCFG_OK)
        require(area.first_bus == 0 && area.address % (1 << 20) == 0 &&
                area.address + (area.last_bus + 1ull) * (1 << 20) <= 1ull << 47);
    else
        area = (struct mcfg_area){.last_bus = 255};
    free(table);
    data += 1 + length;
    size -= 1 + length;
    machine.accesses = 0;
    for (machine.count = 0; machine.count < MOST && size >= FUNCTION; machine.count++) {
        memcpy(machine.function[machine.count], data, FUNCTION);
        data += FUNCTION;
        size -= FUNCTION;
    }
    const struct pci_ecam ecam = {.space = {.size = (area.last_bus + 1ull) << 20,
                                            .read = read,
                                            .write = write,
                                            .context = &machine},
                                  .last_bus = area.last_bus};
    unsigned count = pci_scan(&ecam, list, ROOM);
    require(count <= ROOM);
    check(list, count, &area);
    return 0;
}
