/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A component that drives the machine's disks on one kind of controller and offers what is on them
 * to virtual machines. Each kind is a program of its own, with its controller_*.c.
 */
#include <component/component.h>
#include <rt/log.h>
#include <rt/panic.h>
#include <stddef.h>

#include "service/block/clients.h"
#include "service/block/controller.h"
#include "service/block/disks.h"

#define WINDOW 0x10000u /* of each controller, as the PCI service cuts them */

/* Drivers take a command for lost after ten ticks: half a minute, since a disk may be a file on a
 * busy computer. */
#define TICK_SECONDS 3u

/* Set by the system description. Each controller has the interrupt of its number. */
COMPONENT_SETVAR microkit_channel pci_channel;
COMPONENT_SETVAR microkit_channel irq_first_id;
COMPONENT_SETVAR microkit_channel tick_id;
COMPONENT_SETVAR uint64_t windows; /* of the controllers' registers, one behind the other */
COMPONENT_SETVAR uint64_t windows_size;
COMPONENT_SETVAR uint64_t dma_virtual; /* of the first; the others' follow */
COMPONENT_SETVAR uint64_t dma_size;    /* of each */
COMPONENT_SETVAR uint64_t dma_physical0;
COMPONENT_SETVAR uint64_t dma_physical1;
COMPONENT_SETVAR uint64_t dma_physical2;
COMPONENT_SETVAR uint64_t dma_physical3;
COMPONENT_SETVAR microkit_channel machines_first_id;
COMPONENT_SETVAR uint64_t machines_slots;
COMPONENT_SETVAR uint64_t machines_slice;
COMPONENT_SETVAR uint64_t machines_rows;
COMPONENT_SETVAR uint64_t machines_slices;

static struct dma_range machines_memory[CONNECTION_SLOTS];
static unsigned machines_ranges;
static struct controller controllers[CONTROLLERS_MAX];
static unsigned count;

static void wake_machine(unsigned slot)
{
    microkit_deferred_notify(machines_first_id + slot);
}

/* It looks at what machines have given back whenever this component says that it is alive. */
static void tell_init(void)
{
    seL4_Signal(COMPONENT_SLOT_ALIVE);
}

static bool start_controller(unsigned number)
{
    const uint64_t physical[CONTROLLERS_MAX] = {dma_physical0, dma_physical1, dma_physical2,
                                                dma_physical3};
    struct controller *controller = &controllers[number];
    const struct registers window = {
        .base = (volatile uint8_t *)(windows + (uint64_t)number * WINDOW), .size = WINDOW};

    controller->dma = (struct dma){.memory = (uint8_t *)(dma_virtual + number * dma_size),
                                   .address = physical[number],
                                   .size = dma_size,
                                   .more = machines_memory,
                                   .more_count = machines_ranges};
    if (!controller_start(controller, pci_channel, number, &window))
        return false;
    struct block_device *disk;
    for (unsigned i = 0; (disk = controller_disk(controller, i)) != NULL; i++) {
        if (!disks_add(disk, controller_kind.name, controller->pci.requester, &controller->dma,
                       clients_settle))
            log_error("controller %u: there is no room for its disk %u", number, i);
    }
    return true;
}

static void arm_tick(void)
{
    component_timer_arm(tick_id, component_tsc() + TICK_SECONDS * component_info->tsc_hz);
}

/* Another life of this component resets the device and tries again. */
static void check(unsigned number, bool works)
{
    if (!works)
        panic("controller %u: a disk has stopped working", number);
}

/* Before it waits: a disk that is as fast as this has done what it was just asked for. */
static void settle(void)
{
    for (unsigned i = 0; i < count; i++)
        check(i, controller_settle(&controllers[i]));
    clients_settle();
}

void init(void)
{
    unsigned most = (unsigned)(windows_size / WINDOW);
    if (most > CONTROLLERS_MAX)
        most = CONTROLLERS_MAX;
    machines_ranges = clients_memory((const void *)machines_rows, (void *)machines_slices,
                                     machines_slice, (unsigned)machines_slots, machines_memory);
    while (count < most && start_controller(count))
        count++;
    if (count == 0)
        log_info("there is no %s controller", controller_kind.name);
    else
        arm_tick();
    clients_initialize((const void *)machines_rows, (void *)machines_slices, machines_slice,
                       (unsigned)machines_slots, wake_machine, tell_init, component_lend);
    settle();
}

static void interrupted(unsigned number)
{
    microkit_irq_ack(irq_first_id + number);
    check(number, controller_interrupt(&controllers[number]));
}

static void ticked(void)
{
    for (unsigned i = 0; i < count; i++)
        check(i, controller_tick(&controllers[i]));
    arm_tick();
}

void notified(microkit_channel channel)
{
    if (channel >= irq_first_id && channel - irq_first_id < count)
        interrupted(channel - irq_first_id);
    else if (channel == tick_id)
        ticked();
    else if (channel >= machines_first_id && channel - machines_first_id < machines_slots)
        clients_notified(channel - machines_first_id);
    settle();
}
