/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/block/controller.h"

#include <rt/log.h>
#include <stddef.h>
#include <string.h>

#define PCI_CLASS  0x08u
#define CLASS_AHCI 0x010601u
#define CLASS_NVME 0x010802u
#define AHCI_BAR   5u
#define NVME_BAR   0u

const char *controller_name(const struct controller *controller)
{
    static const char *const names[] = {
        [CONTROLLER_VIRTIO] = "virtio",
        [CONTROLLER_AHCI] = "SATA",
        [CONTROLLER_NVME] = "NVMe",
    };
    return names[controller->kind];
}

static int start(struct controller *c)
{
    switch (c->kind) {
    case CONTROLLER_AHCI:
        return ahci_start(&c->ahci, &c->pci.config, &c->pci.bar[AHCI_BAR], &c->dma);
    case CONTROLLER_NVME:
        return nvme_start(&c->nvme, &c->pci.config, &c->pci.bar[NVME_BAR], &c->dma);
    default:
        return virtio_blk_start(&c->virtio, &c->pci.config, c->pci.bar, &c->dma, 0);
    }
}

bool controller_start(struct controller *controller, microkit_channel channel, unsigned number,
                      const struct registers *window)
{
    if (!pci_client_find(&controller->pci, channel, number, window))
        return false;
    /* What an earlier life of this driver left is forgotten. */
    memset(controller->dma.memory, 0, controller->dma.size);
    uint32_t class = registers_read32(&controller->pci.config, PCI_CLASS) >> 8;
    controller->kind = class == CLASS_AHCI   ? CONTROLLER_AHCI
                       : class == CLASS_NVME ? CONTROLLER_NVME
                                             : CONTROLLER_VIRTIO;
    int error = start(controller);
    controller->running = error == 0;
    if (error != 0)
        log_error("controller %u, %s: it does not start (error %d)", number,
                  controller_name(controller), error);
    return true;
}

struct block_device *controller_disk(struct controller *controller, unsigned number)
{
    if (!controller->running)
        return NULL;
    if (controller->kind == CONTROLLER_AHCI)
        return number < controller->ahci.disks ? &controller->ahci.disk[number].device : NULL;
    if (number != 0)
        return NULL;
    return controller->kind == CONTROLLER_NVME ? &controller->nvme.device
                                               : &controller->virtio.device;
}

static bool works(const struct controller *c)
{
    bool dead = false;
    switch (c->kind) {
    case CONTROLLER_AHCI:
        for (unsigned i = 0; i < c->ahci.disks; i++)
            dead = dead || c->ahci.disk[i].dead;
        return !dead;
    case CONTROLLER_NVME:
        return !c->nvme.dead;
    default:
        return !c->virtio.broken;
    }
}

bool controller_interrupt(struct controller *controller)
{
    if (!controller->running)
        return true;
    if (controller->kind == CONTROLLER_AHCI)
        ahci_interrupt(&controller->ahci);
    else if (controller->kind == CONTROLLER_NVME)
        nvme_interrupt(&controller->nvme);
    else
        virtio_blk_interrupt(&controller->virtio);
    return works(controller);
}

bool controller_tick(struct controller *controller)
{
    if (!controller->running)
        return true;
    if (controller->kind == CONTROLLER_AHCI)
        ahci_tick(&controller->ahci);
    else if (controller->kind == CONTROLLER_NVME)
        nvme_tick(&controller->nvme);
    return works(controller);
}
