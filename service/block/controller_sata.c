/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "service/block/controller.h"
#include "service/block/ahci.h"

#define AHCI_BAR 5u

static struct ahci_driver drivers[CONTROLLERS_MAX];

static int start(struct controller *c)
{
    return ahci_start(&drivers[c->number], &c->pci.config, &c->pci.bar[AHCI_BAR], &c->dma);
}

static struct block_device *disk(unsigned number, unsigned disk)
{
    struct ahci_driver *driver = &drivers[number];
    return disk < driver->disks ? &driver->disk[disk].device : NULL;
}

static bool works(unsigned number)
{
    const struct ahci_driver *driver = &drivers[number];
    bool dead = false;
    for (unsigned i = 0; i < driver->disks; i++)
        dead = dead || driver->disk[i].dead;
    return !dead;
}

static bool interrupt(unsigned number)
{
    ahci_interrupt(&drivers[number]);
    return works(number);
}

static bool tick(unsigned number)
{
    ahci_tick(&drivers[number]);
    return works(number);
}

const struct controller_kind controller_kind = {
    .name = "SATA",
    .start = start,
    .disk = disk,
    .interrupt = interrupt,
    .tick = tick,
};
