/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/hpet.h"

#include <string.h>

#define CONFIG_ENABLE 1u
#define CONFIG_LEGACY 2u

/* Timer configuration (1.0a, 2.3.8). */
#define TIMER_LEVEL       (1u << 1)
#define TIMER_INTERRUPT   (1u << 2)
#define TIMER_PERIODIC    (1u << 3)
#define TIMER_CAN_PERIOD  (1u << 4)
#define TIMER_CAN_64      (1u << 5)
#define TIMER_SET_VALUE   (1u << 6)
#define TIMER_32          (1u << 8)
#define TIMER_ROUTE_SHIFT 9
#define TIMER_FSB         (1u << 14)
#define TIMER_CAN_FSB     (1u << 15)
#define TIMER_WRITABLE    0x7f4eu
/* Routes: any pin from 16 to 23 that no ISA device uses. */
#define TIMER_ROUTES 0x00ff0000ull

static void expired(void *context);

static bool enabled(const struct hpet *hpet)
{
    return (hpet->config & CONFIG_ENABLE) != 0;
}

static uint64_t counter(const struct hpet *hpet)
{
    if (!enabled(hpet))
        return hpet->counter;
    return hpet->counter + ratio_apply(hpet->rate.from_tsc, clock_now(hpet->clock) - hpet->start);
}

static unsigned index_of(const struct hpet_timer *timer)
{
    return (unsigned)(timer - timer->hpet->timer);
}

/* The interrupt of a timer: ISA 0 or 8 in legacy mode, else the routed GSI. */
static void set_line(struct hpet_timer *timer, bool asserted)
{
    struct hpet *hpet = timer->hpet;
    unsigned index = index_of(timer);
    unsigned route = (unsigned)(timer->config >> TIMER_ROUTE_SHIFT) & 0x1f;
    if ((hpet->config & CONFIG_LEGACY) != 0 && index < 2)
        irq_set_isa(hpet->irq, index == 0 ? 0 : 8, asserted);
    else if (route < 16)
        irq_set_isa(hpet->irq, route, asserted);
    else
        irq_set_gsi(hpet->irq, route, asserted);
}

static void raise(struct hpet_timer *timer)
{
    struct hpet *hpet = timer->hpet;
    uint32_t bit = 1u << index_of(timer);
    if ((timer->config & TIMER_LEVEL) != 0)
        hpet->status |= bit;
    if ((timer->config & TIMER_INTERRUPT) == 0)
        return;
    if ((timer->config & TIMER_FSB) != 0) {
        apic_msi(hpet->apics, timer->fsb >> 32, (uint32_t)timer->fsb);
    } else if ((timer->config & TIMER_LEVEL) != 0) {
        hpet->lines |= bit;
        set_line(timer, true);
    } else {
        set_line(timer, false);
        set_line(timer, true); /* stays up, so that the 8259 keeps the request */
    }
}

static void arm(struct hpet_timer *timer)
{
    struct hpet *hpet = timer->hpet;
    if (!enabled(hpet) || (timer->config & TIMER_INTERRUPT) == 0) {
        timer_cancel(&timer->timer);
        return;
    }
    uint64_t now = counter(hpet);
    uint64_t ticks;
    if ((timer->config & TIMER_32) != 0)
        ticks = (uint32_t)(timer->comparator - now);
    else
        ticks = timer->comparator - now;
    if ((timer->config & TIMER_PERIODIC) != 0 && timer->period != 0) {
        /* Skip periods that were missed: one interrupt stands for them. */
        uint64_t late = now - timer->comparator;
        if ((int64_t)late >= 0)
            timer->comparator += (late / timer->period + 1) * timer->period;
        ticks = timer->comparator - now;
    }
    uint64_t wait = ratio_apply(hpet->rate.to_tsc, ticks) + 1;
    uint64_t at = clock_now(hpet->clock) + wait;
    /* More ticks than the TSC can count: centuries. */
    if (ticks > UINT64_MAX / 64 || at < wait)
        timer_cancel(&timer->timer);
    else
        timer_set(&timer->timer, at);
}

static void expired(void *context)
{
    struct hpet_timer *timer = context;
    raise(timer);
    if ((timer->config & TIMER_PERIODIC) != 0 && timer->period != 0)
        arm(timer);
}

void hpet_initialize(struct hpet *hpet, struct irq *irq, struct apic_bus *apics, struct pit *pit,
                     const struct clock *clock, struct timer_queue *queue)
{
    memset(hpet, 0, sizeof(*hpet));
    hpet->irq = irq;
    hpet->apics = apics;
    hpet->pit = pit;
    hpet->clock = clock;
    hpet->rate = rate_make(HPET_HZ, clock->hz);
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        hpet->timer[i].hpet = hpet;
        timer_add(queue, &hpet->timer[i].timer, expired, &hpet->timer[i]);
    }
    hpet_reset(hpet);
}

void hpet_reset(struct hpet *hpet)
{
    hpet->config = 0;
    hpet->status = 0;
    hpet->counter = 0;
    hpet->lines = 0;
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        struct hpet_timer *timer = &hpet->timer[i];
        timer_cancel(&timer->timer);
        timer->config = TIMER_CAN_PERIOD | TIMER_CAN_64 | TIMER_CAN_FSB | TIMER_ROUTES << 32;
        timer->comparator = UINT64_MAX;
        timer->period = 0;
        timer->fsb = 0;
    }
}

static uint64_t read_register(struct hpet *hpet, uint64_t offset)
{
    switch (offset) {
    case 0x000: /* revision 1, three timers, 64 bits, legacy routing, vendor 0x8086 */
        return (uint64_t)HPET_PERIOD_FS << 32 | 0x8086ull << 16 | 1u << 15 | 1u << 13 |
               (HPET_TIMERS - 1) << 8 | 1;
    case 0x010:
        return hpet->config;
    case 0x020:
        return hpet->status;
    case 0x0f0:
        return counter(hpet);
    default:
        break;
    }
    if (offset < 0x100 || offset >= 0x100 + 0x20 * HPET_TIMERS)
        return 0;
    const struct hpet_timer *timer = &hpet->timer[(offset - 0x100) / 0x20];
    switch (offset & 0x1f) {
    case 0x00:
        return timer->config;
    case 0x08:
        return timer->comparator;
    case 0x10:
        return timer->fsb;
    default:
        return 0;
    }
}

static void write_config(struct hpet *hpet, uint64_t value)
{
    uint64_t old = hpet->config;
    uint64_t now = counter(hpet);
    value &= CONFIG_ENABLE | CONFIG_LEGACY;
    if (((old ^ value) & CONFIG_ENABLE) != 0) {
        hpet->counter = now;
        hpet->start = clock_now(hpet->clock);
    }
    hpet->config = value;
    if (((old ^ value) & CONFIG_LEGACY) != 0)
        pit_set_enabled(hpet->pit, (value & CONFIG_LEGACY) == 0);
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        arm(&hpet->timer[i]);
}

static void write_status(struct hpet *hpet, uint64_t value)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        uint32_t bit = 1u << i;
        if ((value & bit) == 0)
            continue;
        hpet->status &= ~(uint64_t)bit;
        if ((hpet->lines & bit) != 0) {
            hpet->lines &= ~bit;
            set_line(&hpet->timer[i], false);
        }
    }
}

static void write_timer(struct hpet_timer *timer, uint64_t offset, uint64_t value)
{
    struct hpet *hpet = timer->hpet;
    switch (offset) {
    case 0x00:
        if ((hpet->lines & (1u << index_of(timer))) != 0) {
            hpet->lines &= ~(1u << index_of(timer));
            set_line(timer, false);
        }
        timer->config = (timer->config & ~(uint64_t)TIMER_WRITABLE) | (value & TIMER_WRITABLE);
        arm(timer);
        break;
    case 0x08:
        /* 2.3.9.2.2: a periodic timer's period is what is written without "set value". */
        if ((timer->config & TIMER_32) != 0)
            value = (uint32_t)value;
        if ((timer->config & TIMER_PERIODIC) == 0 || (timer->config & TIMER_SET_VALUE) != 0)
            timer->comparator = value;
        if ((timer->config & TIMER_PERIODIC) != 0 && (timer->config & TIMER_SET_VALUE) == 0)
            timer->period = value;
        timer->config &= ~(uint64_t)TIMER_SET_VALUE;
        arm(timer);
        break;
    case 0x10:
        timer->fsb = value;
        break;
    default:
        break;
    }
}

static void write_register(struct hpet *hpet, uint64_t offset, uint64_t value)
{
    switch (offset) {
    case 0x010:
        write_config(hpet, value);
        return;
    case 0x020:
        write_status(hpet, value);
        return;
    case 0x0f0:
        hpet->counter = value;
        hpet->start = clock_now(hpet->clock);
        for (unsigned i = 0; i < HPET_TIMERS; i++)
            arm(&hpet->timer[i]);
        return;
    default:
        break;
    }
    if (offset >= 0x100 && offset < 0x100 + 0x20 * HPET_TIMERS)
        write_timer(&hpet->timer[(offset - 0x100) / 0x20], offset & 0x1f, value);
}

static uint64_t hpet_read(void *device, uint64_t offset, unsigned size)
{
    struct hpet *hpet = device;
    uint64_t value = read_register(hpet, offset & ~7ull);
    (void)size;
    return value >> ((offset & 7) * 8);
}

static void hpet_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct hpet *hpet = device;
    unsigned shift = (unsigned)(offset & 7) * 8;
    if ((offset & 7) + size > 8 || size < 4)
        return;
    uint64_t aligned = offset & ~7ull;
    if (size < 8) {
        uint64_t mask = bus_mask(size) << shift;
        uint64_t old = read_register(hpet, aligned);
        if (aligned == 0x020)
            old = 0; /* write-one-to-clear: the other half clears nothing */
        value = (old & ~mask) | (value << shift & mask);
    }
    write_register(hpet, aligned, value);
}

const struct bus_operations hpet_operations = {hpet_read, hpet_write, 8};
