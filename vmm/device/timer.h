/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time for device models. It is counted in ticks of the guest's TSC from a clock callback; a model
 * converts to its own frequency with a struct ratio and asks for a wake-up at a TSC value. Each
 * vCPU thread has one queue, which knows the earliest deadline; the thread arms its one hardware
 * timer with that.
 */
#ifndef VMM_DEVICE_TIMER_H
#define VMM_DEVICE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* A clock: `now` returns the TSC. */
struct clock {
    uint64_t (*now)(void *context);
    void *context;
    uint64_t hz;
};

static inline uint64_t clock_now(const struct clock *clock)
{
    return clock->now(clock->context);
}

/* The rational number to/from, as 64.64 fixed point, rounded down. */
struct ratio {
    uint64_t whole;
    uint64_t fraction;
};

/* from must not be 0. */
struct ratio ratio_make(uint64_t to, uint64_t from);

/* value * ratio, rounded down, modulo 2^64; off by at most one below 2^64. */
uint64_t ratio_apply(struct ratio ratio, uint64_t value);

/* A model's own clock, derived from the TSC. */
struct rate {
    struct ratio from_tsc;
    struct ratio to_tsc;
};

struct rate rate_make(uint64_t hz, uint64_t tsc_hz);

#define TIMER_NEVER UINT64_MAX
#define TIMER_MAX   16

struct timer_queue;

struct timer {
    uint64_t deadline; /* TIMER_NEVER while idle */
    void (*expired)(void *context);
    void *context;
    struct timer_queue *queue;
};

struct timer_queue {
    struct timer *timer[TIMER_MAX];
    unsigned count;
    uint64_t earliest;
    /* Called when `earliest` has moved forward, so that another vCPU's thread re-arms. May be NULL.
     */
    void (*earlier)(void *context);
    void *context;
};

void timer_queue_initialize(struct timer_queue *queue, void (*earlier)(void *), void *context);

/* Adds an idle timer for good. At most TIMER_MAX; false when the queue is full. */
bool timer_add(struct timer_queue *queue, struct timer *timer, void (*expired)(void *),
               void *context);

void timer_set(struct timer *timer, uint64_t deadline);
void timer_cancel(struct timer *timer);

/* Runs every timer whose deadline is at or before `now`. An expired timer is idle when it is
 * called. */
void timer_queue_run(struct timer_queue *queue, uint64_t now);

#endif
