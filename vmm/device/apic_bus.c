/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupt messages between local APICs, I/O APIC and devices, and the two ways in which a guest
 * reaches its local APIC: memory (xAPIC) and MSRs (x2APIC).
 */
#include <stddef.h>

#include "vmm/device/apic_internal.h"

#define MSR_APIC_BASE    0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_X2APIC       0x800u

/* Physical destinations: SDM 11.6.2.1; logical ones: 11.6.2.2 and 11.12.10.2. */
static bool matches(const struct apic *apic, const struct apic_message *message)
{
    uint32_t destination = message->destination;
    bool broadcast = message->x2apic ? destination == 0xffffffff : destination == 0xff;
    if (broadcast)
        return true;
    if (!message->logical)
        return destination == apic->id;
    if (apic_x2apic(apic)) {
        /* An 8-bit logical destination reaches cluster 0 only. */
        return destination >> 16 == apic->id >> 4 &&
               (destination & 0xffff & (1u << (apic->id & 0xf))) != 0;
    }
    if (destination > 0xff)
        return false;
    uint32_t own = apic->ldr >> 24;
    if (apic->dfr >> 28 == 0xf)
        return (destination & own) != 0;
    return destination >> 4 == own >> 4 && (destination & own & 0xf) != 0;
}

static void deliver_interrupt(struct apic *apic, uint8_t vector, bool level)
{
    if (apic_software_enabled(apic))
        apic_request(apic, vector, level);
}

static void deliver_to(struct apic *apic, const struct apic_message *message)
{
    switch (message->delivery) {
    case DELIVERY_FIXED:
    case DELIVERY_LOWEST:
        deliver_interrupt(apic, message->vector, message->level);
        return;
    case DELIVERY_NMI:
        apic->nmi_pending = true;
        break;
    case DELIVERY_INIT:
        apic->init_pending = true;
        apic->startup_pending = false;
        break;
    case DELIVERY_STARTUP:
        apic->startup_pending = true;
        apic->startup_vector = message->vector;
        break;
    case DELIVERY_SMI:
    case DELIVERY_EXTINT:
    default:
        return; /* there is no SMM, and the 8259 has a way of its own */
    }
    apic->wake(apic->wake_context);
}

static void deliver_lowest(struct apic_bus *bus, const struct apic_message *message)
{
    for (unsigned i = 0; i < bus->count; i++) {
        struct apic *apic = bus->apic[(bus->next_lowest + i) % bus->count];
        if (!apic_software_enabled(apic) || !matches(apic, message))
            continue;
        bus->next_lowest = (bus->next_lowest + i + 1) % bus->count;
        deliver_to(apic, message);
        return;
    }
}

void apic_deliver(struct apic_bus *bus, const struct apic_message *message)
{
    if (message->delivery == DELIVERY_LOWEST) {
        deliver_lowest(bus, message);
        return;
    }
    for (unsigned i = 0; i < bus->count; i++) {
        if (matches(bus->apic[i], message))
            deliver_to(bus->apic[i], message);
    }
}

void apic_msi(struct apic_bus *bus, uint64_t address, uint32_t data)
{
    if ((address >> 20) != APIC_BASE >> 20)
        return; /* not the interrupt address range */
    uint32_t destination = (uint32_t)(address >> 12) & 0xff;
    uint32_t delivery = (data >> 8) & 7;
    bool logical = (address & (1u << 2)) != 0;
    bool level = (data & (1u << 15)) != 0;
    /* Most are for one processor by its ID, which is its place. */
    if (!logical && delivery == DELIVERY_FIXED && destination < bus->count) {
        deliver_interrupt(bus->apic[destination], (uint8_t)data, level);
        return;
    }
    const struct apic_message message = {
        .destination = destination,
        .logical = logical,
        .level = level,
        .vector = (uint8_t)data,
        .delivery = (enum apic_delivery)delivery,
    };
    apic_deliver(bus, &message);
}

void apic_send(struct apic *apic)
{
    struct apic_bus *bus = apic->bus;
    uint32_t low = (uint32_t)apic->icr;
    struct apic_message message = {
        .destination =
            apic_x2apic(apic) ? (uint32_t)(apic->icr >> 32) : (uint32_t)(apic->icr >> 56),
        .logical = (low & ICR_LOGICAL) != 0,
        .x2apic = apic_x2apic(apic),
        .vector = (uint8_t)low,
        .delivery = (enum apic_delivery)((low >> 8) & 7),
    };
    if ((message.delivery == DELIVERY_FIXED || message.delivery == DELIVERY_LOWEST) &&
        message.vector < 16) {
        apic_error(apic, ESR_SEND_ILLEGAL);
        return;
    }
    /* INIT level de-assert is a relic that modern APICs ignore (SDM 11.6.1). */
    if (message.delivery == DELIVERY_INIT && (low & ICR_LEVEL) != 0 && (low & ICR_ASSERT) == 0)
        return;
    switch ((low >> ICR_SHORTHAND_SHIFT) & 3) {
    case 1:
        deliver_to(apic, &message);
        break;
    case 2:
    case 3:
        for (unsigned i = 0; i < bus->count; i++) {
            if (bus->apic[i] != apic || ((low >> ICR_SHORTHAND_SHIFT) & 3) == 2)
                deliver_to(bus->apic[i], &message);
        }
        break;
    default:
        apic_deliver(bus, &message);
        break;
    }
}

static uint64_t read_memory(void *device, uint64_t offset, unsigned size)
{
    struct apic_bus *bus = device;
    struct apic *apic = bus->current;
    if (apic == NULL || !apic_hardware_enabled(apic) || apic_x2apic(apic))
        return UINT64_MAX;
    /* Registers stand 16 bytes apart; what lies between is reserved and reads as zero here. */
    if ((offset & 0xf) + size > 4)
        return 0;
    return (uint64_t)apic_read(apic, (uint32_t)offset & 0xff0) >> ((offset & 3) * 8);
}

static void write_memory(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct apic_bus *bus = device;
    struct apic *apic = bus->current;
    if (apic == NULL || !apic_hardware_enabled(apic) || apic_x2apic(apic))
        return;
    if ((offset & 0xf) != 0 || size < 4)
        return;
    apic_write(apic, (uint32_t)offset, (uint32_t)value);
}

const struct bus_operations apic_operations = {read_memory, write_memory, 8};

/* SDM table 11-6: which x2APIC registers exist, and how they may be accessed. */
static bool x2apic_readable(uint32_t offset)
{
    switch (offset) {
    case APIC_REG_ID:
    case APIC_REG_VERSION:
    case APIC_REG_TPR:
    case APIC_REG_PPR:
    case APIC_REG_LDR:
    case APIC_REG_SVR:
    case APIC_REG_ESR:
    case APIC_REG_ICR_LOW:
    case APIC_REG_INITIAL_COUNT:
    case APIC_REG_CURRENT_COUNT:
    case APIC_REG_DIVIDE:
        return true;
    default:
        return (offset >= APIC_REG_ISR && offset < APIC_REG_IRR + 0x80) ||
               (offset >= APIC_REG_LVT_TIMER && offset <= APIC_REG_LVT_ERROR);
    }
}

static bool x2apic_write(struct apic *apic, uint32_t offset, uint64_t value)
{
    if (offset == APIC_REG_ICR_LOW) {
        if ((value & 0xffffffffu & ~(uint64_t)ICR_LOW_WRITABLE) != 0)
            return false;
        apic->icr = value;
        apic_send(apic);
        return true;
    }
    if (value >> 32 != 0)
        return false;
    switch (offset) {
    case APIC_REG_EOI:
    case APIC_REG_ESR:
        if (value != 0)
            return false;
        break;
    case APIC_REG_TPR:
        if (value > 0xff)
            return false;
        break;
    case APIC_REG_SVR:
    case APIC_REG_INITIAL_COUNT:
    case APIC_REG_DIVIDE:
        break;
    case APIC_REG_SELF_IPI:
        if (value > 0xff)
            return false;
        apic->icr = value | 1u << ICR_SHORTHAND_SHIFT;
        apic_send(apic);
        return true;
    default:
        if (offset < APIC_REG_LVT_TIMER || offset > APIC_REG_LVT_ERROR)
            return false;
        break;
    }
    apic_write(apic, offset, (uint32_t)value);
    return true;
}

bool apic_msr_read(struct apic *apic, uint32_t msr, uint64_t *value)
{
    if (msr == MSR_APIC_BASE) {
        *value = apic->base;
        return true;
    }
    if (msr == MSR_TSC_DEADLINE) {
        *value = apic->tsc_deadline;
        return true;
    }
    uint32_t offset = (msr - MSR_X2APIC) << 4;
    if (!apic_x2apic(apic) || !x2apic_readable(offset))
        return false;
    *value = offset == APIC_REG_ICR_LOW ? apic->icr : apic_read(apic, offset);
    return true;
}

/* Changes of mode: SDM figure 11-27. */
static bool write_base(struct apic *apic, uint64_t value)
{
    uint32_t mode = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
    uint32_t from = (uint32_t)apic->base & mode;
    uint32_t to = (uint32_t)value & mode;
    if (to == APIC_BASE_X2APIC)
        return false;
    if (from == mode && to == APIC_BASE_ENABLE)
        return false;
    if (from == 0 && to == mode)
        return false;
    /* The registers stay where every guest expects them: another base, or a reserved bit, is #GP.
     */
    if ((value & ~(uint64_t)(mode | APIC_BASE_BSP)) != APIC_BASE)
        return false;
    if (to == 0 && from != 0) {
        apic_reset(apic, true);
    }
    apic->base = APIC_BASE | to | (apic->id == 0 ? APIC_BASE_BSP : 0);
    return true;
}

bool apic_msr_write(struct apic *apic, uint32_t msr, uint64_t value)
{
    bool x2apic = (apic->base & APIC_BASE_X2APIC) != 0;
    if (msr == MSR_X2APIC + (APIC_REG_EOI >> 4) && x2apic && value == 0) { /* the most frequent */
        apic_eoi(apic);
        return true;
    }
    if (msr == MSR_APIC_BASE)
        return write_base(apic, value);
    if (msr == MSR_TSC_DEADLINE) {
        apic_timer_set_deadline(apic, value);
        return true;
    }
    return x2apic && x2apic_write(apic, (msr - MSR_X2APIC) << 4, value);
}
