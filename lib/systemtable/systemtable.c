/* SPDX-License-Identifier: BSD-2-Clause */
#include "systemtable.h"

#include <stdbool.h>
#include <string.h>

enum { PAGE_BITS = 12, LARGE_PAGE_BITS = 21 };
#define PAGE (1ull << PAGE_BITS)

struct section {
    uint32_t offset, count;
};

enum section_kind {
    SECTION_REGION,
    SECTION_DOMAIN,
    SECTION_MAP,
    SECTION_CHANNEL,
    SECTION_IRQ,
    SECTION_PORT,
    SECTION_TIMER,
    SECTION_LOG,
    SECTION_MACHINES,
    SECTION_PATCH,
    SECTION_CONNECTION,
    SECTION_DMA,
    SECTION_FOUND,
    SECTION_COUNT,
};

struct header {
    uint8_t magic[8];
    uint32_t size;
    uint32_t section_count;
    struct section sections[SECTION_COUNT];
};

static const struct kind {
    uint32_t size, max;
} kinds[SECTION_COUNT] = {
    [SECTION_REGION] = {sizeof(struct system_region), SYSTEM_MAX_REGIONS},
    [SECTION_DOMAIN] = {sizeof(struct system_domain), SYSTEM_MAX_DOMAINS},
    [SECTION_MAP] = {sizeof(struct system_map), SYSTEM_MAX_RECORDS},
    [SECTION_CHANNEL] = {sizeof(struct system_channel), SYSTEM_MAX_RECORDS},
    [SECTION_IRQ] = {sizeof(struct system_irq), SYSTEM_MAX_RECORDS},
    [SECTION_PORT] = {sizeof(struct system_port), SYSTEM_MAX_RECORDS},
    [SECTION_TIMER] = {sizeof(struct system_timer), SYSTEM_MAX_RECORDS},
    [SECTION_LOG] = {sizeof(struct system_log), 1},
    [SECTION_MACHINES] = {sizeof(struct system_machines), 1},
    [SECTION_PATCH] = {sizeof(struct system_patch), SYSTEM_MAX_RECORDS},
    [SECTION_CONNECTION] = {sizeof(struct system_connection), SYSTEM_MAX_CONNECTIONS},
    [SECTION_DMA] = {sizeof(struct system_dma), SYSTEM_MAX_RECORDS},
    [SECTION_FOUND] = {sizeof(struct system_found), SYSTEM_MAX_RECORDS},
};

static bool name_is_valid(const char *name, size_t size)
{
    return name[0] != 0 && name[size - 1] == 0;
}

static bool region_is_valid(const struct system_region *r)
{
    uint64_t mask;

    if (r->page_bits != PAGE_BITS && r->page_bits != LARGE_PAGE_BITS) {
        return false;
    }
    mask = (1ull << r->page_bits) - 1;
    if (r->flags > SYSTEM_REGION_FOUND ||
        (r->flags == SYSTEM_REGION_FOUND &&
         (r->physical != SYSTEM_NO_PHYSICAL || r->size >> r->page_bits > SYSTEM_MAX_FOUND)) ||
        (r->flags == SYSTEM_REGION_CONTIGUOUS &&
         (r->page_bits != PAGE_BITS || r->physical != SYSTEM_NO_PHYSICAL ||
          r->size > 1u << LARGE_PAGE_BITS || (r->size & (r->size - 1)) != 0))) {
        return false;
    }
    return name_is_valid(r->name, sizeof(r->name)) && r->size > 0 && r->size <= SYSTEM_MAX_REGION &&
           (r->size & mask) == 0 &&
           (r->physical == SYSTEM_NO_PHYSICAL ||
            ((r->physical & mask) == 0 && r->physical < 1ull << 52));
}

static bool domain_is_valid(const struct system_domain *d)
{
    return name_is_valid(d->name, sizeof(d->name)) &&
           name_is_valid(d->program, sizeof(d->program)) && d->budget_us >= 100 &&
           d->budget_us <= d->period_us && d->period_us <= 60000000 && d->priority < 255 &&
           d->core < SYSTEM_MAX_CORES && (d->flags & ~(uint32_t)SYSTEM_DOMAIN_SERVES) == 0 &&
           (d->patience == 0) == (d->watch == 0) && d->watch <= SYSTEM_MAX_ID + 1 &&
           !(d->restarts != 0 && (d->flags & SYSTEM_DOMAIN_SERVES) != 0);
}

static bool map_is_valid(const struct system_table *t, const struct system_map *m)
{
    if (m->domain >= t->domain_count || m->region >= t->region_count || m->flags > 7) {
        return false;
    }
    const struct system_region *r = &t->regions[m->region];
    uint64_t mask = (1ull << r->page_bits) - 1;
    return m->size > 0 && m->offset <= r->size && m->size <= r->size - m->offset &&
           ((m->offset | m->size | m->address) & mask) == 0 &&
           m->address >= SYSTEM_LOWEST_MAPPING && m->address < SYSTEM_HIGHEST_MAPPING &&
           m->size <= SYSTEM_HIGHEST_MAPPING - m->address;
}

static bool end_is_valid(const struct system_table *t, const struct system_end *e)
{
    return e->domain < t->domain_count && e->id <= SYSTEM_MAX_ID && e->flags <= 3;
}

static bool channel_is_valid(const struct system_table *t, const struct system_channel *c)
{
    return end_is_valid(t, &c->end[0]) && end_is_valid(t, &c->end[1]) &&
           c->end[0].domain != c->end[1].domain;
}

static bool irq_is_valid(const struct system_table *t, const struct system_irq *i)
{
    return i->domain < t->domain_count && i->id <= SYSTEM_MAX_ID && i->flags <= 7;
}

static bool port_is_valid(const struct system_table *t, const struct system_port *p)
{
    return p->domain < t->domain_count && p->id <= SYSTEM_MAX_ID && p->first <= p->last &&
           p->last <= 0xffff;
}

/* Ordinary memory in small pages, which init fills itself. */
static bool is_plain(const struct system_table *t, uint32_t region, uint64_t least)
{
    return region < t->region_count && t->regions[region].page_bits == PAGE_BITS &&
           t->regions[region].physical == SYSTEM_NO_PHYSICAL &&
           t->regions[region].flags != SYSTEM_REGION_FOUND && t->regions[region].size >= least;
}

static bool log_is_valid(const struct system_table *t, const struct system_log *l)
{
    uint64_t count = 1ull + t->domain_count;

    return l->domain < t->domain_count && l->slice >= PAGE && l->slice % PAGE == 0 &&
           l->slice <= SYSTEM_MAX_REGION && is_plain(t, l->region, PAGE + count * l->slice) &&
           l->first_id + count - 1 <= SYSTEM_MAX_ID;
}

static bool machines_are_valid(const struct system_table *t, const struct system_machines *m)
{
    return m->slots >= 1 && m->slots <= SYSTEM_MAX_MACHINES && m->priority < 255 &&
           m->console < t->domain_count &&
           is_plain(t, m->rings, (uint64_t)m->slots * SYSTEM_MACHINE_SLICE) &&
           is_plain(t, m->table, PAGE) && t->regions[m->table].size == PAGE &&
           is_plain(t, m->commands, PAGE) && t->regions[m->commands].size == PAGE &&
           m->first_id <= SYSTEM_MAX_ID && m->slots <= SYSTEM_MAX_ID + 1 - m->first_id &&
           m->id <= SYSTEM_MAX_ID;
}

static bool connection_is_valid(const struct system_table *t, const struct system_connection *c)
{
    const struct system_machines *m = t->machines;

    if (!m || c->kind >= SYSTEM_MAX_CONNECTIONS || c->domain >= t->domain_count ||
        c->region >= t->region_count || c->first_id > SYSTEM_MAX_ID ||
        m->slots > SYSTEM_MAX_ID + 1 - c->first_id || !is_plain(t, c->table, m->slots * PAGE) ||
        t->regions[c->table].size != m->slots * PAGE) {
        return false;
    }
    const struct system_region *r = &t->regions[c->region];
    return r->physical == SYSTEM_NO_PHYSICAL && r->flags != SYSTEM_REGION_FOUND &&
           c->slice >= 2 * PAGE && (c->slice & ((1ull << r->page_bits) - 1)) == 0 &&
           (uint64_t)c->slice * m->slots <= r->size;
}

static bool patch_is_valid(const struct system_table *t, const struct system_patch *p)
{
    if (p->size == (8 | SYSTEM_PATCH_PHYSICAL)) {
        return p->domain < t->domain_count && p->address % 8 == 0 && p->value < t->region_count &&
               (t->regions[p->value].flags == SYSTEM_REGION_CONTIGUOUS ||
                (t->regions[p->value].flags == 0 && t->regions[p->value].page_bits == 21 &&
                 t->regions[p->value].size == 1u << 21));
    }
    return p->domain < t->domain_count &&
           (p->size == 1 || p->size == 2 || p->size == 4 || p->size == 8) &&
           p->address % p->size == 0;
}

static const char *check(const struct system_table *t)
{
    for (uint32_t i = 0; i < t->region_count; i++) {
        if (!region_is_valid(&t->regions[i])) {
            return "a region";
        }
    }
    for (uint32_t i = 0; i < t->domain_count; i++) {
        if (!domain_is_valid(&t->domains[i])) {
            return "a domain";
        }
    }
    for (uint32_t i = 0; i < t->map_count; i++) {
        if (!map_is_valid(t, &t->maps[i])) {
            return "a map";
        }
    }
    for (uint32_t i = 0; i < t->channel_count; i++) {
        if (!channel_is_valid(t, &t->channels[i])) {
            return "a channel";
        }
    }
    for (uint32_t i = 0; i < t->irq_count; i++) {
        if (!irq_is_valid(t, &t->irqs[i])) {
            return "an interrupt";
        }
    }
    for (uint32_t i = 0; i < t->port_count; i++) {
        if (!port_is_valid(t, &t->ports[i])) {
            return "a range of ports";
        }
    }
    for (uint32_t i = 0; i < t->timer_count; i++) {
        if (t->timers[i].domain >= t->domain_count || t->timers[i].id > SYSTEM_MAX_ID) {
            return "a timer";
        }
    }
    for (uint32_t i = 0; i < t->patch_count; i++) {
        if (!patch_is_valid(t, &t->patches[i])) {
            return "a variable";
        }
    }
    for (uint32_t i = 0; i < t->dma_count; i++) {
        const struct system_dma *d = &t->dmas[i];
        if (d->domain >= t->domain_count || d->id > 15 || d->region >= t->region_count ||
            t->regions[d->region].flags != SYSTEM_REGION_CONTIGUOUS) {
            return "memory for a device";
        }
    }
    for (uint32_t i = 0; i < t->found_count; i++) {
        const struct system_found *f = &t->founds[i];
        if (f->domain >= t->domain_count || f->id > 15 || f->region >= t->region_count ||
            t->regions[f->region].flags != SYSTEM_REGION_FOUND) {
            return "memory of a device";
        }
    }
    if (t->log && !log_is_valid(t, t->log)) {
        return "the log";
    }
    if (t->machines && !machines_are_valid(t, t->machines)) {
        return "the machines";
    }
    uint32_t kinds = 0;
    for (uint32_t i = 0; i < t->connection_count; i++) {
        const struct system_connection *c = &t->connections[i];
        if (!connection_is_valid(t, c) || (kinds >> c->kind & 1) != 0) {
            return "a connection";
        }
        kinds |= 1u << c->kind;
    }
    return NULL;
}

int systemtable_open(const void *data, size_t size, struct system_table *table, const char **reason)
{
    const uint8_t *bytes = data;
    const void *at[SECTION_COUNT];
    struct header h;

    *reason = "its header";
    if (size < sizeof(h) || ((uintptr_t)data & 7) != 0) {
        return -1;
    }
    memcpy(&h, data, sizeof(h));
    if (memcmp(h.magic, "QSYSTEM1", 8) != 0 || h.size != size || h.section_count != SECTION_COUNT) {
        return -1;
    }
    for (unsigned i = 0; i < SECTION_COUNT; i++) {
        const struct section *s = &h.sections[i];
        if (s->count > kinds[i].max || s->offset > size || s->offset % 4 != 0 ||
            s->count * kinds[i].size > size - s->offset) {
            *reason = "the place of a section";
            return -1;
        }
        at[i] = bytes + s->offset;
        /* Records with 8-byte words stand on 8-byte boundaries. */
        if (s->count != 0 && kinds[i].size % 8 == 0 && s->offset % 8 != 0) {
            return -1;
        }
    }
    *table = (struct system_table){
        .regions = at[SECTION_REGION],
        .domains = at[SECTION_DOMAIN],
        .maps = at[SECTION_MAP],
        .channels = at[SECTION_CHANNEL],
        .irqs = at[SECTION_IRQ],
        .ports = at[SECTION_PORT],
        .timers = at[SECTION_TIMER],
        .log = h.sections[SECTION_LOG].count ? at[SECTION_LOG] : NULL,
        .machines = h.sections[SECTION_MACHINES].count ? at[SECTION_MACHINES] : NULL,
        .patches = at[SECTION_PATCH],
        .connections = at[SECTION_CONNECTION],
        .dmas = at[SECTION_DMA],
        .founds = at[SECTION_FOUND],
        .region_count = h.sections[SECTION_REGION].count,
        .domain_count = h.sections[SECTION_DOMAIN].count,
        .map_count = h.sections[SECTION_MAP].count,
        .channel_count = h.sections[SECTION_CHANNEL].count,
        .irq_count = h.sections[SECTION_IRQ].count,
        .port_count = h.sections[SECTION_PORT].count,
        .timer_count = h.sections[SECTION_TIMER].count,
        .patch_count = h.sections[SECTION_PATCH].count,
        .connection_count = h.sections[SECTION_CONNECTION].count,
        .dma_count = h.sections[SECTION_DMA].count,
        .found_count = h.sections[SECTION_FOUND].count,
    };
    *reason = check(table);
    return *reason ? -1 : 0;
}
