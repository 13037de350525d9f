/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/timer.h"

struct ratio ratio_make(uint64_t to, uint64_t from)
{
    struct ratio ratio = {to / from, 0};
    uint64_t rest = to % from;
    /* Long division, one bit at a time: the freestanding target has no 128-bit division. */
    for (unsigned i = 0; i < 64; i++) {
        bool carry = (rest >> 63) != 0;
        rest <<= 1;
        ratio.fraction <<= 1;
        if (carry || rest >= from) {
            rest -= from;
            ratio.fraction |= 1;
        }
    }
    return ratio;
}

uint64_t ratio_apply(struct ratio ratio, uint64_t value)
{
    uint64_t low = (uint64_t)(((unsigned __int128)value * ratio.fraction) >> 64);
    return value * ratio.whole + low;
}

struct rate rate_make(uint64_t hz, uint64_t tsc_hz)
{
    return (struct rate){ratio_make(hz, tsc_hz), ratio_make(tsc_hz, hz)};
}

void timer_queue_initialize(struct timer_queue *queue, void (*earlier)(void *), void *context)
{
    *queue = (struct timer_queue){.earliest = TIMER_NEVER, .earlier = earlier, .context = context};
}

bool timer_add(struct timer_queue *queue, struct timer *timer, void (*expired)(void *),
               void *context)
{
    if (queue->count >= TIMER_MAX)
        return false;
    *timer = (struct timer){TIMER_NEVER, expired, context, queue};
    queue->timer[queue->count++] = timer;
    return true;
}

static void find_earliest(struct timer_queue *queue)
{
    queue->earliest = TIMER_NEVER;
    for (unsigned i = 0; i < queue->count; i++) {
        if (queue->timer[i]->deadline < queue->earliest)
            queue->earliest = queue->timer[i]->deadline;
    }
}

void timer_set(struct timer *timer, uint64_t deadline)
{
    struct timer_queue *queue = timer->queue;
    uint64_t before = queue->earliest;
    bool was_earliest = timer->deadline == before;
    timer->deadline = deadline;
    if (deadline < before) {
        queue->earliest = deadline;
        if (queue->earlier != 0)
            queue->earlier(queue->context);
    } else if (was_earliest) {
        find_earliest(queue);
    }
}

void timer_cancel(struct timer *timer)
{
    if (timer->deadline != TIMER_NEVER)
        timer_set(timer, TIMER_NEVER);
}

void timer_queue_run(struct timer_queue *queue, uint64_t now)
{
    if (now < queue->earliest)
        return;
    queue->earliest = TIMER_NEVER; /* of those that the loop has seen */
    for (unsigned i = 0; i < queue->count; i++) {
        struct timer *timer = queue->timer[i];
        if (timer->deadline <= now) {
            timer->deadline = TIMER_NEVER;
            timer->expired(timer->context);
        } else if (timer->deadline < queue->earliest) {
            queue->earliest = timer->deadline;
        }
    }
    /* An expired timer has set another, which may have stood behind it, or none. */
    if (queue->earliest <= now)
        find_earliest(queue);
}
