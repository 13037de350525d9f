/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A disk controller with its driver, whatever its kind.
 */
#ifndef SERVICE_BLOCK_CONTROLLER_H
#define SERVICE_BLOCK_CONTROLLER_H

#include <block/device.h>
#include <pci/dma.h>

#include "service/pci/client.h"

#define CONTROLLERS_MAX 4u

struct controller {
    unsigned number;
    struct pci_client pci;
    struct dma dma;
    bool running;
};

/*
 * What a driver does with the controllers of its kind, each known by its number. A program is
 * linked with one of them: controller_virtio.c, controller_sata.c or controller_nvme.c.
 */
struct controller_kind {
    const char *name;                                             /* for the log */
    int (*start)(struct controller *controller);                  /* 0 or the driver's error */
    struct block_device *(*disk)(unsigned number, unsigned disk); /* NULL: it has no such disk */
    /* These return false when a disk of it has stopped working. */
    bool (*interrupt)(unsigned number);
    bool (*settle)(unsigned number); /* before the thread waits; NULL: it has nothing to do then */
    bool (*tick)(unsigned number);
};

extern const struct controller_kind controller_kind;

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

/* It has interrupted; some seconds have passed. false: a disk of it has stopped working. */
bool controller_interrupt(struct controller *controller);
bool controller_tick(struct controller *controller);

/* The component is about to wait: what its disks have done by now completes. Returns as these. */
bool controller_settle(struct controller *controller);

#endif
