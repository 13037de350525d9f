/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Driver for a virtio source of random numbers (virtio 1.2, section 5.4): a noise source that asks
 * the device and waits a while for its answer. Builds for the host too.
 */
#ifndef SERVICE_ENTROPY_VIRTIO_RNG_H
#define SERVICE_ENTROPY_VIRTIO_RNG_H

#include <virtio/transport.h>

#define VIRTIO_RNG_BUFFER 512u

struct virtio_rng_driver {
    struct virtio_transport transport;
    struct virtio_queue queue;
    struct dma *dma;
    uint8_t *buffer; /* in DMA memory: the device writes there only while a request is under way */
    uint8_t bytes[VIRTIO_RNG_BUFFER]; /* what it gave */
    uint32_t have;
    uint32_t used;
    unsigned polls; /* looks at the queue that a request may take */
    bool broken;    /* it did not answer, or lied: it was stopped */
};

/* Starts the device; 0 or enum virtio_error. */
int virtio_rng_start(struct virtio_rng_driver *driver, const struct registers *config,
                     const struct registers bar[PCI_BAR_COUNT], struct dma *dma, unsigned polls);

/* A source for entropy_add(): context is the driver. */
bool virtio_rng_read(void *context, uint8_t noise[8]);

#endif
