/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "little.h"

enum { TAG_END = 0, TAG_MODULE = 3, TAG_MEMORY_MAP = 6 };

static uint8_t *append(struct machine *machine, uint32_t type, size_t size)
{
    uint8_t *at = machine->info + machine->info_used;

    if (size > sizeof machine->info - 8 - machine->info_used) {
        fprintf(stderr, "the test's information is full\n");
        exit(2);
    }
    store32(at, type);
    store32(at + 4, (uint32_t)size);
    machine->info_used += (size + 7) / 8 * 8;
    return at;
}

void machine_reset(struct machine *machine)
{
    uint8_t *at;

    if (!machine->memory)
        machine->memory = calloc(1, MACHINE_MEMORY);
    if (!machine->memory) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    memset(machine->info, 0, sizeof machine->info);
    machine->info_used = 8;
    /* Below the kernel's end, as GRUB does: those files have to be moved. */
    machine->next = 0x120000;
    at = append(machine, TAG_MEMORY_MAP, 16 + 2 * 24);
    store32(at + 8, 24);
    store64(at + 16, 0);
    store64(at + 24, 0x9f000);
    store32(at + 32, 1);
    store64(at + 40, 0x100000);
    store64(at + 48, MACHINE_MEMORY - 0x100000);
    store32(at + 56, 1);
}

void machine_tag(struct machine *machine, const char *name, uint32_t start, uint32_t end)
{
    uint8_t *at = append(machine, TAG_MODULE, 16 + strlen(name) + 1);

    store32(at + 8, start);
    store32(at + 12, end);
    memcpy(at + 16, name, strlen(name));
}

uint8_t *machine_add(struct machine *machine, const char *name, const uint8_t *data, size_t size)
{
    struct place_range loader = MACHINE_LOADER;
    uint64_t start = machine->next;

    if (start < loader.end && start + size > loader.start)
        start = loader.end;
    if (size > MACHINE_MEMORY - start) {
        fprintf(stderr, "%s is too big for the test\n", name);
        exit(2);
    }
    if (size != 0)
        memcpy(machine->memory + start, data, size);
    machine_tag(machine, name, (uint32_t)start, (uint32_t)(start + size));
    machine->next = (start + size + 4095) / 4096 * 4096;
    return machine->memory + start;
}

int machine_decide(struct machine *machine, const struct manifest_keys *roots,
                   const struct verify_floor *floor, struct decision *decision,
                   struct loader_failure *failure)
{
    static struct info info;
    struct pq_bytes data = {machine->info, machine->info_used + 8};
    uint8_t *end = machine->info + machine->info_used;

    store32(end, TAG_END);
    store32(end + 4, 8);
    store32(machine->info, (uint32_t)data.size);
    if (info_size(machine->info) != data.size)
        return failure_set(failure, LOADER_ERROR_INFO, NULL);
    if (info_parse(&info, data, failure))
        return failure->error;
    return decide(decision, &info, machine->memory, MACHINE_LOADER, roots, floor, NULL, failure);
}
