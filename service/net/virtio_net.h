/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Driver for virtio network cards (virtio 1.2, section 5.1) over PCI, one pair of queues, with
 * checksum and segmentation offloads where the device has them.
 */
#ifndef SERVICE_NET_VIRTIO_NET_H
#define SERVICE_NET_VIRTIO_NET_H

#include <net/frame.h>
#include <virtio/transport.h>

#define VIRTIO_NET_RECEIVE_BUFFERS  128u
#define VIRTIO_NET_TRANSMIT_BUFFERS 128u /* of one packet each ... */
#define VIRTIO_NET_FRAME_BUFFERS    24u  /* ... or, where the device cuts frames, of any frame */

/* DMA memory that the driver needs, queues included: one large page. */
#define VIRTIO_NET_DMA_SIZE 0x200000u

struct virtio_net_driver {
    /* Frames given to it go out; one that was refused has to be the next one, as it may have gone
     * out in part. */
    struct net_sink output;
    uint8_t mac[NET_MAC_SIZE];
    struct virtio_transport transport;
    struct virtio_queue receive;
    struct virtio_queue transmit;
    struct dma *dma;
    uint8_t *receive_buffer;
    uint8_t *transmit_buffer;
    uint32_t transmit_size; /* of a buffer */
    uint32_t free_count;    /* buffers that are free: their numbers are first in the list */
    uint8_t free_transmit[VIRTIO_NET_TRANSMIT_BUFFERS];
    struct net_plain plain; /* the frame that is being cut for a device that does not do it */
    struct net_sink input;  /* takes what comes in */
    bool refused;           /* the output has refused a frame since there was room */
    bool broken;
    bool more; /* the device may have more: virtio_net_interrupt is to be called again */
    uint64_t dropped;
};

/* Starts the card; both queues use the same MSI-X vector. 0 or enum virtio_error. */
int virtio_net_start(struct virtio_net_driver *driver, const struct registers *config,
                     const struct registers bar[PCI_BAR_COUNT], struct dma *dma, uint16_t vector,
                     const struct net_sink *input);

/*
 * The device has interrupted, or `more` is set: hands in what arrived, one round of the queue at
 * most, so that a device that always has something cannot hold the driver. true: there is room for
 * frames again.
 */
bool virtio_net_interrupt(struct virtio_net_driver *driver);

#endif
