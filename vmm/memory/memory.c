/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/memory/memory.h"

#include <string.h>

#define FOUR_GIB 0x100000000ull

int memory_add(struct memory *memory, struct gpa start, uint64_t size, uint8_t *host)
{
    if (memory->count >= MEMORY_MAX_REGIONS)
        return MEMORY_ERROR_FULL;
    if (size == 0 || start.value + size < start.value)
        return MEMORY_ERROR_RANGE;
    for (unsigned i = 0; i < memory->count; i++) {
        const struct memory_region *other = &memory->region[i];
        if (start.value < other->start + other->size && other->start < start.value + size)
            return MEMORY_ERROR_RANGE;
    }
    memory->region[memory->count++] = (struct memory_region){start.value, size, host};
    return MEMORY_OK;
}

int memory_read(const struct memory *memory, struct gpa address, void *buffer, uint64_t size)
{
    const uint8_t *host = memory_at(memory, address, size);
    if (host == NULL)
        return MEMORY_ERROR_RANGE;
    memcpy(buffer, host, size);
    return MEMORY_OK;
}

int memory_write(const struct memory *memory, struct gpa address, const void *buffer, uint64_t size)
{
    uint8_t *host = memory_at(memory, address, size);
    if (host == NULL)
        return MEMORY_ERROR_RANGE;
    memcpy(host, buffer, size);
    return MEMORY_OK;
}

static uint64_t size_between(const struct memory *memory, uint64_t from, uint64_t to)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < memory->count; i++) {
        if (memory->region[i].start >= from && memory->region[i].start < to)
            size += memory->region[i].size;
    }
    return size;
}

uint64_t memory_low_size(const struct memory *memory)
{
    return size_between(memory, 0, FOUR_GIB);
}

uint64_t memory_high_size(const struct memory *memory)
{
    return size_between(memory, FOUR_GIB, UINT64_MAX);
}
