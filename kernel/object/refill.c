/* SPDX-License-Identifier: BSD-2-Clause */
#include "object/refill.h"

#include "x86/arch.h"

static unsigned refill_index(const struct sched_context *sc, unsigned i)
{
    unsigned index = sc->refill_head + i;
    return index >= sc->refill_max ? index - sc->refill_max : index;
}

static struct refill refill_pop(struct sched_context *sc)
{
    struct refill r = *refill_head(sc);
    sc->refill_head = (uint16_t)refill_index(sc, 1);
    sc->refill_count--;
    return r;
}

/* Behind the last refill; one with it if they touch or there is no room. Later is always allowed.
 */
static void refill_push(struct sched_context *sc, struct refill r)
{
    struct refill *tail = &sc->refills[refill_index(sc, sc->refill_count - 1u)];

    if (sc->refill_count == 0) {
        *refill_head(sc) = r;
        sc->refill_count = 1;
    } else if (tail->time + tail->amount >= r.time) {
        tail->amount += r.amount;
    } else if (sc->refill_count == sc->refill_max) {
        tail->time = r.time;
        tail->amount += r.amount;
    } else {
        sc->refills[refill_index(sc, sc->refill_count)] = r;
        sc->refill_count++;
    }
}

/* A head too small to be worth a switch joins the next one, as late as that allows. */
static void refill_merge_small(struct sched_context *sc)
{
    while (sc->refill_count > 1 && refill_head(sc)->amount < sched_limits.min_budget) {
        struct refill small = refill_pop(sc);
        struct refill *head = refill_head(sc);
        head->amount += small.amount;
        head->time -= small.amount;
    }
}

bool refill_is_ready(struct sched_context *sc, ticks_t now)
{
    return refill_head(sc)->time <= now + sched_limits.wcet;
}

void refill_reset(struct sched_context *sc, ticks_t now)
{
    sc->refill_head = 0;
    sc->refill_count = 1;
    sc->refills[0] = (struct refill){now, sc->budget};
}

void refill_charge(struct sched_context *sc, ticks_t used, ticks_t now)
{
    struct refill *head = refill_head(sc);

    if (sc_is_round_robin(sc)) {
        refill_charge_slice(sc, used, now);
        return;
    }
    for (unsigned i = 0; used >= head->amount && i <= sc->refill_max; i++) {
        used -= head->amount;
        if (sc->refill_count == 1) {
            head->time += sc->period;
            /* Overrun: the next budget comes as much later. */
            head->time += used;
            used = 0;
        } else {
            struct refill r = refill_pop(sc);
            r.time += sc->period;
            refill_push(sc, r);
            head = refill_head(sc);
        }
    }
    if (used >= head->amount) {
        /* More than all refills together (a long stop of the whole machine). */
        head->time += used;
        used = 0;
    }
    if (used > 0) {
        struct refill back = {head->time + sc->period, used};
        head->amount -= used;
        if (head->amount < sched_limits.min_budget && sc->refill_count == 1) {
            back.amount += head->amount;
            *head = back;
        } else {
            refill_push(sc, back);
        }
    }
    refill_merge_small(sc);
}

void refill_unblock(struct sched_context *sc, ticks_t now)
{
    if (sc_is_round_robin(sc) || sc->refill_count == 0 || !refill_is_ready(sc, now)) {
        return;
    }
    refill_head(sc)->time = now;
    while (sc->refill_count > 1) {
        struct refill *next = &sc->refills[refill_index(sc, 1)];
        if (next->time > now + refill_head(sc)->amount) {
            break;
        }
        struct refill head = refill_pop(sc);
        next->amount += head.amount;
        next->time = now;
    }
}

void refill_update(struct sched_context *sc, ticks_t budget, ticks_t period, unsigned max,
                   ticks_t now)
{
    struct refill head = *refill_head(sc);

    sc->budget = budget;
    sc->period = period;
    sc->refill_max = max;
    sc->refill_head = 0;
    sc->refill_count = 1;
    if (head.time <= now + sched_limits.wcet) {
        head.time = now;
    }
    sc->refills[0] = head;
    if (head.amount >= budget || period == 0) {
        sc->refills[0].amount = budget;
    } else {
        refill_push(sc, (struct refill){head.time + period, budget - head.amount});
        refill_merge_small(sc);
    }
}
