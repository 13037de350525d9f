/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/pit.h"

#include <string.h>

static void expired(void *context);

void pit_initialize(struct pit *pit, struct irq *irq, const struct clock *clock,
                    struct timer_queue *queue)
{
    memset(pit, 0, sizeof(*pit));
    pit->irq = irq;
    pit->clock = clock;
    pit->rate = rate_make(PIT_HZ, clock->hz);
    timer_add(queue, &pit->timer, expired, pit);
    pit_reset(pit);
}

void pit_reset(struct pit *pit)
{
    timer_cancel(&pit->timer);
    for (unsigned i = 0; i < 3; i++) {
        memset(&pit->channel[i], 0, sizeof(pit->channel[i]));
        pit->channel[i].mode = 3;
        pit->channel[i].access = 3;
        pit->channel[i].count = 0x10000;
        pit->channel[i].gate = i != 2;
    }
    pit->speaker = false;
}

/* PIT ticks since the channel began to count. */
static uint64_t passed(const struct pit *pit, const struct pit_channel *channel)
{
    return ratio_apply(pit->rate.from_tsc, clock_now(pit->clock) - channel->start);
}

static bool running(const struct pit_channel *channel)
{
    /* Gate low stops modes 0, 2, 3, 4; modes 1 and 5 are started by its edge and then run on. */
    return channel->loaded && (channel->gate || channel->mode == 1 || channel->mode == 5);
}

static uint16_t current_count(const struct pit *pit, const struct pit_channel *channel)
{
    if (!running(channel))
        return (uint16_t)channel->count;
    uint64_t ticks = passed(pit, channel);
    switch (channel->mode) {
    case 2:
        return (uint16_t)(channel->count - (uint32_t)(ticks % channel->count));
    case 3: /* counts down by two, twice a period */
        return (uint16_t)(channel->count - (uint32_t)((ticks * 2) % channel->count));
    default:
        return (uint16_t)(channel->count - (uint32_t)ticks);
    }
}

static bool output(const struct pit *pit, const struct pit_channel *channel)
{
    if (!channel->loaded)
        return channel->mode != 0;
    uint64_t ticks = running(channel) ? passed(pit, channel) : 0;
    switch (channel->mode) {
    case 0:
    case 1:
        return ticks >= channel->count;
    case 2:
        return ticks % channel->count != channel->count - 1 || !channel->gate;
    case 3:
        return ticks % channel->count < (channel->count + 1) / 2 || !channel->gate;
    default:
        return ticks != channel->count;
    }
}

/* Plans channel 0's next interrupt. */
static void arm(struct pit *pit)
{
    struct pit_channel *channel = &pit->channel[0];
    if (!running(channel)) {
        timer_cancel(&pit->timer);
        return;
    }
    uint64_t ticks = passed(pit, channel);
    uint64_t due = channel->count;
    if (channel->mode == 2 || channel->mode == 3)
        due = (ticks / channel->count + 1) * channel->count;
    else if (ticks >= due) {
        timer_cancel(&pit->timer);
        return;
    }
    timer_set(&pit->timer, channel->start + ratio_apply(pit->rate.to_tsc, due) + 1);
}

static void expired(void *context)
{
    struct pit *pit = context;
    struct pit_channel *channel = &pit->channel[0];
    if (channel->mode == 2 || channel->mode == 3) {
        irq_pulse_isa(pit->irq, 0);
        arm(pit);
    } else {
        pit->line = true;
        irq_set_isa(pit->irq, 0, true);
    }
}

static void lower_line(struct pit *pit)
{
    if (pit->line) {
        pit->line = false;
        irq_set_isa(pit->irq, 0, false);
    }
}

static void load(struct pit *pit, unsigned index, uint16_t value)
{
    struct pit_channel *channel = &pit->channel[index];
    uint32_t count = value;
    if (channel->bcd)
        count = (count >> 12) * 1000 + ((count >> 8) & 0xf) * 100 + ((count >> 4) & 0xf) * 10 +
                (count & 0xf);
    if (count == 0)
        count = channel->bcd ? 10000 : 0x10000;
    if (count == 1 && (channel->mode == 2 || channel->mode == 3))
        count = 2; /* 1 is illegal there */
    channel->count = count;
    channel->start = clock_now(pit->clock);
    channel->loaded = true;
    if (index == 0) {
        lower_line(pit);
        arm(pit);
    }
}

static void write_count(struct pit *pit, unsigned index, uint8_t value)
{
    struct pit_channel *channel = &pit->channel[index];
    switch (channel->access) {
    case 1:
        load(pit, index, value);
        break;
    case 2:
        load(pit, index, (uint16_t)(value << 8));
        break;
    default:
        if (!channel->write_high) {
            channel->write_low = value;
            channel->write_high = true;
        } else {
            channel->write_high = false;
            load(pit, index, (uint16_t)(value << 8 | channel->write_low));
        }
        break;
    }
}

static void latch_status(const struct pit *pit, struct pit_channel *channel)
{
    if (channel->status_latched)
        return;
    channel->status_latched = true;
    channel->status = (uint8_t)((output(pit, channel) ? 0x80 : 0) | (channel->loaded ? 0 : 0x40) |
                                channel->access << 4 | channel->mode << 1 | (channel->bcd ? 1 : 0));
}

static void latch_count(const struct pit *pit, struct pit_channel *channel)
{
    if (channel->count_latched)
        return;
    channel->count_latched = true;
    channel->latch = current_count(pit, channel);
}

static void write_control(struct pit *pit, uint8_t value)
{
    unsigned index = value >> 6;
    if (index == 3) { /* read-back */
        for (unsigned i = 0; i < 3; i++) {
            if ((value & (2u << i)) == 0)
                continue;
            if ((value & 0x20) == 0)
                latch_count(pit, &pit->channel[i]);
            if ((value & 0x10) == 0)
                latch_status(pit, &pit->channel[i]);
        }
        return;
    }
    struct pit_channel *channel = &pit->channel[index];
    if ((value & 0x30) == 0) {
        latch_count(pit, channel);
        return;
    }
    channel->access = (value >> 4) & 3;
    channel->mode = (value >> 1) & 7;
    if (channel->mode > 5)
        channel->mode &= 3; /* 6 and 7 are 2 and 3 */
    channel->bcd = (value & 1) != 0;
    channel->loaded = false;
    channel->write_high = false;
    channel->read_high = false;
    channel->count_latched = false;
    if (index == 0) {
        lower_line(pit);
        arm(pit);
    }
}

static uint8_t read_count(struct pit *pit, struct pit_channel *channel)
{
    if (channel->status_latched) {
        channel->status_latched = false;
        return channel->status;
    }
    uint16_t value = channel->count_latched ? channel->latch : current_count(pit, channel);
    if (channel->access == 1) {
        channel->count_latched = false;
        return (uint8_t)value;
    }
    if (channel->access == 2) {
        channel->count_latched = false;
        return (uint8_t)(value >> 8);
    }
    if (!channel->read_high) {
        channel->read_high = true;
        return (uint8_t)value;
    }
    channel->read_high = false;
    channel->count_latched = false;
    return (uint8_t)(value >> 8);
}

static uint64_t pit_read(void *device, uint64_t offset, unsigned size)
{
    struct pit *pit = device;
    (void)size;
    if (offset >= 3)
        return 0xff; /* the control word cannot be read */
    return read_count(pit, &pit->channel[offset]);
}

static void pit_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pit *pit = device;
    (void)size;
    if (offset == 3)
        write_control(pit, (uint8_t)value);
    else if (offset < 3)
        write_count(pit, (unsigned)offset, (uint8_t)value);
}

/* Bit 4 of port 0x61 toggles with every refresh, 15 microseconds apart. */
static uint64_t gate_read(void *device, uint64_t offset, unsigned size)
{
    struct pit *pit = device;
    (void)offset;
    (void)size;
    const struct pit_channel *channel = &pit->channel[2];
    uint64_t ticks = ratio_apply(pit->rate.from_tsc, clock_now(pit->clock));
    return (channel->gate ? 1u : 0u) | (pit->speaker ? 2u : 0u) | ((ticks / 18) & 1) << 4 |
           (output(pit, channel) ? 0x20u : 0u);
}

static void gate_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pit *pit = device;
    (void)offset;
    (void)size;
    struct pit_channel *channel = &pit->channel[2];
    bool gate = (value & 1) != 0;
    if (gate && !channel->gate)
        channel->start = clock_now(pit->clock); /* the edge restarts it */
    channel->gate = gate;
    pit->speaker = (value & 2) != 0;
}

void pit_set_enabled(struct pit *pit, bool enabled)
{
    if (enabled)
        arm(pit);
    else
        timer_cancel(&pit->timer);
}

const struct bus_operations pit_operations = {pit_read, pit_write, 1};
const struct bus_operations pit_gate_operations = {gate_read, gate_write, 1};
