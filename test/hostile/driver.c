/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A driver that was taken over, in the place of the disks' driver and with its capabilities. At
 * each start it touches one more address that it was not given; a counter in its DMA memory, which
 * it keeps, tells which. Then it tries every empty slot of its capability space with every label,
 * and asks the PCI service and init for whatever a message can say.
 */
#include <component/component.h>
#include <component/layout.h>
#include <rt/log.h>
#include <sel4/labels.h>

#include "random.h"

/* Set by the system description, as in the driver. */
uintptr_t windows, dma_virtual, machines_slices, machines_rows;
uint64_t windows_size, dma_size, machines_slice, machines_slots;
uint64_t dma_physical0, dma_physical1, dma_physical2, dma_physical3;
microkit_channel pci_channel, machines_first_id, irq_first_id, tick_id;

enum { CONTROLLERS = 4 }; /* each with its DMA memory and its interrupt, one behind the other */
enum { SLOTS = 1 << COMPONENT_CNODE_BITS, LABELS = nInvocationLabels + 33 };
enum { CALLS = 20000, CALLS_TO_INIT = 4000 };

/* Beside what it has, where others have theirs, and the kernel's. */
static uint64_t foreign(uint64_t number)
{
    const uint64_t at[] = {
        windows - 8,         windows + windows_size,
        dma_virtual - 8,     dma_virtual + CONTROLLERS * dma_size,
        machines_slices - 8, machines_slices + machines_slice * machines_slots,
        0xffffffff80100000,  dma_physical0,
        machines_rows, /* which it may read */
    };
    return number < sizeof(at) / sizeof(at[0]) ? at[number] : UINT64_MAX;
}

static seL4_Word call(seL4_CPtr cap, seL4_Word label)
{
    seL4_Word length = random_below(12);

    for (seL4_Word i = 0; i < length; i++) {
        seL4_SetMR(i, random_value(dma_virtual, dma_size));
    }
    return seL4_MessageInfo_get_label(seL4_Call(cap, seL4_MessageInfo_new(label, 0, 0, length)));
}

/* What doc/system-description.md says that this driver has. */
static bool is_own(seL4_CPtr slot)
{
    bool machine = slot >= COMPONENT_SLOT_NOTIFY + machines_first_id &&
                   slot < COMPONENT_SLOT_NOTIFY + machines_first_id + machines_slots;
    return slot <= COMPONENT_SLOT_INIT || slot == COMPONENT_SLOT_CALL + pci_channel ||
           slot == COMPONENT_SLOT_TIMER + tick_id ||
           (slot >= COMPONENT_SLOT_IRQ + irq_first_id &&
            slot < COMPONENT_SLOT_IRQ + irq_first_id + CONTROLLERS) ||
           machine;
}

static void try_slots(void)
{
    unsigned calls = 0, beyond = 0;

    for (seL4_CPtr slot = 1; slot < SLOTS; slot++) {
        for (unsigned i = 0; !is_own(slot) && i < LABELS; i++) {
            seL4_Word label = i <= nInvocationLabels ? i : 0x1000 + i - nInvocationLabels - 1;
            calls++;
            if (call(slot, label) != seL4_InvalidCapability) {
                log_error("BEYOND: slot %lx answers", slot);
                beyond++;
                break;
            }
        }
    }
    log_info("empty slots: %u calls, %u beyond", calls, beyond);
}

static void try_messages(void)
{
    for (unsigned i = 0; i < CALLS; i++) {
        (void)call(COMPONENT_SLOT_CALL + pci_channel, random_below(16));
    }
    log_info("%u messages to the PCI service", CALLS);
    for (unsigned i = 0; i < CALLS_TO_INIT; i++) {
        (void)call(COMPONENT_SLOT_INIT, random_below(16));
    }
    log_info("%u messages to init", CALLS_TO_INIT);
}

void init(void)
{
    uint64_t start = (*(volatile uint64_t *)dma_virtual)++;
    uint64_t address = foreign(start);

    random_seed(start);
    log_info("its memory is at %lx, %lx, %lx and %lx", dma_physical0, dma_physical1, dma_physical2,
             dma_physical3);
    if (address != UINT64_MAX) {
        log_info("start %lu: touching %lx", start, address);
        *(volatile uint8_t *)address = 0;
        log_error("REACHED %lx", address);
    }
    try_slots();
    try_messages();
    log_info("hostile driver: done");
}

void notified(microkit_channel channel)
{
    (void)channel;
}
