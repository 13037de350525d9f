/* SPDX-License-Identifier: BSD-2-Clause */
#include <pci/mcfg.h>
#include <stdbool.h>
#include <string.h>

#define HEADER   44u /* the header of all tables, and 8 reserved bytes */
#define ENTRY    16u
#define BUS_SIZE (1ull << 20)
#define TOP      (1ull << 47)

static uint64_t load(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* The address in the table is bus 0's, whichever bus is the first. */
static bool read_entry(const uint8_t *entry, struct mcfg_area *area)
{
    uint64_t base = load(entry, 8);
    *area = (struct mcfg_area){.address = base, .first_bus = entry[10], .last_bus = entry[11]};
    return load(entry + 8, 2) == 0 && area->first_bus == 0 && base != 0 && base % BUS_SIZE == 0 &&
           base <= TOP - (area->last_bus + 1ull) * BUS_SIZE;
}

int mcfg_find(const uint8_t *table, size_t size, struct mcfg_area *area)
{
    if (size < HEADER || memcmp(table, "MCFG", 4) != 0)
        return MCFG_ERROR_TABLE;
    uint64_t length = load(table + 4, 4);
    if (length > size)
        length = size;
    for (uint64_t at = HEADER; at + ENTRY <= length; at += ENTRY) {
        if (read_entry(table + at, area))
            return MCFG_OK;
    }
    return MCFG_ERROR_ABSENT;
}
