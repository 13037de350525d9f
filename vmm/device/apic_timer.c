/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The local APIC's timer (SDM 11.5.4): one-shot, periodic and TSC-deadline.
 */
#include "vmm/device/apic_internal.h"

static uint32_t mode(const struct apic *apic)
{
    return apic->lvt[LVT_TIMER] & LVT_TIMER_MODE;
}

/* Bits 3, 1 and 0 of the divide configuration: 000 is 2, 110 is 128, 111 is 1. */
static unsigned divide_shift(uint32_t divide)
{
    return (((divide >> 1) & 4) + (divide & 3) + 1) & 7;
}

/* TSC ticks that `count` timer ticks take. */
static uint64_t count_to_tsc(const struct apic *apic, uint64_t count)
{
    return ratio_apply(apic->bus->rate.to_tsc, count << divide_shift(apic->divide));
}

static uint64_t elapsed(const struct apic *apic)
{
    uint64_t ticks = clock_now(apic->bus->clock) - apic->count_start;
    return ratio_apply(apic->bus->rate.from_tsc, ticks) >> divide_shift(apic->divide);
}

static void arm_count(struct apic *apic)
{
    if (apic->initial_count == 0) {
        timer_cancel(&apic->timer);
        return;
    }
    /* One tick more: count_to_tsc rounds down, and a timer must not expire early. */
    timer_set(&apic->timer, apic->count_start + count_to_tsc(apic, apic->initial_count) + 1);
}

void apic_timer_expired(void *context)
{
    struct apic *apic = context;
    switch (mode(apic)) {
    case LVT_TIMER_PERIODIC: {
        uint64_t period = count_to_tsc(apic, apic->initial_count);
        uint64_t now = clock_now(apic->bus->clock);
        apic->count_start += period;
        /* A guest that was not run for periods gets one interrupt for them, as with real SMM. */
        if (period == 0 || now - apic->count_start > period)
            apic->count_start = now;
        arm_count(apic);
        break;
    }
    case LVT_TIMER_TSC:
        apic->tsc_deadline = 0;
        break;
    default:
        break;
    }
    apic_local_interrupt(apic, LVT_TIMER);
}

uint32_t apic_timer_current(const struct apic *apic)
{
    if (mode(apic) == LVT_TIMER_TSC || apic->initial_count == 0)
        return 0;
    uint64_t passed = elapsed(apic);
    if (mode(apic) == LVT_TIMER_PERIODIC)
        passed %= apic->initial_count;
    return passed >= apic->initial_count ? 0 : apic->initial_count - (uint32_t)passed;
}

void apic_timer_load(struct apic *apic, uint32_t count)
{
    if (mode(apic) == LVT_TIMER_TSC)
        return; /* SDM 11.5.4.1: ignored */
    apic->initial_count = count;
    apic->count_start = clock_now(apic->bus->clock);
    arm_count(apic);
}

void apic_timer_divide(struct apic *apic, uint32_t divide)
{
    if (mode(apic) == LVT_TIMER_TSC || apic->initial_count == 0) {
        apic->divide = divide;
        return;
    }
    /* What has passed at the old rate keeps its share. */
    uint64_t passed = elapsed(apic);
    apic->divide = divide;
    apic->count_start = clock_now(apic->bus->clock) - count_to_tsc(apic, passed);
    if (apic->timer.deadline != TIMER_NEVER)
        arm_count(apic);
}

void apic_timer_mode_changed(struct apic *apic, uint32_t old_mode)
{
    /* SDM 11.5.4.1: a change to or from TSC-deadline mode disarms the timer. */
    if (old_mode == LVT_TIMER_TSC || mode(apic) == LVT_TIMER_TSC) {
        apic->initial_count = 0;
        apic->tsc_deadline = 0;
        timer_cancel(&apic->timer);
    }
}

void apic_timer_set_deadline(struct apic *apic, uint64_t deadline)
{
    if (mode(apic) != LVT_TIMER_TSC)
        return;
    apic->tsc_deadline = deadline;
    if (deadline == 0) {
        timer_cancel(&apic->timer);
        return;
    }
    uint64_t now = clock_now(apic->bus->clock) + apic->tsc_offset;
    if (deadline <= now) {
        timer_cancel(&apic->timer);
        apic_timer_expired(apic);
        return;
    }
    uint64_t at = deadline - apic->tsc_offset;
    timer_set(&apic->timer, at == TIMER_NEVER ? TIMER_NEVER - 1 : at);
}

uint64_t apic_timer_ahead(struct apic *apic, uint64_t now, uint64_t lead)
{
    uint64_t deadline = apic->timer.deadline;
    if (apic->tsc_deadline == 0 || deadline <= now || deadline - now > lead)
        return 0;
    timer_cancel(&apic->timer);
    apic_timer_expired(apic);
    return deadline;
}

uint64_t apic_timer_wanted(const struct apic *apic, uint64_t earliest, uint64_t lead)
{
    bool leads = apic->tsc_deadline != 0 && apic->timer.deadline == earliest && earliest > lead;
    return leads ? earliest - lead : earliest;
}

void apic_set_tsc_offset(struct apic *apic, uint64_t tsc_offset)
{
    apic->tsc_offset = tsc_offset;
    if (apic->tsc_deadline != 0)
        apic_timer_set_deadline(apic, apic->tsc_deadline);
}
