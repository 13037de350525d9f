/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/bus.h"

#include <stddef.h>

int bus_add(struct bus *bus, uint64_t start, uint64_t size, const struct bus_operations *operations,
            void *device)
{
    if (bus->count >= BUS_MAX_RANGES)
        return BUS_ERROR_FULL;
    if (size == 0 || start + size < start)
        return BUS_ERROR_OVERLAP;
    unsigned place = 0;
    while (place < bus->count && bus->range[place].start < start)
        place++;
    if (place > 0 && bus->range[place - 1].start + bus->range[place - 1].size > start)
        return BUS_ERROR_OVERLAP;
    if (place < bus->count && start + size > bus->range[place].start)
        return BUS_ERROR_OVERLAP;
    for (unsigned i = bus->count; i > place; i--)
        bus->range[i] = bus->range[i - 1];
    bus->range[place] = (struct bus_range){start, size, operations, device};
    bus->count++;
    return BUS_OK;
}

void bus_remove(struct bus *bus, uint64_t start)
{
    for (unsigned i = 0; i < bus->count; i++) {
        if (bus->range[i].start != start)
            continue;
        for (unsigned j = i + 1; j < bus->count; j++)
            bus->range[j - 1] = bus->range[j];
        bus->count--;
        return;
    }
}

static __attribute__((noinline)) const struct bus_range *search(struct bus *bus, uint64_t address)
{
    unsigned low = 0;
    unsigned high = bus->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct bus_range *range = &bus->range[middle];
        if (address < range->start)
            high = middle;
        else if (address - range->start >= range->size)
            low = middle + 1;
        else {
            bus->last = middle;
            return range;
        }
    }
    return NULL;
}

const struct bus_range *bus_find(struct bus *bus, uint64_t address)
{
    /* Accesses come in runs, to one device. */
    const struct bus_range *found = &bus->range[bus->last];
    if (bus->last < bus->count && address - found->start < found->size)
        return found;
    return search(bus, address);
}

uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size)
{
    const struct bus_range *range = bus_find(bus, address);
    if (range == NULL || size > range->size - (address - range->start))
        return bus_mask(size);
    const struct bus_operations *operations = range->operations;
    uint64_t offset = address - range->start;
    if (size <= operations->widest)
        return operations->read(range->device, offset, size) & bus_mask(size);
    uint64_t value = 0;
    for (unsigned done = 0; done < size; done += operations->widest) {
        uint64_t part = operations->read(range->device, offset + done, operations->widest);
        value |= (part & bus_mask(operations->widest)) << (done * 8);
    }
    return value;
}

/* Copies of the range's parts: a write may move or remove it (a PCI BAR). */
static __attribute__((noinline)) void write_parts(struct bus_range range, uint64_t offset,
                                                  unsigned size, uint64_t value)
{
    unsigned widest = range.operations->widest;
    for (unsigned done = 0; done < size; done += widest)
        range.operations->write(range.device, offset + done, widest,
                                (value >> (done * 8)) & bus_mask(widest));
}

bool bus_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value)
{
    const struct bus_range *range = bus_find(bus, address);
    uint64_t offset;
    if (range == NULL || size > range->size - (offset = address - range->start))
        return false;
    if (size <= range->operations->widest)
        range->operations->write(range->device, offset, size, value & bus_mask(size));
    else
        write_parts(*range, offset, size, value);
    return true;
}
