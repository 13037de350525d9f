/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <virtio/transport.h>

#define CAPABILITY_VENDOR 0x09

enum capability_type { TYPE_COMMON = 1, TYPE_NOTIFY = 2, TYPE_ISR = 3, TYPE_DEVICE = 4 };

/* Common configuration (4.1.4.3). */
enum common {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    CONFIG_VECTOR = 0x10,
    STATUS = 0x14,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFF = 0x1e,
    QUEUE_DESCRIPTORS = 0x20,
    QUEUE_DRIVER = 0x28,
    QUEUE_DEVICE = 0x30,
    COMMON_SIZE = 0x38,
};

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER      2u
#define STATUS_DRIVER_OK   4u
#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u

/* A device that is asked to reset answers 0 when it has (4.1.4.3.1). */
#define RESET_POLLS 100000u

struct search {
    struct virtio_transport *transport;
    const struct registers *config;
    const struct registers *bar;
};

/* 4.1.4: of each type the first one that the driver can use counts. */
static bool found(void *context, unsigned at)
{
    struct search *search = context;
    struct virtio_transport *transport = search->transport;
    unsigned type = registers_read8(search->config, at + 3);
    unsigned bar = registers_read8(search->config, at + 4);
    uint32_t offset = registers_read32(search->config, at + 8);
    uint32_t length = registers_read32(search->config, at + 12);
    struct registers *place = type == TYPE_COMMON   ? &transport->common
                              : type == TYPE_NOTIFY ? &transport->notify
                              : type == TYPE_ISR    ? &transport->isr
                              : type == TYPE_DEVICE ? &transport->device
                                                    : NULL;
    if (place == NULL || bar >= PCI_BAR_COUNT || place->size != 0)
        return false;
    *place = registers_part(&search->bar[bar], offset, length);
    if (type == TYPE_NOTIFY)
        transport->notify_multiplier = registers_read32(search->config, at + 16);
    return false;
}

int virtio_find(struct virtio_transport *transport, const struct registers *config,
                const struct registers bar[PCI_BAR_COUNT])
{
    struct search search = {transport, config, bar};
    memset(transport, 0, sizeof(*transport));
    pci_each_capability(config, CAPABILITY_VENDOR, found, &search);
    return transport->common.size >= COMMON_SIZE && transport->notify.size >= 2 ? VIRTIO_OK
                                                                                : VIRTIO_ERROR_NONE;
}

static void set_status(struct virtio_transport *transport, uint8_t bits)
{
    uint8_t status = registers_read8(&transport->common, STATUS);
    registers_write8(&transport->common, STATUS, status | bits);
}

int virtio_stop(struct virtio_transport *transport)
{
    registers_write8(&transport->common, STATUS, 0);
    for (unsigned i = 0; i < RESET_POLLS; i++) {
        if (registers_read8(&transport->common, STATUS) == 0)
            return VIRTIO_OK;
    }
    return VIRTIO_ERROR_RESET;
}

static uint64_t read_features(const struct virtio_transport *transport)
{
    uint64_t features = 0;
    for (unsigned half = 0; half < 2; half++) {
        registers_write32(&transport->common, DEVICE_FEATURE_SELECT, half);
        features |= (uint64_t)registers_read32(&transport->common, DEVICE_FEATURE) << (32 * half);
    }
    return features;
}

int virtio_negotiate(struct virtio_transport *transport, uint64_t wanted, uint64_t needed)
{
    if (virtio_stop(transport) != VIRTIO_OK)
        return VIRTIO_ERROR_RESET;
    set_status(transport, STATUS_ACKNOWLEDGE);
    set_status(transport, STATUS_DRIVER);
    needed |= VIRTIO_FEATURE_VERSION_1;
    /* Behind an IOMMU a device takes addresses as the platform translates them (6.1); those that it
     * gets are the same with and without one. */
    uint64_t features =
        read_features(transport) & (wanted | needed | VIRTIO_FEATURE_ACCESS_PLATFORM);
    if ((features & needed) != needed)
        return VIRTIO_ERROR_FEATURES;
    for (unsigned half = 0; half < 2; half++) {
        registers_write32(&transport->common, DRIVER_FEATURE_SELECT, half);
        registers_write32(&transport->common, DRIVER_FEATURE, (uint32_t)(features >> (32 * half)));
    }
    set_status(transport, STATUS_FEATURES_OK);
    if ((registers_read8(&transport->common, STATUS) & STATUS_FEATURES_OK) == 0)
        return VIRTIO_ERROR_FEATURES;
    transport->features = features;
    return VIRTIO_OK;
}

void virtio_set_config_vector(const struct virtio_transport *transport, uint16_t vector)
{
    registers_write16(&transport->common, CONFIG_VECTOR, vector);
}

static void write_address(const struct virtio_transport *transport, unsigned offset, uint64_t value)
{
    registers_write32(&transport->common, offset, (uint32_t)value);
    registers_write32(&transport->common, offset + 4, (uint32_t)(value >> 32));
}

int virtio_start_queue(struct virtio_transport *transport, struct dma *dma, unsigned index,
                       uint16_t size, uint16_t vector, struct virtio_queue *queue)
{
    const struct registers *common = &transport->common;
    registers_write16(common, QUEUE_SELECT, (uint16_t)index);
    uint16_t largest = registers_read16(common, QUEUE_SIZE);
    while (size > largest)
        size /= 2;
    if (size < 2)
        return VIRTIO_ERROR_QUEUE;
    if (queue->size == size)
        virtio_queue_restart(queue); /* after a reset: the memory that it has */
    else if (virtio_queue_initialize(
                 queue, dma, size, (transport->features & VIRTIO_FEATURE_PACKED) != 0,
                 (transport->features & VIRTIO_FEATURE_EVENT) != 0,
                 (transport->features & VIRTIO_FEATURE_INDIRECT) != 0) != VIRTIO_QUEUE_OK)
        return VIRTIO_ERROR_QUEUE;
    registers_write16(common, QUEUE_SIZE, size);
    write_address(transport, QUEUE_DESCRIPTORS, queue->descriptors_address);
    write_address(transport, QUEUE_DRIVER, queue->driver_address);
    write_address(transport, QUEUE_DEVICE, queue->device_address);
    registers_write16(common, QUEUE_VECTOR, vector);
    if (registers_read16(common, QUEUE_VECTOR) != vector)
        return VIRTIO_ERROR_QUEUE;
    /* 4.1.4.4: where a queue's notification register stands. */
    queue->index = (uint16_t)index;
    queue->notify_offset =
        (uint64_t)registers_read16(common, QUEUE_NOTIFY_OFF) * transport->notify_multiplier;
    registers_write16(common, QUEUE_ENABLE, 1);
    return VIRTIO_OK;
}

void virtio_ready(struct virtio_transport *transport)
{
    set_status(transport, STATUS_DRIVER_OK);
}

void virtio_notify(const struct virtio_transport *transport, const struct virtio_queue *queue)
{
    registers_write16(&transport->notify, queue->notify_offset, queue->index);
}

bool virtio_is_broken(const struct virtio_transport *transport)
{
    return (registers_read8(&transport->common, STATUS) & STATUS_NEEDS_RESET) != 0;
}
