/* SPDX-License-Identifier: BSD-2-Clause */
#include "guard.h"

#include <rt/log.h>

#include "alarm.h"
#include "badge.h"
#include "life.h"

enum {
    WINDOW_SECONDS = 60, /* in which restarts are counted */
    KEPT_SECONDS = 60,   /* that a service may have a machine's memory: longer than for a device */
};

struct guarded {
    uint64_t since; /* TSC: the restarts are counted from here on */
    unsigned restarts;
    unsigned total;      /* restarts since the system started */
    unsigned unanswered; /* questions in a row */
    bool alive;
    bool keeps; /* it was started anew for memory that it keeps, and has not given it back since */
    bool gone;  /* it is not started any more */
};

static struct system *system;
static const struct vm_host *host;
static struct guarded guarded[SYSTEM_MAX_DOMAINS];
static bool any_watched;

_Static_assert((BADGE_SIGNAL_ALIVE << (SYSTEM_MAX_DOMAINS - 1)) < BADGE_IS_SIGNAL &&
                   BADGE_SIGNAL_ALIVE > (BADGE_SIGNAL_COMMAND & ~BADGE_IS_SIGNAL),
               "each component has a bit");

static uint64_t tsc(void)
{
    return __builtin_ia32_rdtsc();
}

/* May it be started once more? */
static bool is_due(struct guarded *g, const struct system_domain *record)
{
    if (g->since == 0 || tsc() - g->since > WINDOW_SECONDS * host->tsc_hz) {
        g->since = tsc();
        g->restarts = 0;
    }
    return g->restarts++ < record->restarts;
}

/* Ends the epoch of what machines share with a service; its machines are told of the next one. */
static void tell_machines(unsigned number, bool last)
{
    for (unsigned kind = 0; kind < CONNECTION_KINDS; kind++) {
        struct connection *c = &system->connection[kind];
        if (c->record && c->service == number) {
            life_service_epoch(kind, connection_next_epoch(c, last));
        }
    }
}

void guard_stopped(unsigned number)
{
    if (number >= system->table.domain_count || !guarded[number].gone) {
        return;
    }
    tell_machines(number, true);
    for (unsigned kind = 0; kind < CONNECTION_KINDS; kind++) {
        struct connection *c = &system->connection[kind];
        for (unsigned slot = 0; c->record && c->service == number && slot < c->slots; slot++) {
            connection_drop(c, slot);
        }
    }
    life_released();
}

/* last: this one is not started any more. */
static void renew(unsigned number, bool last)
{
    const struct system_domain *record = system_component(system, number);
    struct guarded *g = &guarded[number];

    last = last || !is_due(g, record);

    if (!last) {
        /* Machines stop using what they share with it before its successor begins to. */
        tell_machines(number, false);
        g->unanswered = 0;
        g->alive = true;
        if (system_restart(system, number, host)) {
            g->total++;
            log_info("%s is started anew, %u time%s so far", record->name, g->total,
                     g->total == 1 ? "" : "s");
            return;
        }
    }
    g->gone = true;
    log_error("%s %s; it runs no more", record->name,
              last ? "has failed too often" : "cannot be started anew");
    /* A request has failed, and memory is free, when its device moves no data any more. */
    if (!system_end(system, number)) {
        guard_stopped(number);
    }
}

/* Does it keep memory of a machine that ended, or for which it was started anew, so long ago? */
static bool keeps_memory(unsigned number, unsigned seconds)
{
    bool keeps = false;

    for (unsigned kind = 0; kind < CONNECTION_KINDS; kind++) {
        const struct connection *c = &system->connection[kind];
        keeps = keeps ||
                (c->record && c->service == number && life_waits_for(kind, seconds * host->tsc_hz));
    }
    return keeps;
}

void guard_faulted(unsigned number)
{
    const struct system_domain *record = system_component(system, number);

    if (record && record->restarts != 0 && !guarded[number].gone) {
        renew(number, false);
    }
}

bool guard_alive(seL4_Word badge)
{
    bool any = false;

    for (unsigned i = 0; i < system->table.domain_count; i++) {
        if (badge & BADGE_SIGNAL_ALIVE << i) {
            guarded[i].alive = true;
            any = true;
        }
    }
    return any;
}

void guard_time(void)
{
    if (!any_watched) {
        return;
    }
    for (unsigned i = 0; i < system->table.domain_count; i++) {
        const struct system_domain *record = system_component(system, i);
        struct guarded *g = &guarded[i];
        if (system->watch[i] == 0 || g->gone) {
            continue;
        }
        g->unanswered = g->alive ? 0 : g->unanswered + 1;
        g->keeps = g->keeps && keeps_memory(i, 0);
        bool keeps = keeps_memory(i, KEPT_SECONDS);
        if (keeps || g->unanswered >= record->patience) {
            log_error("%s does not %s", record->name, keeps ? "give memory back" : "answer");
            if (record->restarts != 0) {
                renew(i, keeps && g->keeps);
                g->keeps = g->keeps || keeps;
            } else {
                g->gone = true;
            }
        }
        g->alive = false;
        seL4_Signal(system->watch[i]);
    }
    alarm_set(ALARM_GUARD, tsc() + host->tsc_hz);
}

void guard_start(struct system *given, const struct vm_host *given_host)
{
    system = given;
    host = given_host;
    for (unsigned i = 0; i < system->table.domain_count; i++) {
        guarded[i].alive = true;
        any_watched = any_watched || system->watch[i] != 0;
    }
    guard_time();
}
