/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One local APIC: its registers and its priority logic. Messages between APICs are in apic_bus.c,
 * the timer in apic_timer.c.
 */
#include "vmm/device/apic.h"

#include <string.h>

#include "vmm/device/apic_internal.h"

/* Bits that can be written in each LVT entry (SDM figure 11-8). */
static const uint32_t lvt_writable[LVT_COUNT] = {
    [LVT_TIMER] = 0x000700ff, [LVT_THERMAL] = 0x000107ff, [LVT_PERFORMANCE] = 0x000107ff,
    [LVT_LINT0] = 0x0001a7ff, [LVT_LINT1] = 0x0001a7ff,   [LVT_ERROR] = 0x000100ff,
};

void apic_bits_set(struct apic_bits *bits, uint8_t vector)
{
    bits->word[vector / 32] |= 1u << (vector % 32);
    bits->summary |= 1u << (vector / 32);
}

void apic_bits_clear(struct apic_bits *bits, uint8_t vector)
{
    bits->word[vector / 32] &= ~(1u << (vector % 32));
    if (bits->word[vector / 32] == 0)
        bits->summary &= ~(1u << (vector / 32));
}

bool apic_bits_test(const struct apic_bits *bits, uint8_t vector)
{
    return (bits->word[vector / 32] & (1u << (vector % 32))) != 0;
}

int apic_bits_highest(const struct apic_bits *bits)
{
    if (bits->summary == 0)
        return -1;
    int word = 31 - __builtin_clz(bits->summary);
    return word * 32 + 31 - __builtin_clz(bits->word[word]);
}

bool apic_x2apic(const struct apic *apic)
{
    return (apic->base & APIC_BASE_X2APIC) != 0;
}

bool apic_hardware_enabled(const struct apic *apic)
{
    return (apic->base & APIC_BASE_ENABLE) != 0;
}

bool apic_software_enabled(const struct apic *apic)
{
    return apic_hardware_enabled(apic) && (apic->svr & SVR_ENABLE) != 0;
}

void apic_initialize(struct apic *apic, struct apic_bus *bus, struct timer_queue *queue,
                     void (*wake)(void *), void *wake_context)
{
    memset(apic, 0, sizeof(*apic));
    apic->bus = bus;
    apic->id = bus->count;
    apic->wake = wake;
    apic->wake_context = wake_context;
    timer_add(queue, &apic->timer, apic_timer_expired, apic);
    bus->apic[bus->count++] = apic;
    apic_reset(apic, false);
}

void apic_reset(struct apic *apic, bool init)
{
    if (!init)
        apic->base = APIC_BASE | APIC_BASE_ENABLE | (apic->id == 0 ? APIC_BASE_BSP : 0);
    apic->tpr = 0;
    apic->ldr = 0;
    apic->dfr = 0xffffffff;
    apic->svr = 0xff;
    apic->esr = 0;
    apic->esr_pending = 0;
    apic->icr = 0;
    for (unsigned i = 0; i < LVT_COUNT; i++)
        apic->lvt[i] = LVT_MASKED;
    apic->divide = 0;
    apic->initial_count = 0;
    apic->tsc_deadline = 0;
    memset(&apic->irr, 0, sizeof(apic->irr));
    memset(&apic->isr, 0, sizeof(apic->isr));
    memset(&apic->tmr, 0, sizeof(apic->tmr));
    apic->nmi_pending = false;
    apic->eoi_word = NULL;
    apic->eoi_offered = false;
    timer_cancel(&apic->timer);
}

/* Processor priority (SDM 11.8.3.1). */
static uint32_t processor_priority(const struct apic *apic)
{
    int service = apic_bits_highest(&apic->isr);
    uint32_t in_service = service < 0 ? 0 : (uint32_t)service & 0xf0;
    if ((apic->tpr & 0xf0) >= in_service)
        return apic->tpr & 0xff;
    return in_service;
}

int apic_highest_request(const struct apic *apic)
{
    return apic_bits_highest(&apic->irr);
}

int apic_pending(const struct apic *apic)
{
    if (apic->irr.summary == 0 || !apic_hardware_enabled(apic))
        return -1;
    int vector = apic_bits_highest(&apic->irr);
    if (((uint32_t)vector & 0xf0) <= (processor_priority(apic) & 0xf0))
        return -1;
    return vector;
}

/*
 * The guest may end an interrupt without an exit only while nothing waits for that: no other
 * request, no other interrupt in service, no level whose end the I/O APIC must hear of.
 */
static void offer_eoi(struct apic *apic, uint8_t vector)
{
    const struct apic_bits *isr = &apic->isr;
    uint32_t word = isr->word[vector / 32];
    if (apic->eoi_word == NULL || apic->irr.summary != 0 || apic_bits_test(&apic->tmr, vector) ||
        isr->summary != 1u << (vector / 32) || (word & (word - 1)) != 0)
        return;
    apic->eoi_word[0] |= 1;
    apic->eoi_offered = true;
}

static void withdraw_eoi(struct apic *apic)
{
    if (apic->eoi_offered)
        apic->eoi_word[0] &= 0xfe;
    apic->eoi_offered = false;
}

void apic_hold_eoi(struct apic *apic)
{
    if (apic->irr.summary != 0)
        withdraw_eoi(apic);
}

void apic_set_eoi_word(struct apic *apic, uint8_t *word)
{
    withdraw_eoi(apic);
    apic->eoi_word = word;
}

void apic_accept(struct apic *apic, uint8_t vector)
{
    withdraw_eoi(apic);
    apic_bits_clear(&apic->irr, vector);
    apic_bits_set(&apic->isr, vector);
    offer_eoi(apic, vector);
}

void apic_take_back(struct apic *apic, uint8_t vector)
{
    withdraw_eoi(apic);
    apic_bits_clear(&apic->isr, vector);
    apic_bits_set(&apic->irr, vector);
}

void apic_error(struct apic *apic, uint32_t bit)
{
    apic->esr_pending |= bit;
    apic_local_interrupt(apic, LVT_ERROR);
}

void apic_request(struct apic *apic, uint8_t vector, bool level)
{
    if (vector < 16) {
        apic_error(apic, ESR_RECEIVED_ILLEGAL);
        return;
    }
    if (level)
        apic_bits_set(&apic->tmr, vector);
    else if (apic_bits_test(&apic->tmr, vector))
        apic_bits_clear(&apic->tmr, vector);
    if (!apic_bits_test(&apic->irr, vector)) {
        apic_bits_set(&apic->irr, vector);
        apic->wake(apic->wake_context);
    }
}

void apic_local_interrupt(struct apic *apic, enum apic_lvt entry)
{
    uint32_t lvt = apic->lvt[entry];
    if ((lvt & LVT_MASKED) != 0 || !apic_software_enabled(apic))
        return;
    if (entry == LVT_TIMER || entry == LVT_ERROR) {
        apic_request(apic, (uint8_t)lvt, false);
        return;
    }
    switch ((lvt >> 8) & 7) {
    case DELIVERY_FIXED:
        apic_request(apic, (uint8_t)lvt, false);
        break;
    case DELIVERY_NMI:
        apic->nmi_pending = true;
        apic->wake(apic->wake_context);
        break;
    default:
        break;
    }
}

void apic_raise_lint(struct apic *apic, enum apic_lvt lint)
{
    apic_local_interrupt(apic, lint);
}

bool apic_accepts_extint(const struct apic *apic)
{
    if (!apic_hardware_enabled(apic))
        return true;
    uint32_t lint0 = apic->lvt[LVT_LINT0];
    return (lint0 & LVT_MASKED) == 0 && ((lint0 >> 8) & 7) == DELIVERY_EXTINT;
}

uint8_t apic_cr8(const struct apic *apic)
{
    return (uint8_t)((apic->tpr >> 4) & 0xf);
}

void apic_set_cr8(struct apic *apic, uint8_t cr8)
{
    apic->tpr = (uint32_t)(cr8 & 0xf) << 4;
    apic->wake(apic->wake_context);
}

static void end_of_interrupt(struct apic *apic)
{
    int vector = apic_bits_highest(&apic->isr);
    withdraw_eoi(apic);
    if (vector < 0)
        return;
    apic_bits_clear(&apic->isr, (uint8_t)vector);
    if (apic_bits_test(&apic->tmr, (uint8_t)vector) && apic->bus->eoi != NULL)
        apic->bus->eoi(apic->bus->eoi_context, (uint8_t)vector);
}

void apic_eoi(struct apic *apic)
{
    end_of_interrupt(apic);
    if (apic->irr.summary != 0)
        apic->wake(apic->wake_context);
}

void apic_see_eoi(struct apic *apic)
{
    if (!apic->eoi_offered || (apic->eoi_word[0] & 1) != 0)
        return;
    end_of_interrupt(apic);
    apic->wake(apic->wake_context);
}

static uint32_t logical_id(const struct apic *apic)
{
    if (apic_x2apic(apic)) /* SDM 11.12.10.2 */
        return ((apic->id >> 4) << 16) | (1u << (apic->id & 0xf));
    return apic->ldr;
}

static const uint8_t lvt_offsets[LVT_COUNT] = {
    [LVT_TIMER] = 0x32, [LVT_THERMAL] = 0x33, [LVT_PERFORMANCE] = 0x34,
    [LVT_LINT0] = 0x35, [LVT_LINT1] = 0x36,   [LVT_ERROR] = 0x37,
};

static int lvt_of_offset(uint32_t offset)
{
    for (int i = 0; i < LVT_COUNT; i++) {
        if ((uint32_t)lvt_offsets[i] << 4 == offset)
            return i;
    }
    return -1;
}

uint32_t apic_read(struct apic *apic, uint32_t offset)
{
    int lvt = lvt_of_offset(offset);
    if (lvt >= 0)
        return apic->lvt[lvt];
    switch (offset) {
    case APIC_REG_ID:
        return apic_x2apic(apic) ? apic->id : apic->id << 24;
    case APIC_REG_VERSION:
        return 0x14 | (LVT_COUNT - 1) << 16;
    case APIC_REG_TPR:
        return apic->tpr;
    case APIC_REG_APR:
        return 0;
    case APIC_REG_PPR:
        return processor_priority(apic);
    case APIC_REG_LDR:
        return logical_id(apic);
    case APIC_REG_DFR:
        return apic->dfr;
    case APIC_REG_SVR:
        return apic->svr;
    case APIC_REG_ESR:
        return apic->esr;
    case APIC_REG_ICR_LOW:
        return (uint32_t)apic->icr;
    case APIC_REG_ICR_HIGH:
        return (uint32_t)(apic->icr >> 32);
    case APIC_REG_INITIAL_COUNT:
        return apic->initial_count;
    case APIC_REG_CURRENT_COUNT:
        return apic_timer_current(apic);
    case APIC_REG_DIVIDE:
        return apic->divide;
    default:
        break;
    }
    if (offset >= APIC_REG_ISR && offset < APIC_REG_ISR + 0x80)
        return apic->isr.word[(offset >> 4) & 7];
    if (offset >= APIC_REG_TMR && offset < APIC_REG_TMR + 0x80)
        return apic->tmr.word[(offset >> 4) & 7];
    if (offset >= APIC_REG_IRR && offset < APIC_REG_IRR + 0x80)
        return apic->irr.word[(offset >> 4) & 7];
    return 0;
}

static void write_lvt(struct apic *apic, unsigned entry, uint32_t value)
{
    uint32_t old = apic->lvt[entry];
    value &= lvt_writable[entry] | LVT_MASKED;
    if ((apic->svr & SVR_ENABLE) == 0)
        value |= LVT_MASKED; /* SDM 11.4.7.2 */
    apic->lvt[entry] = value;
    if (entry == LVT_TIMER && ((old ^ value) & LVT_TIMER_MODE) != 0)
        apic_timer_mode_changed(apic, old & LVT_TIMER_MODE);
}

static void write_svr(struct apic *apic, uint32_t value)
{
    apic->svr = value & 0x3ff;
    if ((apic->svr & SVR_ENABLE) == 0) {
        for (unsigned i = 0; i < LVT_COUNT; i++)
            apic->lvt[i] |= LVT_MASKED;
    }
}

void apic_write(struct apic *apic, uint32_t offset, uint32_t value)
{
    if (offset == APIC_REG_EOI) {
        apic_eoi(apic);
        return;
    }
    apic->wake(apic->wake_context); /* whatever it is, the next entry may depend on it */
    int lvt = lvt_of_offset(offset);
    if (lvt >= 0) {
        write_lvt(apic, (unsigned)lvt, value);
        return;
    }
    switch (offset) {
    case APIC_REG_TPR:
        apic->tpr = value & 0xff;
        break;
    case APIC_REG_LDR:
        if (!apic_x2apic(apic))
            apic->ldr = value & 0xff000000;
        break;
    case APIC_REG_DFR:
        if (!apic_x2apic(apic))
            apic->dfr = value | 0x0fffffff;
        break;
    case APIC_REG_SVR:
        write_svr(apic, value);
        break;
    case APIC_REG_ESR:
        apic->esr = apic->esr_pending;
        apic->esr_pending = 0;
        break;
    case APIC_REG_ICR_LOW:
        apic->icr = (apic->icr & 0xffffffff00000000ull) | (value & ICR_LOW_WRITABLE);
        apic_send(apic);
        break;
    case APIC_REG_ICR_HIGH:
        apic->icr = (apic->icr & 0xffffffffull) | (uint64_t)(value & 0xff000000) << 32;
        break;
    case APIC_REG_INITIAL_COUNT:
        apic_timer_load(apic, value);
        break;
    case APIC_REG_DIVIDE:
        apic_timer_divide(apic, value & 0xb);
        break;
    default:
        break;
    }
}
