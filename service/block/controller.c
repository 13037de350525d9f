/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/block/controller.h"

#include <rt/log.h>
#include <stddef.h>
#include <string.h>

bool controller_start(struct controller *controller, microkit_channel channel, unsigned number,
                      const struct registers *window)
{
    if (!pci_client_find(&controller->pci, channel, number, window))
        return false;
    controller->number = number;
    /* What an earlier life of this driver left is forgotten. */
    memset(controller->dma.memory, 0, controller->dma.size);
    int error = controller_kind.start(controller);
    controller->running = error == 0;
    if (error != 0) {
        /* Whatever state it is in, it moves no data. */
        pci_stop_master(&controller->pci.config);
        log_error("controller %u, %s: it does not start (error %d)", number, controller_kind.name,
                  error);
    }
    return true;
}

struct block_device *controller_disk(struct controller *controller, unsigned number)
{
    return controller->running ? controller_kind.disk(controller->number, number) : NULL;
}

bool controller_interrupt(struct controller *controller)
{
    return !controller->running || controller_kind.interrupt(controller->number);
}

bool controller_tick(struct controller *controller)
{
    return !controller->running || controller_kind.tick(controller->number);
}

bool controller_settle(struct controller *controller)
{
    return controller_kind.settle == NULL || !controller->running ||
           controller_kind.settle(controller->number);
}
