/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The refills of a scheduling context: a ring of (time, amount) that always adds up to the budget.
 * Time used from the head comes back a period after the head became usable (a sporadic server).
 * Round robin contexts (period 0) have one refill, what is left of the time slice.
 */
#ifndef KERNEL_OBJECT_REFILL_H
#define KERNEL_OBJECT_REFILL_H

#include "object/sched.h"

static inline struct refill *refill_head(struct sched_context *sc)
{
    return &sc->refills[sc->refill_head];
}

static inline bool sc_is_round_robin(const struct sched_context *sc)
{
    return sc->period == 0;
}

/* Usable now, but for what the kernel itself takes to get there. */
bool refill_is_ready(struct sched_context *sc, ticks_t now);

/* All of the budget is usable from now on. */
void refill_reset(struct sched_context *sc, ticks_t now);

/* Takes used ticks from a round robin context. */
static inline void refill_charge_slice(struct sched_context *sc, ticks_t used, ticks_t now)
{
    struct refill *head = refill_head(sc);

    head->time = now;
    head->amount = used + sched_limits.min_budget > head->amount ? sc->budget : head->amount - used;
}

/* Takes used ticks from the refills and schedules their return. */
void refill_charge(struct sched_context *sc, ticks_t used, ticks_t now);

/* A thread that waited starts to run: time that passed unused is not kept. */
void refill_unblock(struct sched_context *sc, ticks_t now);

/* Other budget and period for a context in use: what was used stays used. */
void refill_update(struct sched_context *sc, ticks_t budget, ticks_t period, unsigned max,
                   ticks_t now);

#endif
