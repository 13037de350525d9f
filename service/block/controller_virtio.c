/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "service/block/controller.h"
#include "service/block/virtio_blk.h"

static struct virtio_blk_driver drivers[CONTROLLERS_MAX];

static int start(struct controller *c)
{
    return virtio_blk_start(&drivers[c->number], &c->pci.config, c->pci.bar, &c->dma, 0);
}

static struct block_device *disk(unsigned number, unsigned disk)
{
    return disk == 0 ? &drivers[number].device : NULL;
}

static bool works(unsigned number)
{
    return !drivers[number].broken;
}

static bool interrupt(unsigned number)
{
    virtio_blk_interrupt(&drivers[number]);
    return works(number);
}

static bool settle(unsigned number)
{
    (void)virtio_blk_settle(&drivers[number]);
    return works(number);
}

static bool tick(unsigned number)
{
    virtio_blk_tick(&drivers[number]);
    return works(number);
}

const struct controller_kind controller_kind = {
    .name = "virtio",
    .start = start,
    .disk = disk,
    .interrupt = interrupt,
    .settle = settle,
    .tick = tick,
};
