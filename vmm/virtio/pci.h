/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The virtio transport over PCI (virtio 1.2, section 4.1), modern interface only, with MSI-X and
 * INTx. A device is its queues, a configuration space and a notify function.
 */
#ifndef VMM_VIRTIO_PCI_H
#define VMM_VIRTIO_PCI_H

#include "vmm/device/apic.h"
#include "vmm/device/irq.h"
#include "vmm/device/msix.h"
#include "vmm/device/pci.h"
#include "vmm/virtio/queue.h"

#define VIRTIO_MAX_QUEUES 17u /* eight pairs of a network card and its control queue */
#define VIRTIO_NO_VECTOR  0xffffu

#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX     (1ull << 29)
#define VIRTIO_F_VERSION_1     (1ull << 32)
#define VIRTIO_F_RING_PACKED   (1ull << 34)

enum virtio_status {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128,
};

struct virtio_device;

struct virtio_model {
    uint16_t id; /* virtio device ID */
    uint32_t class_code;
    uint64_t features; /* beside those of the transport */
    unsigned queues;
    const uint8_t *config; /* the device's configuration space */
    uint32_t config_size;
    /* The driver has notified queue `index`; returns 0 or an error, which breaks the device. */
    int (*notify)(struct virtio_device *device, unsigned index);
    /* The driver resets the device: what is under way is forgotten. May be NULL. */
    void (*reset)(struct virtio_device *device);
    /* Does nothing under way touch the driver's memory any more? NULL: after a reset, never. */
    bool (*settled)(const struct virtio_device *device);
    /* Can the device work with this choice among the features it offered? NULL: with any. */
    bool (*accept)(const struct virtio_device *device, uint64_t features);
    /* The driver writes its configuration space, inside config_size. NULL: it is read-only. */
    void (*config_written)(struct virtio_device *device, uint32_t offset, unsigned size,
                           uint64_t value);
    void *context;
};

struct virtio_device {
    struct pci_function function;
    const struct virtio_model *model;
    struct virtqueue queue[VIRTIO_MAX_QUEUES];
    uint16_t queue_vector[VIRTIO_MAX_QUEUES];
    uint16_t config_vector;
    uint16_t queue_select;
    uint32_t device_feature_select;
    uint32_t driver_feature_select;
    uint64_t driver_features;
    bool features_locked; /* FEATURES_OK was accepted; nothing but a reset changes them */
    uint8_t status;
    uint8_t isr;
    uint8_t config_generation;
    struct msix msix;
    const struct memory *memory;
    struct irq *irq;
    unsigned gsi;
};

/* Builds the PCI function at `slot` (1 to 30); the caller adds it to the bus. */
void virtio_initialize(struct virtio_device *device, const struct virtio_model *model,
                       unsigned slot, const struct memory *memory, struct apic_bus *apics,
                       struct irq *irq);

/* A reset by the driver, and one of the machine, which takes the PCI function along. */
void virtio_reset(struct virtio_device *device);
void virtio_power_on(struct virtio_device *device);

/* Interrupts the driver if it wants to know of what was pushed to queue `index`. */
void virtio_interrupt(struct virtio_device *device, unsigned index);

/* The device has changed its configuration space: the driver is told (virtio 1.2, 2.5). */
void virtio_config_changed(struct virtio_device *device);

/* Was this feature negotiated? */
bool virtio_has(const struct virtio_device *device, uint64_t feature);

/* Is the driver ready, and the device not broken? */
bool virtio_running(const struct virtio_device *device);

/* The driver broke the rules: the device stops until it is reset (virtio 1.2, 2.1.2). */
void virtio_break(struct virtio_device *device);

#endif
