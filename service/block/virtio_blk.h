/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Driver for virtio block devices (virtio 1.2, section 5.2) over PCI. It offers a block device
 * whose segments must lie in its DMA memory, or be lent; lib/block's bounce takes any other memory.
 */
#ifndef SERVICE_BLOCK_VIRTIO_BLK_H
#define SERVICE_BLOCK_VIRTIO_BLK_H

#include <block/device.h>
#include <virtio/transport.h>

#define VIRTIO_BLK_SLOTS 64u

struct virtio_blk_slot {
    struct block_request *request;
    uint16_t next_free;
    uint8_t age; /* ticks that the request has been with the device */
};

struct virtio_blk_driver {
    struct block_device device;
    struct registers config;
    struct virtio_transport transport;
    struct virtio_queue queue;
    struct dma *dma;
    uint8_t *control;         /* header, range and status byte of each slot, in DMA memory ... */
    uint64_t control_address; /* ... and where the device finds them */
    struct virtio_blk_slot slot[VIRTIO_BLK_SLOTS];
    uint16_t free_slot;
    uint16_t under_way;
    /* Requests that wait for a slot. */
    struct block_request *first;
    struct block_request *last;
    bool broken; /* the device lies: all requests fail until the driver is started anew */
};

/*
 * Starts the device. `vector` is the MSI-X vector that its queue uses, or VIRTIO_NO_MSIX. What the
 * driver needs of the DMA memory it takes; the rest is for the data. 0 or enum virtio_error.
 */
int virtio_blk_start(struct virtio_blk_driver *driver, const struct registers *config,
                     const struct registers bar[PCI_BAR_COUNT], struct dma *dma, uint16_t vector);

/*
 * Before the driver's thread waits: completes what the device has done by now, and asks it for an
 * interrupt if there is more to come; it gives none for what is found here. Has anything completed?
 */
bool virtio_blk_settle(struct virtio_blk_driver *driver);

/* The device has interrupted. */
void virtio_blk_interrupt(struct virtio_blk_driver *driver);

/*
 * To be called every few seconds: after 10 calls a request is lost. The device is stopped then, and
 * all requests fail until the driver is started anew.
 */
void virtio_blk_tick(struct virtio_blk_driver *driver);

#endif
