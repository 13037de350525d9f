/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A disk controller of any kind, with its driver.
 */
#ifndef SERVICE_BLOCK_CONTROLLER_H
#define SERVICE_BLOCK_CONTROLLER_H

#include "service/block/ahci.h"
#include "service/block/nvme.h"
#include "service/block/virtio_blk.h"
#include "service/pci/client.h"

enum controller_kind { CONTROLLER_VIRTIO, CONTROLLER_AHCI, CONTROLLER_NVME };

struct controller {
    struct pci_client pci;
    struct dma dma;
    enum controller_kind kind;
    bool running;
    union {
        struct virtio_blk_driver virtio;
        struct ahci_driver ahci;
        struct nvme_driver nvme;
    };
};

/*
 * Takes device `number` of the PCI service's channel over, if there is one, whose registers are in
 * the window, and starts its driver; its DMA memory is zeroed when the device moves no data any
 * more. Before the call dma is set. false: no such device. When it does not start, the log says why
 * and it has no disks.
 */
bool controller_start(struct controller *controller, microkit_channel channel, unsigned number,
                      const struct registers *window);

/* Its disk of this number, or NULL. */
struct block_device *controller_disk(struct controller *controller, unsigned number);

/* For the log. */
const char *controller_name(const struct controller *controller);

/* It has interrupted; a second has passed. false: a disk of it has stopped working. */
bool controller_interrupt(struct controller *controller);
bool controller_tick(struct controller *controller);

#endif
