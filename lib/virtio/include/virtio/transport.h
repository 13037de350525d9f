/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A virtio device over PCI from the driver's side (virtio 1.2, section 4.1): finds its registers,
 * negotiates features, starts queues.
 */
#ifndef VIRTIO_TRANSPORT_H
#define VIRTIO_TRANSPORT_H

#include <pci/pci.h>
#include <virtio/queue.h>

#define VIRTIO_FEATURE_INDIRECT        (1ull << 28)
#define VIRTIO_FEATURE_EVENT           (1ull << 29)
#define VIRTIO_FEATURE_ACCESS_PLATFORM (1ull << 33)
#define VIRTIO_FEATURE_VERSION_1       (1ull << 32)
#define VIRTIO_FEATURE_PLATFORM        (1ull << 33)
#define VIRTIO_FEATURE_PACKED          (1ull << 34)

#define VIRTIO_NO_MSIX 0xffffu

enum virtio_error {
    VIRTIO_OK = 0,
    VIRTIO_ERROR_NONE = -1,     /* not a virtio device of the modern kind */
    VIRTIO_ERROR_RESET = -2,    /* it does not come out of reset */
    VIRTIO_ERROR_FEATURES = -3, /* it does not take the features */
    VIRTIO_ERROR_QUEUE = -4,    /* it does not have that queue, or not in a usable size */
};

struct virtio_transport {
    struct registers common;
    struct registers notify;
    struct registers isr;
    struct registers device; /* its own configuration */
    uint32_t notify_multiplier;
    uint64_t features; /* negotiated */
};

/* Finds the registers; bar[i] is the mapped BAR i, of size 0 where there is none. */
int virtio_find(struct virtio_transport *transport, const struct registers *config,
                const struct registers bar[PCI_BAR_COUNT]);

/* Resets the device and agrees on the features that both sides have. `needed` must be among them.
 */
int virtio_negotiate(struct virtio_transport *transport, uint64_t wanted, uint64_t needed);

/* The MSI-X vector of configuration changes, a broken device among them. */
void virtio_set_config_vector(const struct virtio_transport *transport, uint16_t vector);

/* Builds queue `index` and hands it to the device; entries are at most `size`. */
int virtio_start_queue(struct virtio_transport *transport, struct dma *dma, unsigned index,
                       uint16_t size, uint16_t vector, struct virtio_queue *queue);

/* The driver is ready. */
void virtio_ready(struct virtio_transport *transport);

void virtio_notify(const struct virtio_transport *transport, const struct virtio_queue *queue);

/* Does the device want a reset? */
bool virtio_is_broken(const struct virtio_transport *transport);

/* Stops the device: no DMA from it after this. */
int virtio_stop(struct virtio_transport *transport);

#endif
