/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "service/block/controller.h"
#include "service/block/nvme.h"

static struct nvme_driver drivers[CONTROLLERS_MAX];

static int start(struct controller *c)
{
    return nvme_start(&drivers[c->number], &c->pci.config, &c->pci.bar[0], &c->dma);
}

static struct block_device *disk(unsigned number, unsigned disk)
{
    return disk == 0 ? &drivers[number].device : NULL;
}

static bool works(unsigned number)
{
    return !drivers[number].dead;
}

static bool interrupt(unsigned number)
{
    nvme_interrupt(&drivers[number]);
    return works(number);
}

static bool tick(unsigned number)
{
    nvme_tick(&drivers[number]);
    return works(number);
}

const struct controller_kind controller_kind = {
    .name = "NVMe",
    .start = start,
    .disk = disk,
    .interrupt = interrupt,
    .tick = tick,
};
