/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Domains: a fixed, cyclic schedule in time; only threads of the current domain run. Every core
 * follows the same schedule by the same clock.
 */
#include "x86/arch.h"

struct domain_entry {
    uint32_t domain;
    ticks_t duration; /* 0 ends the schedule */
};

/* As long as nothing is configured, domain 0 runs for ever. */
#define FOREVER BIT(DOMAIN_DURATION_BITS)

static struct domain_entry schedule[CONFIG_DOMAIN_ENTRIES] = {{0, FOREVER}};
static unsigned schedule_start;

static bool schedule_used(void)
{
    return schedule[schedule_start].duration != FOREVER;
}

static void enter_entry(struct core *core, unsigned index, ticks_t from)
{
    core->domain_index = index;
    core->domain = schedule[index].domain;
    core->place = sched_place(core->id, core->domain);
    core->domain_end =
        schedule[index].duration == FOREVER ? UINT64_MAX : from + schedule[index].duration;
    core->reschedule = true;
    core->reprogram = true;
}

enum result domain_schedule_set(unsigned index, unsigned domain, ticks_t duration)
{
    if (duration == 0 && (index == schedule_start || domain != 0)) {
        return ERR_SYSCALL; /* a schedule that ends where it begins; an end with a domain */
    }
    schedule[index] = (struct domain_entry){domain, duration};
    return OK;
}

enum result domain_schedule_start(unsigned index)
{
    ticks_t now = core_self()->now;

    if (schedule[index].duration == 0) {
        return ERR_SYSCALL;
    }
    schedule_start = index;
    for (unsigned i = 0; i < core_count; i++) {
        enter_entry(&cores[i], index, now);
        if (&cores[i] != core_self() && cores[i].online) {
            arch_core_reschedule(i);
        }
    }
    return OK;
}

void domain_tick(struct core *core)
{
    if (!schedule_used() || core->now < core->domain_end) {
        return;
    }
    unsigned next = core->domain_index + 1;
    if (schedule[next].duration == 0) {
        next = schedule_start;
    }
    enter_entry(core, next, core->now);
}

ticks_t domain_deadline(const struct core *core)
{
    return schedule_used() ? core->domain_end : UINT64_MAX;
}
