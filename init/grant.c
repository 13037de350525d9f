/* SPDX-License-Identifier: BSD-2-Clause */
#include "grant.h"

#include "dma.h"
#include "lend.h"

enum { MAX_GRANTS = 32 };

static struct {
    uint16_t device;
    uint32_t region;
} grants[MAX_GRANTS];
static unsigned count;

static bool maps(const struct system_table *t, unsigned component, uint32_t region)
{
    bool found = false;

    for (uint32_t i = 0; i < t->map_count; i++) {
        found = found || (t->maps[i].domain == component && t->maps[i].region == region);
    }
    return found;
}

static bool is_device_of(const struct system_table *t, unsigned component, uint16_t device)
{
    bool found = false;

    for (unsigned i = 0; i < count; i++) {
        found = found || (grants[i].device == device && maps(t, component, grants[i].region));
    }
    return found;
}

/* The connection by which machines lend memory to the component, or NULL. */
static const struct connection *lending_to(const struct system *s, unsigned component)
{
    for (unsigned kind = 0; kind < CONNECTION_KINDS; kind++) {
        const struct connection *c = &s->connection[kind];
        if (c->record && c->service == component && connection_lends(c)) {
            return c;
        }
    }
    return NULL;
}

seL4_Error grant_memory(const struct system *s, const struct region *regions, uint32_t number,
                        uint16_t device, struct arena *arena)
{
    if (count == MAX_GRANTS) {
        return seL4_NotEnoughMemory;
    }
    seL4_Error error = dma_map(&regions[number], device, arena);
    for (unsigned i = 0; i < s->table.domain_count && error == seL4_NoError; i++) {
        const struct connection *c = lending_to(s, i);
        /* Several devices behind some bridges are one for the IOMMU. */
        if (c && maps(&s->table, i, number) && !is_device_of(&s->table, i, device)) {
            error = dma_map(c->region, device, arena);
        }
    }
    if (error == seL4_NoError) {
        grants[count].device = device;
        grants[count++].region = number;
    }
    return error;
}

bool grant_drives_disks(const struct system *s, unsigned component)
{
    return lending_to(s, component) != NULL;
}

seL4_Error grant_lend(const struct system *s, unsigned component, seL4_Word slot, seL4_Word device,
                      struct arena *arena)
{
    const struct connection *c = lending_to(s, component);

    if (!c || device > UINT16_MAX || slot >= c->slots ||
        !is_device_of(&s->table, component, (uint16_t)device)) {
        return seL4_InvalidArgument;
    }
    return connection_lend(c, (unsigned)slot, (uint16_t)device,
                           dma_is_confined() ? dma_space((uint16_t)device, arena) : 0);
}

void grant_end(const struct system *s, unsigned component)
{
    const struct connection *c = lending_to(s, component);

    if (c) {
        lend_end_kind(c->record->kind);
    }
}
