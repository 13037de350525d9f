/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/power.h"

#include <string.h>

#define PM1_TIMER        (1u << 0)
#define PM1_GLOBAL       (1u << 5)
#define PM1_POWER_BUTTON (1u << 8)
#define PM1_RTC          (1u << 10)
#define PM1_STATUS_BITS  0xcf31u
#define PM1_ENABLE_BITS  0x4721u
#define PM1_SCI_EN       (1u << 0)
#define PM1_SLEEP_ENABLE (1u << 13)
#define TIMER_MASK       0xffffffu /* 24 bits, TMR_VAL_EXT clear */

static uint64_t timer_value(const struct power *power)
{
    return ratio_apply(power->rate.from_tsc, clock_now(power->clock));
}

static void update_sci(struct power *power)
{
    bool sci = (power->status & power->enable & PM1_ENABLE_BITS) != 0;
    if (sci == power->sci)
        return;
    power->sci = sci;
    irq_set_isa(power->irq, POWER_SCI, sci);
}

/* TMR_STS is set when bit 23 of the timer changes (ACPI 4.8.3.1). Only wanted with TMR_EN. */
static void arm_overflow(struct power *power)
{
    if ((power->enable & PM1_TIMER) == 0) {
        timer_cancel(&power->overflow);
        return;
    }
    uint64_t next = (timer_value(power) | 0x7fffff) + 1;
    timer_set(&power->overflow, ratio_apply(power->rate.to_tsc, next) + 1);
}

static void overflow_expired(void *context)
{
    struct power *power = context;
    power->status |= PM1_TIMER;
    update_sci(power);
    arm_overflow(power);
}

void power_initialize(struct power *power, struct irq *irq, const struct clock *clock,
                      struct timer_queue *queue, void (*event)(void *, enum power_event),
                      void *context)
{
    memset(power, 0, sizeof(*power));
    power->irq = irq;
    power->clock = clock;
    power->rate = rate_make(POWER_TIMER_HZ, clock->hz);
    power->event = event;
    power->context = context;
    timer_add(queue, &power->overflow, overflow_expired, power);
    power_reset(power);
}

void power_reset(struct power *power)
{
    power->status = 0;
    power->enable = 0;
    /* There is no SMM to hand ACPI over: the FADT names no SMI command, SCI_EN is always set. */
    power->control = PM1_SCI_EN;
    power->smi_enable = 0;
    memset(power->gpe, 0, sizeof(power->gpe));
    power->reset_control = 0;
    power->keyboard_full = false;
    power->keyboard_command = 0;
    power->keyboard_mode = 0x30;
    power->fast_a20 = 2;
    timer_cancel(&power->overflow);
    update_sci(power);
}

void power_button(struct power *power)
{
    power->status |= PM1_POWER_BUTTON;
    update_sci(power);
}

/* The block is read and written byte by byte; a wider access is put together by the bus. */
static uint8_t read_byte(struct power *power, unsigned offset)
{
    switch (offset) {
    case 0x00:
    case 0x01:
        return (uint8_t)(power->status >> (offset * 8));
    case 0x02:
    case 0x03:
        return (uint8_t)(power->enable >> ((offset - 2) * 8));
    case 0x04:
    case 0x05:
        return (uint8_t)(power->control >> ((offset - 4) * 8));
    case 0x30:
    case 0x31:
    case 0x32:
    case 0x33:
        return (uint8_t)(power->smi_enable >> ((offset - 0x30) * 8));
    default:
        break;
    }
    if (offset >= 0x20 && offset < 0x20 + POWER_GPE0_SIZE)
        return power->gpe[offset - 0x20];
    return 0;
}

static uint64_t power_read(void *device, uint64_t offset, unsigned size)
{
    struct power *power = device;
    if (offset >= 0x08 && offset < 0x0c && size <= 0x0c - offset)
        return (timer_value(power) & TIMER_MASK) >> ((offset - 8) * 8);
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)read_byte(power, (unsigned)offset + i) << (i * 8);
    return value;
}

static void write_control(struct power *power)
{
    if ((power->control & PM1_SLEEP_ENABLE) == 0)
        return;
    power->control &= (uint16_t)~PM1_SLEEP_ENABLE; /* reads as zero */
    if (((power->control >> 10) & 7) == POWER_S5_TYPE)
        power->event(power->context, POWER_EVENT_OFF);
}

static void write_byte(struct power *power, unsigned offset, uint8_t value)
{
    switch (offset) {
    case 0x00:
    case 0x01:
        power->status &= (uint16_t) ~(((unsigned)value << (offset * 8)) & PM1_STATUS_BITS);
        update_sci(power);
        break;
    case 0x02:
    case 0x03: {
        unsigned shift = (offset - 2) * 8;
        power->enable =
            (uint16_t)(((power->enable & ~(0xffu << shift)) | (unsigned)value << shift) &
                       PM1_ENABLE_BITS);
        arm_overflow(power);
        update_sci(power);
        break;
    }
    case 0x04:
        power->control = (uint16_t)((power->control & 0xff00) | (value & 0x02) | PM1_SCI_EN);
        break;
    case 0x05:
        power->control = (uint16_t)((power->control & 0xff) | (value & 0x3c) << 8);
        write_control(power);
        break;
    case 0x30:
    case 0x31:
    case 0x32:
    case 0x33: {
        unsigned shift = (offset - 0x30) * 8;
        power->smi_enable = (power->smi_enable & ~(0xffu << shift)) | (uint32_t)value << shift;
        break;
    }
    default:
        if (offset >= 0x20 + POWER_GPE0_SIZE / 2 && offset < 0x20 + POWER_GPE0_SIZE)
            power->gpe[offset - 0x20] = value; /* enables; the status half has no sources */
        break;
    }
}

static void power_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        write_byte(device, (unsigned)offset + i, (uint8_t)(value >> (i * 8)));
}

/* ICH9 13.7.5: a change of bit 2 from 0 to 1 resets. */
static uint64_t reset_read(void *device, uint64_t offset, unsigned size)
{
    const struct power *power = device;
    (void)offset;
    (void)size;
    return power->reset_control;
}

static void reset_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct power *power = device;
    (void)offset;
    (void)size;
    bool rising = (value & 4) != 0 && (power->reset_control & 4) == 0;
    power->reset_control = (uint8_t)(value & 0x0a);
    if (rising)
        power->event(power->context, POWER_EVENT_RESET);
}

/*
 * An 8042 without a keyboard: enough for its self-test, the A20 gate and the reset pulse. No PS/2
 * device answers.
 */
static void keyboard_reply(struct power *power, uint8_t value)
{
    power->keyboard_output = value;
    power->keyboard_full = true;
}

static uint64_t keyboard_read(void *device, uint64_t offset, unsigned size)
{
    struct power *power = device;
    (void)offset;
    (void)size;
    power->keyboard_full = false;
    return power->keyboard_output;
}

static uint64_t keyboard_status(void *device, uint64_t offset, unsigned size)
{
    const struct power *power = device;
    (void)offset;
    (void)size;
    return power->keyboard_full ? 0x1d : 0x1c;
}

static void keyboard_command(struct power *power, uint8_t command)
{
    power->keyboard_command = 0;
    switch (command) {
    case 0x20:
        keyboard_reply(power, power->keyboard_mode);
        break;
    case 0xaa:
        keyboard_reply(power, 0x55); /* self-test passed */
        break;
    case 0xab:
    case 0xa9:
        keyboard_reply(power, 0x01); /* port test: clock line stuck low, nothing is plugged in */
        break;
    case 0xad:
        power->keyboard_mode |= 0x10;
        break;
    case 0xae:
        power->keyboard_mode &= 0xef;
        break;
    case 0xd0:
        keyboard_reply(power, 0x03); /* output port: A20 on, no reset */
        break;
    case 0x60:
    case 0xd1:
    case 0xd3:
        power->keyboard_command = command;
        break;
    default:
        /* 0xf0 to 0xff pulse output lines; line 0 is the reset. */
        if (command >= 0xf0 && (command & 1) == 0)
            power->event(power->context, POWER_EVENT_RESET);
        break;
    }
}

static void keyboard_write(void *device, uint64_t offset, unsigned size, uint64_t wide)
{
    struct power *power = device;
    uint8_t value = (uint8_t)wide;
    (void)offset;
    (void)size;
    uint8_t command = power->keyboard_command;
    power->keyboard_command = 0;
    if (command == 0x60)
        power->keyboard_mode = value;
    else if (command == 0xd1 && (value & 1) == 0)
        power->event(power->context, POWER_EVENT_RESET);
    else if (command == 0xd3)
        keyboard_reply(power, value);
}

static void keyboard_write_command(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)offset;
    (void)size;
    keyboard_command(device, (uint8_t)value);
}

static uint64_t a20_read(void *device, uint64_t offset, unsigned size)
{
    const struct power *power = device;
    (void)offset;
    (void)size;
    return power->fast_a20;
}

/* Port 0x92 (ICH9 13.7.3): bit 0 resets. A20 itself is never masked. */
static void a20_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct power *power = device;
    (void)offset;
    (void)size;
    power->fast_a20 = (uint8_t)(value & 2);
    if ((value & 1) != 0)
        power->event(power->context, POWER_EVENT_RESET);
}

const struct bus_operations power_operations = {power_read, power_write, 4};
const struct bus_operations power_reset_operations = {reset_read, reset_write, 1};
const struct bus_operations power_keyboard_operations = {keyboard_read, keyboard_write, 1};
const struct bus_operations power_keyboard_status_operations = {keyboard_status,
                                                                keyboard_write_command, 1};
const struct bus_operations power_a20_operations = {a20_read, a20_write, 1};
