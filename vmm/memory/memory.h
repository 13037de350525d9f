/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The guest-physical memory map: which guest-physical addresses are RAM and where that RAM stands
 * in the VMM's address space. Every access is checked; what is not RAM is refused. The guest
 * changes this memory at any time, so callers read a value once and then check what they read.
 */
#ifndef VMM_MEMORY_MEMORY_H
#define VMM_MEMORY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A guest-physical address. */
struct gpa {
    uint64_t value;
};

static inline struct gpa gpa(uint64_t value)
{
    return (struct gpa){value};
}

#define MEMORY_MAX_REGIONS 4

struct memory_region {
    uint64_t start;
    uint64_t size;
    uint8_t *host;
};

struct memory {
    struct memory_region region[MEMORY_MAX_REGIONS];
    unsigned count;
};

enum memory_error {
    MEMORY_OK = 0,
    MEMORY_ERROR_RANGE = -1, /* not, or not wholly, RAM */
    MEMORY_ERROR_FULL = -2,  /* no room for a further region */
};

/* Adds RAM at [start, start + size); it must not overlap or wrap. The map does not own `host`. */
int memory_add(struct memory *memory, struct gpa start, uint64_t size, uint8_t *host);

/* The region that an address lies in, or NULL. */
static inline const struct memory_region *memory_region_of(const struct memory *memory,
                                                           struct gpa address)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct memory_region *region = &memory->region[i];
        if (address.value - region->start < region->size)
            return region;
    }
    return NULL;
}

/* The VMM's pointer to `size` bytes of RAM at `address`, or NULL when they are not all in one
 * region. */
static inline uint8_t *memory_at(const struct memory *memory, struct gpa address, uint64_t size)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct memory_region *region = &memory->region[i];
        uint64_t offset = address.value - region->start;
        if (address.value >= region->start && offset < region->size &&
            size <= region->size - offset)
            return region->host + offset;
    }
    return NULL;
}

/* Copies between RAM and a buffer; nothing is copied on error. */
int memory_read(const struct memory *memory, struct gpa address, void *buffer, uint64_t size);
int memory_write(const struct memory *memory, struct gpa address, const void *buffer,
                 uint64_t size);

/* One aligned 64-bit load. */
static inline int memory_read64(const struct memory *memory, struct gpa address, uint64_t *value)
{
    const uint8_t *host = memory_at(memory, gpa(address.value & ~7ull), sizeof(*value));
    if (host == NULL)
        return MEMORY_ERROR_RANGE;
    /* Not a call where the compiler takes memcpy for any function. */
    __builtin_memcpy(value, host, sizeof(*value));
    return MEMORY_OK;
}

/* Bytes of RAM below and from 4 GiB. */
uint64_t memory_low_size(const struct memory *memory);
uint64_t memory_high_size(const struct memory *memory);

#endif
