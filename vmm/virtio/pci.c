/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/virtio/pci.h"

#include <string.h>

#define BAR_SIZE      0x4000u
#define BAR_MSIX_SIZE 0x1000u
#define OFFSET_COMMON 0x0000u
#define OFFSET_ISR    0x1000u
#define OFFSET_CONFIG 0x2000u
#define OFFSET_NOTIFY 0x3000u
#define REGION_SIZE   0x1000u
#define MSIX_PBA      0x800u

#define CAP_MSIX     0x40u
#define MSIX_ENABLE  0x8000u
#define MSIX_MASKALL 0x4000u

#define ISR_QUEUE  1u
#define ISR_CONFIG 2u

static const struct bus_operations register_operations;
static const struct bus_operations msix_operations;

/* A vendor capability (4.1.4): type, BAR 0, offset, length. */
static void capability(uint8_t *config, unsigned at, unsigned next, unsigned size, unsigned type,
                       uint32_t offset, uint32_t length)
{
    config[at] = 0x09;
    config[at + 1] = (uint8_t)next;
    config[at + 2] = (uint8_t)size;
    config[at + 3] = (uint8_t)type;
    pci_set32(config, at + 8, offset);
    pci_set32(config, at + 12, length);
}

void virtio_initialize(struct virtio_device *device, const struct virtio_model *model,
                       unsigned slot, const struct memory *memory, struct apic_bus *apics,
                       struct irq *irq)
{
    struct pci_function *function = &device->function;
    memset(device, 0, sizeof(*device));
    device->model = model;
    device->memory = memory;
    device->apics = apics;
    device->irq = irq;
    device->gsi = 16 + slot % 8; /* pin A, as dsdt.asl says */
    function->devfn = (uint8_t)(slot << 3);
    pci_header(function, 0x1af4, (uint16_t)(0x1040 + model->id), model->class_code, 1);
    pci_set16(function->config, 0x2c, 0x1af4);
    pci_set16(function->config, 0x2e, 0x1100);
    function->config[0x3d] = 1;    /* pin A */
    function->config[0x06] = 0x10; /* there is a capability list */
    function->config[0x34] = CAP_MSIX;
    function->config[CAP_MSIX] = 0x11;
    function->config[CAP_MSIX + 1] = 0x50;
    pci_set16(function->config, CAP_MSIX + 2, VIRTIO_VECTORS - 1);
    pci_set16(function->writable, CAP_MSIX + 2, MSIX_ENABLE | MSIX_MASKALL);
    pci_set32(function->config, CAP_MSIX + 4, 1);            /* table: BAR 1, offset 0 */
    pci_set32(function->config, CAP_MSIX + 8, MSIX_PBA | 1); /* pending bits: BAR 1 */
    capability(function->config, 0x50, 0x60, 16, 1, OFFSET_COMMON, 0x38);
    capability(function->config, 0x60, 0x74, 20, 2, OFFSET_NOTIFY, 4 * VIRTIO_MAX_QUEUES);
    pci_set32(function->config, 0x70, 4); /* notify_off_multiplier */
    capability(function->config, 0x74, 0x84, 16, 3, OFFSET_ISR, 1);
    capability(function->config, 0x84, 0, 16, 4, OFFSET_CONFIG, REGION_SIZE);
    pci_memory_bar(function, 0, BAR_SIZE, &register_operations, device);
    pci_memory_bar(function, 1, BAR_MSIX_SIZE, &msix_operations, device);
    virtio_reset(device);
}

static void set_line(struct virtio_device *device, bool asserted)
{
    irq_set_gsi(device->irq, device->gsi, asserted);
}

void virtio_reset(struct virtio_device *device)
{
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        virtqueue_reset(&device->queue[i], device->memory);
        device->queue_vector[i] = VIRTIO_NO_VECTOR;
    }
    device->config_vector = VIRTIO_NO_VECTOR;
    device->queue_select = 0;
    device->device_feature_select = 0;
    device->driver_feature_select = 0;
    device->driver_features = 0;
    device->status = 0;
    device->isr = 0;
    set_line(device, false);
}

bool virtio_running(const struct virtio_device *device)
{
    return (device->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK;
}

static uint16_t msix_control(const struct virtio_device *device)
{
    return pci_get16(&device->function, CAP_MSIX + 2);
}

/* Sends vector `vector`, or marks it pending while it is masked (PCI 3.0, 6.8.2). */
static void send_msix(struct virtio_device *device, unsigned vector)
{
    if (vector >= VIRTIO_VECTORS)
        return;
    const struct virtio_msix_entry *entry = &device->msix[vector];
    if ((msix_control(device) & MSIX_MASKALL) != 0 || (entry->control & 1) != 0)
        device->msix_pending |= 1u << vector;
    else
        apic_msi(device->apics, entry->address, entry->data);
}

static void raise(struct virtio_device *device, uint8_t isr, uint16_t vector)
{
    if ((msix_control(device) & MSIX_ENABLE) != 0) {
        send_msix(device, vector);
        return;
    }
    device->isr |= isr;
    if ((pci_get16(&device->function, 4) & 0x400) == 0) /* INTx disable */
        set_line(device, true);
}

void virtio_interrupt(struct virtio_device *device, unsigned index)
{
    if (virtqueue_must_interrupt(&device->queue[index]))
        raise(device, ISR_QUEUE, device->queue_vector[index]);
}

void virtio_break(struct virtio_device *device)
{
    device->status |= VIRTIO_NEEDS_RESET;
    if ((device->status & VIRTIO_DRIVER_OK) != 0)
        raise(device, ISR_CONFIG, device->config_vector);
}

static uint64_t offered(const struct virtio_device *device)
{
    return device->model->features | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC |
           VIRTIO_F_EVENT_IDX;
}

static struct virtqueue *selected(struct virtio_device *device)
{
    return device->queue_select < device->model->queues ? &device->queue[device->queue_select]
                                                        : NULL;
}

/* Common configuration (4.1.4.3), as one value per field. */
static uint64_t read_common(struct virtio_device *device, unsigned offset)
{
    const struct virtqueue *queue = selected(device);
    switch (offset) {
    case 0x00:
        return device->device_feature_select;
    case 0x04:
        return device->device_feature_select > 1
                   ? 0
                   : (uint32_t)(offered(device) >> (32 * device->device_feature_select));
    case 0x08:
        return device->driver_feature_select;
    case 0x0c:
        return device->driver_feature_select > 1
                   ? 0
                   : (uint32_t)(device->driver_features >> (32 * device->driver_feature_select));
    case 0x10:
        return device->config_vector;
    case 0x12:
        return device->model->queues;
    case 0x14:
        return device->status;
    case 0x16:
        return device->queue_select;
    case 0x18:
        return queue == NULL ? 0 : queue->size;
    case 0x1a:
        return queue == NULL ? VIRTIO_NO_VECTOR : device->queue_vector[device->queue_select];
    case 0x1c:
        return queue != NULL && queue->enabled;
    case 0x1e:
        return device->queue_select; /* queue_notify_off */
    case 0x20:
        return queue == NULL ? 0 : (uint32_t)queue->descriptors;
    case 0x24:
        return queue == NULL ? 0 : queue->descriptors >> 32;
    case 0x28:
        return queue == NULL ? 0 : (uint32_t)queue->available;
    case 0x2c:
        return queue == NULL ? 0 : queue->available >> 32;
    case 0x30:
        return queue == NULL ? 0 : (uint32_t)queue->used;
    case 0x34:
        return queue == NULL ? 0 : queue->used >> 32;
    default:
        return 0;
    }
}

static void write_status(struct virtio_device *device, uint8_t value)
{
    if (value == 0) {
        virtio_reset(device);
        return;
    }
    /* 3.1.1: FEATURES_OK stays clear for a choice that the device cannot work with. */
    bool modern = (device->driver_features & VIRTIO_F_VERSION_1) != 0;
    bool known = (device->driver_features & ~offered(device)) == 0;
    if ((value & VIRTIO_FEATURES_OK) != 0 && (!modern || !known))
        value &= (uint8_t)~VIRTIO_FEATURES_OK;
    device->status = (uint8_t)(value | (device->status & VIRTIO_NEEDS_RESET));
}

static uint64_t half(uint64_t old, uint64_t value, bool high)
{
    return high ? (old & 0xffffffff) | value << 32 : (old & ~0xffffffffull) | value;
}

static void write_queue(struct virtio_device *device, unsigned offset, uint64_t value)
{
    struct virtqueue *queue = selected(device);
    if (queue == NULL)
        return;
    if (offset == 0x1a) {
        device->queue_vector[device->queue_select] =
            (uint16_t)(value < VIRTIO_VECTORS ? value : VIRTIO_NO_VECTOR);
        return;
    }
    if (queue->enabled)
        return; /* 4.1.4.3.2: an enabled queue is not changed */
    switch (offset) {
    case 0x18:
        if (value != 0 && value <= VIRTQUEUE_MAX_SIZE && (value & (value - 1)) == 0)
            queue->size = (uint16_t)value;
        break;
    case 0x1c:
        queue->event_index = (device->driver_features & VIRTIO_F_EVENT_IDX) != 0;
        queue->indirect = (device->driver_features & VIRTIO_F_INDIRECT_DESC) != 0;
        queue->enabled = value == 1 && (device->status & VIRTIO_FEATURES_OK) != 0;
        break;
    case 0x20:
    case 0x24:
        queue->descriptors = half(queue->descriptors, value, offset == 0x24);
        break;
    case 0x28:
    case 0x2c:
        queue->available = half(queue->available, value, offset == 0x2c);
        break;
    case 0x30:
    case 0x34:
        queue->used = half(queue->used, value, offset == 0x34);
        break;
    default:
        break;
    }
}

static void write_common(struct virtio_device *device, unsigned offset, uint64_t value)
{
    switch (offset) {
    case 0x00:
        device->device_feature_select = (uint32_t)value;
        break;
    case 0x08:
        device->driver_feature_select = (uint32_t)value;
        break;
    case 0x0c:
        if (device->driver_feature_select <= 1 && (device->status & VIRTIO_FEATURES_OK) == 0)
            device->driver_features =
                half(device->driver_features, value, device->driver_feature_select == 1);
        break;
    case 0x10:
        device->config_vector = (uint16_t)(value < VIRTIO_VECTORS ? value : VIRTIO_NO_VECTOR);
        break;
    case 0x14:
        write_status(device, (uint8_t)value);
        break;
    case 0x16:
        device->queue_select = (uint16_t)value;
        break;
    default:
        write_queue(device, offset, value);
        break;
    }
}

static void notify(struct virtio_device *device, unsigned index)
{
    if (index >= device->model->queues || !virtio_running(device))
        return;
    if (device->model->notify(device, index) < 0)
        virtio_break(device);
}

static uint64_t register_read(void *context, uint64_t offset, unsigned size)
{
    struct virtio_device *device = context;
    const struct virtio_model *model = device->model;
    if (offset < OFFSET_ISR)
        return read_common(device, (unsigned)offset);
    if (offset == OFFSET_ISR) {
        uint8_t isr = device->isr;
        device->isr = 0;
        set_line(device, false);
        return isr;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size && offset >= OFFSET_CONFIG && offset < OFFSET_NOTIFY; i++) {
        uint64_t at = offset - OFFSET_CONFIG + i;
        if (at < model->config_size)
            value |= (uint64_t)model->config[at] << (i * 8);
    }
    return value;
}

static void register_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    (void)size;
    if (offset < OFFSET_ISR)
        write_common(context, (unsigned)offset, value);
    else if (offset >= OFFSET_NOTIFY)
        notify(context, (unsigned)(offset - OFFSET_NOTIFY) / 4);
}

static uint64_t msix_read(void *context, uint64_t offset, unsigned size)
{
    const struct virtio_device *device = context;
    (void)size;
    if (offset >= MSIX_PBA)
        return offset == MSIX_PBA ? device->msix_pending : 0;
    if (offset / 16 >= VIRTIO_VECTORS)
        return 0;
    const struct virtio_msix_entry *entry = &device->msix[offset / 16];
    switch (offset & 0xc) {
    case 0x0:
        return (uint32_t)entry->address;
    case 0x4:
        return entry->address >> 32;
    case 0x8:
        return entry->data;
    default:
        return entry->control;
    }
}

static void msix_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio_device *device = context;
    if (size != 4 || offset / 16 >= VIRTIO_VECTORS)
        return;
    unsigned vector = (unsigned)(offset / 16);
    struct virtio_msix_entry *entry = &device->msix[vector];
    switch (offset & 0xc) {
    case 0x0:
    case 0x4:
        entry->address = half(entry->address, value, (offset & 4) != 0);
        break;
    case 0x8:
        entry->data = (uint32_t)value;
        break;
    default:
        entry->control = (uint32_t)value & 1;
        if (entry->control == 0 && (device->msix_pending & (1u << vector)) != 0) {
            device->msix_pending &= ~(1u << vector);
            send_msix(device, vector);
        }
        break;
    }
}

static const struct bus_operations register_operations = {register_read, register_write, 4};
static const struct bus_operations msix_operations = {msix_read, msix_write, 4};
