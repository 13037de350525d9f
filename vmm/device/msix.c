/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/msix.h"

#include <string.h>

#define CONTROL      2u
#define ENABLE       0x8000u
#define MASK_ALL     0x4000u
#define PENDING_BITS 0x800u
#define MASKED       1u

static const struct bus_operations operations;

void msix_initialize(struct msix *msix, struct pci_function *function, struct apic_bus *apics,
                     unsigned offset, uint8_t next, unsigned bar, unsigned vectors)
{
    memset(msix, 0, sizeof(*msix));
    msix->function = function;
    msix->apics = apics;
    msix->capability = offset;
    msix->vectors = vectors;
    function->config[offset] = 0x11;
    function->config[offset + 1] = next;
    pci_set16(function->config, offset + CONTROL, (uint16_t)(vectors - 1));
    pci_set16(function->writable, offset + CONTROL, ENABLE | MASK_ALL);
    pci_set32(function->config, offset + 4, bar);                /* table at 0 */
    pci_set32(function->config, offset + 8, PENDING_BITS | bar); /* pending bits */
    pci_memory_bar(function, bar, MSIX_BAR_SIZE, &operations, msix);
    msix_reset(msix);
}

void msix_reset(struct msix *msix)
{
    unsigned at = msix->capability + CONTROL;
    uint16_t control = pci_get16(msix->function, at);
    pci_set16(msix->function->config, at, (uint16_t)(control & ~(ENABLE | MASK_ALL)));
    memset(msix->entry, 0, sizeof(msix->entry));
    for (unsigned i = 0; i < MSIX_MAX_VECTORS; i++)
        msix->entry[i].control = MASKED;
    msix->pending = 0;
}

static uint16_t control(const struct msix *msix)
{
    return pci_get16(msix->function, msix->capability + CONTROL);
}

bool msix_enabled(const struct msix *msix)
{
    return (control(msix) & ENABLE) != 0;
}

void msix_send(struct msix *msix, unsigned vector)
{
    if (vector >= msix->vectors)
        return;
    const struct msix_entry *entry = &msix->entry[vector];
    if ((control(msix) & MASK_ALL) != 0 || (entry->control & MASKED) != 0)
        msix->pending |= 1u << vector;
    else
        apic_msi(msix->apics, entry->address, entry->data);
}

static void send_pending(struct msix *msix, unsigned vector)
{
    uint32_t bit = 1u << vector;
    if ((msix->pending & bit) == 0 || !msix_enabled(msix))
        return;
    msix->pending &= ~bit;
    msix_send(msix, vector); /* pending again if it is still masked */
}

void msix_config_written(struct msix *msix)
{
    for (unsigned i = 0; msix->pending != 0 && i < msix->vectors; i++)
        send_pending(msix, i);
}

static uint64_t read(void *context, uint64_t offset, unsigned size)
{
    const struct msix *msix = context;
    (void)size;
    if (offset >= PENDING_BITS)
        return offset == PENDING_BITS ? msix->pending : 0;
    if (offset / 16 >= msix->vectors)
        return 0;
    const struct msix_entry *entry = &msix->entry[offset / 16];
    switch (offset & 0xc) {
    case 0x0:
        return (uint32_t)entry->address;
    case 0x4:
        return entry->address >> 32;
    case 0x8:
        return entry->data;
    default:
        return entry->control;
    }
}

static void write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct msix *msix = context;
    /* Software uses aligned accesses of 32 or 64 bits (6.8.2); the bus splits the latter. */
    if (size != 4 || offset % 4 != 0 || offset / 16 >= msix->vectors)
        return;
    struct msix_entry *entry = &msix->entry[offset / 16];
    switch (offset & 0xc) {
    case 0x0:
        entry->address = (entry->address & ~0xffffffffull) | (value & 0xfffffffc);
        break;
    case 0x4:
        entry->address = (entry->address & 0xffffffff) | value << 32;
        break;
    case 0x8:
        entry->data = (uint32_t)value;
        break;
    default:
        entry->control = (uint32_t)value & MASKED;
        send_pending(msix, (unsigned)(offset / 16));
        break;
    }
}

static const struct bus_operations operations = {read, write, 4};
