/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/virtio/pci.h"

#include <string.h>

#define BAR_SIZE      0x4000u
#define OFFSET_COMMON 0x0000u
#define OFFSET_ISR    0x1000u
#define OFFSET_CONFIG 0x2000u
#define OFFSET_NOTIFY 0x3010u /* not where its page begins: see operand_may_split */
#define REGION_SIZE   0x1000u

#define CAP_MSIX     0x40u
#define CAP_COMMON   0x50u
#define CAP_NOTIFY   0x60u
#define CAP_ISR      0x74u
#define CAP_CONFIG   0x84u
#define CAP_PCI      0x94u
#define CAP_PCI_DATA (CAP_PCI + 16u)

#define COMMAND_INTX_DISABLE 0x400u

#define ISR_QUEUE  1u
#define ISR_CONFIG 2u

static const struct bus_operations register_operations;

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

static uint64_t register_read(void *context, uint64_t offset, unsigned size);
static void register_write(void *context, uint64_t offset, unsigned size, uint64_t value);

/*
 * The window into BAR 0 (4.1.4.9). Only accesses that the BAR would see itself are carried out.
 * Returns their size, or 0.
 */
static unsigned window(const struct pci_function *function, uint32_t *offset)
{
    uint32_t length = pci_get32(function, CAP_PCI + 12);
    *offset = pci_get32(function, CAP_PCI + 8);
    bool valid = function->config[CAP_PCI + 4] == 0 && (length == 1 || length == 2 || length == 4);
    return valid && *offset % length == 0 && *offset < BAR_SIZE ? length : 0;
}

static bool touches_window(unsigned offset, unsigned size)
{
    return offset < CAP_PCI_DATA + 4 && offset + size > CAP_PCI_DATA;
}

static void config_reading(void *context, unsigned offset, unsigned size)
{
    struct virtio_device *device = context;
    uint32_t at;
    unsigned length = touches_window(offset, size) ? window(&device->function, &at) : 0;
    if (length != 0)
        pci_set32(device->function.config, CAP_PCI_DATA,
                  (uint32_t)register_read(device, at, length));
}

static void config_written(void *context, unsigned offset, unsigned size)
{
    struct virtio_device *device = context;
    uint32_t at;
    unsigned length = touches_window(offset, size) ? window(&device->function, &at) : 0;
    if (length != 0)
        register_write(device, at, length,
                       pci_get32(&device->function, CAP_PCI_DATA) & bus_mask(length));
    msix_config_written(&device->msix);
}

static void build_function(struct virtio_device *device, unsigned slot, struct apic_bus *apics)
{
    struct pci_function *function = &device->function;
    const struct virtio_model *model = device->model;
    function->devfn = (uint8_t)(slot << 3);
    pci_header(function, 0x1af4, (uint16_t)(0x1040 + model->id), model->class_code, 1);
    pci_set16(function->config, 0x2c, 0x1af4);
    pci_set16(function->config, 0x2e, 0x1100);
    function->config[0x3d] = 1;    /* pin A */
    function->config[0x06] = 0x10; /* there is a capability list */
    function->config[0x34] = CAP_MSIX;
    pci_memory_bar(function, 0, BAR_SIZE, &register_operations, device);
    msix_initialize(&device->msix, function, apics, CAP_MSIX, CAP_COMMON, 1, model->queues + 1);
    capability(function->config, CAP_COMMON, CAP_NOTIFY, 16, 1, OFFSET_COMMON, 0x38);
    capability(function->config, CAP_NOTIFY, CAP_ISR, 20, 2, OFFSET_NOTIFY, 4 * model->queues);
    pci_set32(function->config, CAP_NOTIFY + 16, 4); /* notify_off_multiplier */
    capability(function->config, CAP_ISR, CAP_CONFIG, 16, 3, OFFSET_ISR, 1);
    capability(function->config, CAP_CONFIG, CAP_PCI, 16, 4, OFFSET_CONFIG, REGION_SIZE);
    capability(function->config, CAP_PCI, 0, 20, 5, 0, 0);
    function->writable[CAP_PCI + 4] = 0xff;
    memset(function->writable + CAP_PCI + 8, 0xff, 12); /* offset, length, data */
    function->config_reading = config_reading;
    function->config_written = config_written;
    function->context = device;
}

void virtio_initialize(struct virtio_device *device, const struct virtio_model *model,
                       unsigned slot, const struct memory *memory, struct apic_bus *apics,
                       struct irq *irq)
{
    memset(device, 0, sizeof(*device));
    device->model = model;
    device->memory = memory;
    device->irq = irq;
    device->gsi = 16 + slot % 8; /* pin A, as dsdt.asl says */
    build_function(device, slot, apics);
    virtio_reset(device);
}

static void set_line(struct virtio_device *device, bool asserted)
{
    irq_set_gsi(device->irq, device->gsi, asserted);
}

void virtio_reset(struct virtio_device *device)
{
    if (device->model->reset != NULL)
        device->model->reset(device);
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        virtqueue_reset(&device->queue[i], device->memory);
        device->queue_vector[i] = VIRTIO_NO_VECTOR;
    }
    device->config_vector = VIRTIO_NO_VECTOR;
    device->queue_select = 0;
    device->device_feature_select = 0;
    device->driver_feature_select = 0;
    device->driver_features = 0;
    device->features_locked = false;
    device->status = 0;
    device->isr = 0;
    set_line(device, false);
}

void virtio_power_on(struct virtio_device *device)
{
    virtio_reset(device);
    msix_reset(&device->msix);
}

bool virtio_has(const struct virtio_device *device, uint64_t feature)
{
    return (device->driver_features & feature) != 0;
}

bool virtio_running(const struct virtio_device *device)
{
    const uint8_t all = VIRTIO_DRIVER_OK | VIRTIO_FEATURES_OK | VIRTIO_NEEDS_RESET;
    return (device->status & all) == (VIRTIO_DRIVER_OK | VIRTIO_FEATURES_OK);
}

static void raise(struct virtio_device *device, uint8_t isr, uint16_t vector)
{
    if (msix_enabled(&device->msix)) {
        msix_send(&device->msix, vector);
        return;
    }
    device->isr |= isr;
    if ((pci_get16(&device->function, 4) & COMMAND_INTX_DISABLE) == 0)
        set_line(device, true);
}

void virtio_interrupt(struct virtio_device *device, unsigned index)
{
    if (virtqueue_must_interrupt(&device->queue[index]))
        raise(device, ISR_QUEUE, device->queue_vector[index]);
}

void virtio_config_changed(struct virtio_device *device)
{
    device->config_generation++;
    if ((device->status & VIRTIO_DRIVER_OK) != 0)
        raise(device, ISR_CONFIG, device->config_vector);
}

void virtio_break(struct virtio_device *device)
{
    if ((device->status & VIRTIO_NEEDS_RESET) != 0)
        return;
    device->status |= VIRTIO_NEEDS_RESET;
    if ((device->status & VIRTIO_DRIVER_OK) != 0)
        raise(device, ISR_CONFIG, device->config_vector);
}

static uint64_t offered(const struct virtio_device *device)
{
    return device->model->features | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC |
           VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_PACKED;
}

static struct virtqueue *selected(struct virtio_device *device)
{
    return device->queue_select < device->model->queues ? &device->queue[device->queue_select]
                                                        : NULL;
}

static uint32_t half_of(uint64_t value, uint32_t select)
{
    return select > 1 ? 0 : (uint32_t)(value >> (32 * select));
}

static uint64_t read_queue(const struct virtio_device *device, const struct virtqueue *queue,
                           unsigned offset)
{
    switch (offset) {
    case 0x18:
        return queue->size;
    case 0x1a:
        return device->queue_vector[device->queue_select];
    case 0x1c:
        return queue->enabled;
    case 0x1e:
        return device->queue_select; /* queue_notify_off */
    case 0x20:
    case 0x24:
        return half_of(queue->descriptors, offset == 0x24);
    case 0x28:
    case 0x2c:
        return half_of(queue->available, offset == 0x2c);
    case 0x30:
    case 0x34:
        return half_of(queue->used, offset == 0x34);
    default:
        return 0;
    }
}

/* A reset is over when the device touches no memory any more: until then its driver, which waits
 * for 0, sees another value (2.4.2, 4.1.4.3.2). */
static uint8_t read_status(const struct virtio_device *device)
{
    const struct virtio_model *model = device->model;
    bool settles = device->status == 0 && model->settled != NULL && !model->settled(device);
    return settles ? VIRTIO_ACKNOWLEDGE : device->status;
}

/* Common configuration (4.1.4.3), as one value per field. */
static uint64_t read_common(struct virtio_device *device, unsigned offset)
{
    const struct virtqueue *queue = selected(device);
    switch (offset) {
    case 0x00:
        return device->device_feature_select;
    case 0x04:
        return half_of(offered(device), device->device_feature_select);
    case 0x08:
        return device->driver_feature_select;
    case 0x0c:
        return half_of(device->driver_features, device->driver_feature_select);
    case 0x10:
        return device->config_vector;
    case 0x12:
        return device->model->queues;
    case 0x14:
        return read_status(device);
    case 0x15:
        return device->config_generation;
    case 0x16:
        return device->queue_select;
    default:
        if (queue == NULL)
            return offset == 0x1a ? VIRTIO_NO_VECTOR : 0;
        return read_queue(device, queue, offset);
    }
}

/* 3.1.1: FEATURES_OK stays clear for a choice that the device cannot work with. */
static bool acceptable(const struct virtio_device *device)
{
    uint64_t features = device->driver_features;
    if ((features & VIRTIO_F_VERSION_1) == 0 || (features & ~offered(device)) != 0)
        return false;
    return device->model->accept == NULL || device->model->accept(device, features);
}

static void write_status(struct virtio_device *device, uint8_t value)
{
    if (value == 0) {
        virtio_reset(device);
        return;
    }
    if ((value & VIRTIO_FEATURES_OK) != 0 && !device->features_locked) {
        device->features_locked = acceptable(device);
        if (!device->features_locked)
            value &= (uint8_t)~VIRTIO_FEATURES_OK;
    }
    device->status = (uint8_t)(value | (device->status & VIRTIO_NEEDS_RESET));
}

static uint64_t half(uint64_t old, uint64_t value, bool high)
{
    return high ? (old & 0xffffffff) | value << 32 : (old & ~0xffffffffull) | value;
}

static void enable_queue(struct virtio_device *device, struct virtqueue *queue)
{
    if (!device->features_locked)
        return;
    queue->event_index = virtio_has(device, VIRTIO_F_EVENT_IDX);
    queue->indirect = virtio_has(device, VIRTIO_F_INDIRECT_DESC);
    queue->packed = virtio_has(device, VIRTIO_F_RING_PACKED);
    if (virtqueue_enable(queue) < 0)
        virtio_break(device);
}

static void write_queue(struct virtio_device *device, unsigned offset, uint64_t value)
{
    struct virtqueue *queue = selected(device);
    if (queue == NULL)
        return;
    if (offset == 0x1a) {
        device->queue_vector[device->queue_select] =
            (uint16_t)(value < device->msix.vectors ? value : VIRTIO_NO_VECTOR);
        return;
    }
    if (queue->enabled)
        return; /* 4.1.4.3.2: an enabled queue is not changed */
    switch (offset) {
    case 0x18:
        if (value != 0 && value <= VIRTQUEUE_MAX_SIZE)
            queue->size = (uint16_t)value;
        break;
    case 0x1c:
        if (value == 1)
            enable_queue(device, queue);
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
        if (device->driver_feature_select <= 1 && !device->features_locked)
            device->driver_features =
                half(device->driver_features, value, device->driver_feature_select == 1);
        break;
    case 0x10:
        device->config_vector = (uint16_t)(value < device->msix.vectors ? value : VIRTIO_NO_VECTOR);
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

static __attribute__((noinline)) void write_rest(struct virtio_device *device, uint64_t offset,
                                                 unsigned size, uint64_t value)
{
    const struct virtio_model *model = device->model;
    if (offset < OFFSET_ISR) {
        write_common(device, (unsigned)offset, value);
    } else if (offset >= OFFSET_CONFIG && model->config_written != NULL) {
        uint32_t at = (uint32_t)(offset - OFFSET_CONFIG);
        if (at < model->config_size && size <= model->config_size - at)
            model->config_written(device, at, size, value);
    }
}

static void register_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset >= OFFSET_NOTIFY) /* the most frequent */
        notify(context, (unsigned)(offset - OFFSET_NOTIFY) / 4);
    else
        write_rest(context, offset, size, value);
}

static const struct bus_operations register_operations = {register_read, register_write, 4};
