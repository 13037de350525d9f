/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/ioapic.h"

#include <string.h>

#define ENTRY_LOGICAL    (1u << 11)
#define ENTRY_STATUS     (1u << 12)
#define ENTRY_REMOTE_IRR (1u << 14)
#define ENTRY_LEVEL      (1u << 15)
#define ENTRY_MASKED     (1u << 16)
#define ENTRY_READ_ONLY  (ENTRY_STATUS | ENTRY_REMOTE_IRR)
#define ENTRY_WRITABLE   0xff0000000001ffffull

void ioapic_initialize(struct ioapic *ioapic, struct apic_bus *apics)
{
    memset(ioapic, 0, sizeof(*ioapic));
    ioapic->apics = apics;
    ioapic_reset(ioapic);
}

void ioapic_reset(struct ioapic *ioapic)
{
    ioapic->select = 0;
    ioapic->id = 0;
    for (unsigned i = 0; i < IOAPIC_PINS; i++)
        ioapic->redirection[i] = ENTRY_MASKED;
}

static void deliver(struct ioapic *ioapic, unsigned pin)
{
    uint64_t entry = ioapic->redirection[pin];
    bool level = (entry & ENTRY_LEVEL) != 0;
    if ((entry & ENTRY_MASKED) != 0 || (level && (entry & ENTRY_REMOTE_IRR) != 0))
        return;
    struct apic_message message = {
        .destination = (uint32_t)(entry >> 56),
        .logical = (entry & ENTRY_LOGICAL) != 0,
        .level = level,
        .vector = (uint8_t)entry,
        .delivery = (enum apic_delivery)((entry >> 8) & 7),
    };
    if (level)
        ioapic->redirection[pin] |= ENTRY_REMOTE_IRR;
    apic_deliver(ioapic->apics, &message);
}

void ioapic_set(struct ioapic *ioapic, unsigned pin, bool asserted)
{
    if (pin >= IOAPIC_PINS)
        return;
    uint32_t bit = 1u << pin;
    bool was = (ioapic->asserted & bit) != 0;
    if (was == asserted)
        return;
    ioapic->asserted ^= bit;
    if (asserted)
        deliver(ioapic, pin);
}

void ioapic_eoi(void *context, uint8_t vector)
{
    struct ioapic *ioapic = context;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t entry = ioapic->redirection[pin];
        if ((uint8_t)entry != vector || (entry & ENTRY_LEVEL) == 0 ||
            (entry & ENTRY_REMOTE_IRR) == 0)
            continue;
        ioapic->redirection[pin] &= ~(uint64_t)ENTRY_REMOTE_IRR;
        if ((ioapic->asserted & (1u << pin)) != 0)
            deliver(ioapic, pin);
    }
}

static uint32_t read_register(const struct ioapic *ioapic)
{
    uint32_t index = ioapic->select;
    switch (index) {
    case 0x00:
        return ioapic->id << 24;
    case 0x01:
        return 0x20 | (IOAPIC_PINS - 1) << 16;
    case 0x02:
        return ioapic->id << 24;
    default:
        break;
    }
    if (index >= 0x10 && index < 0x10 + 2 * IOAPIC_PINS) {
        uint64_t entry = ioapic->redirection[(index - 0x10) / 2];
        return (uint32_t)((index & 1) != 0 ? entry >> 32 : entry);
    }
    return 0xffffffff;
}

static void write_redirection(struct ioapic *ioapic, unsigned pin, bool high, uint32_t value)
{
    uint64_t old = ioapic->redirection[pin];
    uint64_t entry;
    if (high)
        entry = (old & 0xffffffffull) | (uint64_t)value << 32;
    else
        entry = (old & 0xffffffff00000000ull) | value;
    entry = (entry & ENTRY_WRITABLE & ~(uint64_t)ENTRY_READ_ONLY) | (old & ENTRY_READ_ONLY);
    if ((entry & ENTRY_LEVEL) == 0)
        entry &= ~(uint64_t)ENTRY_REMOTE_IRR; /* an edge entry has none */
    ioapic->redirection[pin] = entry;
    bool unmasked = (old & ENTRY_MASKED) != 0 && (entry & ENTRY_MASKED) == 0;
    bool level = (entry & ENTRY_LEVEL) != 0;
    if ((level || unmasked) && level && (ioapic->asserted & (1u << pin)) != 0)
        deliver(ioapic, pin);
}

static void write_register(struct ioapic *ioapic, uint32_t value)
{
    uint32_t index = ioapic->select;
    if (index == 0x00)
        ioapic->id = (value >> 24) & 0xf;
    else if (index >= 0x10 && index < 0x10 + 2 * IOAPIC_PINS)
        write_redirection(ioapic, (index - 0x10) / 2, (index & 1) != 0, value);
}

static uint64_t read_memory(void *device, uint64_t offset, unsigned size)
{
    struct ioapic *ioapic = device;
    (void)size;
    if (offset == 0x00)
        return ioapic->select;
    if (offset == 0x10)
        return read_register(ioapic);
    return 0;
}

static void write_memory(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct ioapic *ioapic = device;
    (void)size;
    if (offset == 0x00)
        ioapic->select = (uint32_t)value & 0xff;
    else if (offset == 0x10)
        write_register(ioapic, (uint32_t)value);
    else if (offset == 0x40)
        ioapic_eoi(ioapic, (uint8_t)value);
}

const struct bus_operations ioapic_operations = {read_memory, write_memory, 8};
