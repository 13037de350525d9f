/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A bus: an ordered list of address ranges and the device model behind each. One instance serves
 * ports, another memory-mapped registers. What nobody claims reads as all ones and swallows writes,
 * as on the real machine.
 */
#ifndef VMM_DEVICE_BUS_H
#define VMM_DEVICE_BUS_H

#include <stdbool.h>
#include <stdint.h>

#define BUS_MAX_RANGES 64

/*
 * A model's access functions. `offset` counts from the start of the range; size is a power of two
 * up to `widest` (1, 2, 4 or 8) and the access lies wholly inside the range, at any alignment. A
 * wider access is split into ascending ones of the widest size.
 */
struct bus_operations {
    uint64_t (*read)(void *device, uint64_t offset, unsigned size);
    void (*write)(void *device, uint64_t offset, unsigned size, uint64_t value);
    unsigned widest;
};

struct bus_range {
    uint64_t start;
    uint64_t size;
    const struct bus_operations *operations;
    void *device;
};

struct bus {
    struct bus_range range[BUS_MAX_RANGES]; /* by ascending start, not overlapping */
    unsigned count;
    unsigned last; /* index of the range that was found last */
};

enum bus_error {
    BUS_OK = 0,
    BUS_ERROR_FULL = -1,
    BUS_ERROR_OVERLAP = -2, /* empty, wrapping or overlapping range */
};

/* Claims [start, start + size) for the model. */
int bus_add(struct bus *bus, uint64_t start, uint64_t size, const struct bus_operations *operations,
            void *device);

/* Gives up the range that begins at `start`; nothing happens when there is none. */
void bus_remove(struct bus *bus, uint64_t start);

/* The range that holds `address`, or NULL. */
const struct bus_range *bus_find(struct bus *bus, uint64_t address);

/* Accesses of 1, 2, 4 or 8 bytes; one that leaves a range is unclaimed. */
uint64_t bus_read(struct bus *bus, uint64_t address, unsigned size);
/* false: unclaimed. */
bool bus_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value);

/* The low `size` bytes set. */
static inline uint64_t bus_mask(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (1ull << (size * 8)) - 1;
}

#endif
