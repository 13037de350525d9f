/* SPDX-License-Identifier: BSD-2-Clause */
#include "system.h"

#include <string.h>
#include <component/layout.h>
#include <component/log.h>
#include <machines/machines.h>
#include <rt/log.h>

#include "badge.h"
#include "component.h"
#include "grant.h"
#include "journal.h"
#include "window.h"

enum { PAGE = 4096, SLOT_BITS = 15 };

_Static_assert((int)SYSTEM_MAX_CONNECTIONS == (int)CONNECTION_KINDS, "each kind has its place");
_Static_assert(MACHINE_SLICE_SIZE == SYSTEM_MACHINE_SLICE, "the composer reserves the slices");

static struct arena arena;
static struct region regions[SYSTEM_MAX_REGIONS];
static struct component components[SYSTEM_MAX_DOMAINS];

uint64_t system_physical(uint32_t region)
{
    seL4_X86_Page_GetAddress_t place = seL4_X86_Page_GetAddress(regions[region].first);

    return place.error == seL4_NoError ? place.paddr : 0;
}

static seL4_Error make_memory(const struct system_table *t)
{
    seL4_Error error = seL4_NoError;

    for (uint32_t i = 0; i < t->region_count && error == seL4_NoError; i++) {
        error = region_make(&regions[i], &t->regions[i], &arena);
        if (error != seL4_NoError) {
            log_error("no memory for %s", t->regions[i].name);
        }
    }
    return error;
}

static seL4_Error make_maps(const struct system_table *t, unsigned number)
{
    seL4_Error error = seL4_NoError;

    for (uint32_t i = 0; i < t->map_count && error == seL4_NoError; i++) {
        const struct system_map *m = &t->maps[i];
        if (m->domain != number) {
            continue;
        }
        error = region_map(&regions[m->region], &components[m->domain].space, m->offset, m->size,
                           m->address, (m->flags & SYSTEM_MAP_WRITE) != 0,
                           (m->flags & SYSTEM_MAP_UNCACHED) == 0);
    }
    return error;
}

/* What end may do to its peer: a signal with the peer's bit, or a call with the peer's number. */
static seL4_Error connect(const struct system_end *end, const struct system_end *peer)
{
    struct component *from = &components[end->domain];
    struct component *to = &components[peer->domain];
    seL4_Error error = seL4_NoError;

    if (end->flags & SYSTEM_END_NOTIFY) {
        error = component_give(from, COMPONENT_SLOT_NOTIFY + end->id, to->notification,
                               seL4_CanWrite, 1ull << peer->id);
    }
    if (error == seL4_NoError && (end->flags & SYSTEM_END_CALL)) {
        error = component_give(from, COMPONENT_SLOT_CALL + end->id, to->endpoint,
                               seL4_CapRights_new(1, 0, 0, 1), COMPONENT_BADGE_CALL | peer->id);
    }
    return error;
}

static seL4_Error make_channels(const struct system_table *t)
{
    seL4_Error error = seL4_NoError;

    for (uint32_t i = 0; i < t->channel_count && error == seL4_NoError; i++) {
        const struct system_channel *c = &t->channels[i];
        error = connect(&c->end[0], &c->end[1]);
        if (error == seL4_NoError) {
            error = connect(&c->end[1], &c->end[0]);
        }
    }
    return error;
}

/* A component's slice of the log. */
static seL4_Error map_log(const struct system_table *t, unsigned number)
{
    const struct system_log *log = t->log;
    struct component *c = &components[number];

    if (!log) {
        return seL4_NoError;
    }
    c->info->log_address = COMPONENT_LOG_ADDRESS;
    c->info->log_size = log->slice;
    return region_map(&regions[log->region], &c->space, PAGE + (uint64_t)log->slice * (number + 1),
                      log->slice, COMPONENT_LOG_ADDRESS, true, true);
}

/* Names, slices and wake-ups of the log: slice 0 is init's, slice i + 1 component i's. */
static seL4_Error make_log(const struct system_table *t)
{
    const struct system_log *log = t->log;

    if (!log) {
        return seL4_NoError;
    }
    const struct region *region = &regions[log->region];
    struct component *reader = &components[log->domain];
    struct log_directory *directory = (struct log_directory *)WINDOW_LOG;
    seL4_Error error = region_map(region, space_of_init(&arena), 0, PAGE + (uint64_t)log->slice,
                                  WINDOW_LOG, true, true);
    if (error != seL4_NoError) {
        return error;
    }
    *directory = (struct log_directory){.count = t->domain_count + 1, .slice = log->slice};
    memcpy(directory->name[0], "quoin init", 11);
    for (uint32_t i = 0; i < t->domain_count && error == seL4_NoError; i++) {
        struct component *c = &components[i];
        memcpy(directory->name[i + 1], c->record->name, LOG_NAME_SIZE);
        error = component_give(c, COMPONENT_SLOT_LOG, reader->notification, seL4_CanWrite,
                               1ull << (log->first_id + i + 1));
    }
    return error;
}

/* What init and the console share about virtual machines. */
static seL4_Error make_machines(struct system *s, seL4_CPtr notification)
{
    const struct system_machines *m = s->table.machines;

    if (!m) {
        return seL4_NoError;
    }
    struct component *console = &components[m->console];
    struct space *own = space_of_init(&arena);
    seL4_Error error =
        region_map(&regions[m->rings], own, 0, (uint64_t)m->slots * MACHINE_SLICE_SIZE,
                   WINDOW_RINGS, true, true);
    if (error == seL4_NoError) {
        error = region_map(&regions[m->table], own, 0, PAGE, WINDOW_TABLE, true, true);
    }
    if (error == seL4_NoError) {
        error = region_map(&regions[m->commands], own, 0, PAGE, WINDOW_COMMANDS, true, true);
    }
    if (error == seL4_NoError) {
        error = component_give(console, COMPONENT_SLOT_NOTIFY + m->id, notification, seL4_CanWrite,
                               BADGE_SIGNAL_COMMAND);
    }
    s->console_notification = console->notification;
    s->console_signal = component_signal(console, &arena, m->id);
    s->console_cnode = console->cnode;
    s->rings_frame = regions[m->rings].first;
    s->rings = (uint8_t *)WINDOW_RINGS;
    s->machine_table = (uint8_t *)WINDOW_TABLE;
    s->commands = (uint8_t *)WINDOW_COMMANDS;
    return error == seL4_NoError && s->console_signal == 0 ? seL4_NotEnoughMemory : error;
}

/* What machines and services have between them. */
static seL4_Error make_connections(struct system *s)
{
    const struct system_table *t = &s->table;
    seL4_Error error = seL4_NoError;

    for (uint32_t i = 0; i < t->connection_count && error == seL4_NoError; i++) {
        const struct system_connection *record = &t->connections[i];
        struct connection *c = &s->connection[record->kind];
        struct component *service = &components[record->domain];
        c->service = record->domain;
        c->service_notification = service->notification;
        c->service_cnode = service->cnode;
        error = connection_make(c, record, &regions[record->region], &regions[record->table],
                                t->machines->slots, &arena);
    }
    return error;
}

/* Everything of a component that goes with its life, but its first instruction. */
static seL4_Error give_life(const struct system_table *t, unsigned number,
                            const struct vm_host *host)
{
    seL4_Error error = component_live(&components[number], t, number, host, &arena);

    if (error == seL4_NoError) {
        error = make_maps(t, number);
    }
    if (error == seL4_NoError) {
        error = map_log(t, number);
    }
    if (error != seL4_NoError) {
        log_error("cannot make %s (kernel error %d)", t->domains[number].name, (int)error);
    }
    return error;
}

/* What the watchdogs need: init may ask each component, and that one may answer. */
static seL4_Error make_watchdogs(struct system *s, seL4_CPtr notification)
{
    seL4_Error error = seL4_NoError;

    for (uint32_t i = 0; i < s->table.domain_count && error == seL4_NoError; i++) {
        struct component *c = &components[i];
        if (c->record->watch == 0) {
            continue;
        }
        s->watch[i] = component_signal(c, &arena, c->record->watch - 1u);
        error = s->watch[i] == 0
                    ? seL4_NotEnoughMemory
                    : component_give(c, COMPONENT_SLOT_ALIVE, notification, seL4_CanWrite,
                                     BADGE_IS_SIGNAL | BADGE_SIGNAL_ALIVE << i);
    }
    return error;
}

/* Who may ask init about devices' memory. */
static seL4_Error make_requests(const struct system *s, const struct vm_host *host)
{
    const struct system_table *t = &s->table;
    seL4_Error error = seL4_NoError;

    for (uint32_t i = 0; i < t->domain_count && error == seL4_NoError; i++) {
        bool asks = grant_drives_disks(s, i);
        for (uint32_t d = 0; d < t->dma_count; d++) {
            asks = asks || t->dmas[d].domain == i;
        }
        for (uint32_t f = 0; f < t->found_count; f++) {
            asks = asks || t->founds[f].domain == i;
        }
        if (asks) {
            error = component_give(&components[i], COMPONENT_SLOT_INIT, host->endpoint,
                                   seL4_CapRights_new(1, 0, 0, 1), BADGE_REQUEST | i);
        }
    }
    return error;
}

seL4_Error system_map_dma(const struct system *s, unsigned number, seL4_Word id, seL4_Word device)
{
    const struct system_table *t = &s->table;

    for (uint32_t i = 0; i < t->dma_count; i++) {
        const struct system_dma *d = &t->dmas[i];
        if (d->domain == number && d->id == id && device <= UINT16_MAX) {
            return grant_memory(s, regions, d->region, (uint16_t)device, &arena);
        }
    }
    return seL4_InvalidArgument;
}

seL4_Error system_lend(const struct system *s, unsigned number, seL4_Word slot, seL4_Word device)
{
    return grant_lend(s, number, slot, device, &arena);
}

/* Maps what came into a region with everybody who maps the region. */
static seL4_Error map_filled(const struct system_table *t, uint32_t region, uint64_t offset,
                             uint64_t size)
{
    seL4_Error error = seL4_NoError;

    for (uint32_t i = 0; i < t->map_count && error == seL4_NoError; i++) {
        const struct system_map *m = &t->maps[i];
        uint64_t first = m->offset > offset ? m->offset : offset;
        uint64_t end = m->offset + m->size < offset + size ? m->offset + m->size : offset + size;
        if (m->region != region || first >= end || components[m->domain].tcb == 0) {
            continue;
        }
        error = region_map(&regions[region], &components[m->domain].space, first, end - first,
                           m->address + (first - m->offset), (m->flags & SYSTEM_MAP_WRITE) != 0,
                           (m->flags & SYSTEM_MAP_UNCACHED) == 0);
    }
    return error;
}

seL4_Error system_found(const struct system *s, unsigned number, const seL4_Word words[4])
{
    const struct system_table *t = &s->table;

    for (uint32_t i = 0; i < t->found_count; i++) {
        const struct system_found *f = &t->founds[i];
        if (f->domain != number || f->id != words[0]) {
            continue;
        }
        seL4_Error error = region_fill(&regions[f->region], words[1], words[2], words[3], &arena);
        return error != seL4_NoError ? error : map_filled(t, f->region, words[1], words[3]);
    }
    return seL4_InvalidArgument;
}

static seL4_Error build(struct system *s, const struct vm_host *host, seL4_CPtr notification)
{
    const struct system_table *t = &s->table;
    seL4_Error error = arena_create(&arena, SLOT_BITS);

    /* The tables of init's own window are made before any component's arena could hold them. */
    if (error == seL4_NoError) {
        error = space_map_new(space_of_init(&arena), WINDOW_INFO_END, PAGE, seL4_CanRead, 0);
    }
    if (error == seL4_NoError) {
        error = make_memory(t);
    }
    for (uint32_t i = 0; i < t->domain_count && error == seL4_NoError; i++) {
        error = component_make(&components[i], t, i, &arena);
        if (error == seL4_NoError) {
            error = component_give_hardware(&components[i], t, i, &arena);
        }
        if (error == seL4_NoError) {
            error = give_life(t, i, host);
        }
    }
    if (error == seL4_NoError) {
        error = make_channels(t);
    }
    if (error == seL4_NoError) {
        error = make_log(t);
    }
    if (error == seL4_NoError) {
        error = make_machines(s, notification);
    }
    if (error == seL4_NoError) {
        error = make_connections(s);
    }
    if (error == seL4_NoError) {
        error = make_watchdogs(s, notification);
    }
    if (error == seL4_NoError) {
        error = make_requests(s, host);
    }
    for (uint32_t i = 0; i < t->domain_count && error == seL4_NoError; i++) {
        error = component_start(&components[i]);
    }
    return error;
}

/* It runs no more, and its devices reach no machine's memory. */
static void end_component(const struct system *s, unsigned number)
{
    component_end(&components[number]);
    grant_end(s, number);
}

bool system_restart(struct system *s, unsigned number, const struct vm_host *host)
{
    end_component(s, number);
    seL4_Error error = give_life(&s->table, number, host);

    return error == seL4_NoError && component_start(&components[number]) == seL4_NoError;
}

static bool lets_devices_to_memory(const struct system_table *t, unsigned number)
{
    bool lets = false;

    for (uint32_t i = 0; i < t->dma_count; i++) {
        lets = lets || t->dmas[i].domain == number;
    }
    return lets;
}

/* The end of a channel at the other side of a component's end, or NULL. */
static const struct system_end *other_end(const struct system_channel *c, unsigned number)
{
    for (unsigned i = 0; i < 2; i++) {
        if (c->end[i].domain == number) {
            return &c->end[1 - i];
        }
    }
    return NULL;
}

bool system_end(struct system *s, unsigned number)
{
    const struct system_table *t = &s->table;
    bool asked = false;

    end_component(s, number);
    for (uint32_t i = 0; i < t->channel_count; i++) {
        const struct system_end *other = other_end(&t->channels[i], number);
        if (other && lets_devices_to_memory(t, other->domain)) {
            seL4_CPtr signal = component_signal(&components[other->domain], &arena, other->id);
            if (signal != 0) {
                seL4_Signal(signal);
                asked = true;
            }
        }
    }
    return asked;
}

unsigned system_peer(const struct system *s, unsigned number, seL4_Word channel)
{
    const struct system_table *t = &s->table;

    for (uint32_t i = 0; i < t->channel_count && lets_devices_to_memory(t, number); i++) {
        const struct system_channel *c = &t->channels[i];
        for (unsigned e = 0; e < 2; e++) {
            if (c->end[e].domain == number && c->end[e].id == channel) {
                return c->end[1 - e].domain;
            }
        }
    }
    return SYSTEM_MAX_DOMAINS;
}

seL4_Error system_build(struct system *s, const struct archive_file *file,
                        const struct vm_host *host, seL4_CPtr notification)
{
    const char *reason;

    if (systemtable_open(file->data, file->size, &s->table, &reason) != 0) {
        log_error("%s is damaged: %s", file->name, reason);
        return seL4_InvalidArgument;
    }
    journal_leave_serial();
    seL4_Error error = build(s, host, notification);
    if (error != seL4_NoError) {
        log_error("the system cannot be built (kernel error %d)", (int)error);
        for (unsigned i = 0; i < SYSTEM_MAX_DOMAINS; i++) {
            component_end(&components[i]);
        }
        arena_destroy(&arena);
        *s = (struct system){0};
        return error;
    }
    const struct system_log *log = s->table.log;
    if (log) {
        seL4_CPtr signal = component_signal(&components[log->domain], &arena, log->first_id);
        journal_enter_ring((void *)(WINDOW_LOG + PAGE), log->slice, signal);
    }
    return seL4_NoError;
}

const struct system_domain *system_component(const struct system *s, unsigned number)
{
    return number < s->table.domain_count ? &s->table.domains[number] : NULL;
}
