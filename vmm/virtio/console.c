/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/virtio/console.h"

#include <string.h>

enum { QUEUE_RECEIVE, QUEUE_TRANSMIT, QUEUE_COUNT };

#define DEVICE_ID 3

/* Sends what is left of a request; false: not all of it. */
static bool send(struct virtio_console *console, const struct virtqueue_chain *chain)
{
    uint32_t skip = console->sent;
    for (unsigned i = 0; i < chain->readable; i++) {
        const struct virtqueue_segment *segment = &chain->segment[i];
        uint32_t from = skip < segment->length ? skip : segment->length;
        skip -= from;
        for (uint32_t j = from; j < segment->length; j++) {
            if (!console->transmit(console->context, segment->data[j]))
                return false;
            console->sent++;
        }
    }
    console->sent = 0;
    return true;
}

static int transmit(struct virtio_console *console)
{
    struct virtqueue *queue = &console->device.queue[QUEUE_TRANSMIT];
    struct virtqueue_chain chain;
    int result;
    console->stalled = false;
    /* Until the queue is empty after the driver has been asked to notify again. */
    do {
        while ((result = virtqueue_pop(queue, &chain)) == 1) {
            if (!send(console, &chain)) {
                virtqueue_unpop(queue, chain.token);
                console->stalled = true;
                virtio_interrupt(&console->device, QUEUE_TRANSMIT);
                return 0;
            }
            virtqueue_push(queue, chain.token, 0);
        }
        if (result < 0)
            return result;
        virtqueue_enable_notification(queue);
        result = virtqueue_pop(queue, &chain);
        if (result == 1)
            virtqueue_unpop(queue, chain.token);
    } while (result == 1);
    virtio_interrupt(&console->device, QUEUE_TRANSMIT);
    return result;
}

static int notify(struct virtio_device *device, unsigned index)
{
    struct virtio_console *console = device->model->context;
    return index == QUEUE_TRANSMIT ? transmit(console) : 0;
}

void virtio_console_transmit_ready(struct virtio_console *console)
{
    if (console->stalled && virtio_running(&console->device) && transmit(console) < 0)
        virtio_break(&console->device);
}

static void reset(struct virtio_device *device)
{
    struct virtio_console *console = device->model->context;
    console->stalled = false;
    console->sent = 0;
}

uint32_t virtio_console_receive(struct virtio_console *console, const uint8_t *bytes,
                                uint32_t length)
{
    struct virtqueue *queue = &console->device.queue[QUEUE_RECEIVE];
    struct virtqueue_chain chain;
    uint32_t taken = 0;
    while (taken < length && virtio_running(&console->device)) {
        int result = virtqueue_pop(queue, &chain);
        uint32_t written = 0;
        for (unsigned i = chain.readable; result == 1 && i < chain.count && taken < length; i++) {
            uint32_t part = chain.segment[i].length;
            if (part > length - taken)
                part = length - taken;
            memcpy(chain.segment[i].data, bytes + taken, part);
            taken += part;
            written += part;
        }
        if (result == 1)
            virtqueue_push(queue, chain.token, written);
        if (result < 0)
            virtio_break(&console->device);
        if (result != 1)
            break;
    }
    virtio_interrupt(&console->device, QUEUE_RECEIVE);
    return taken;
}

void virtio_console_initialize(struct virtio_console *console, unsigned slot,
                               const struct memory *memory, struct apic_bus *apics, struct irq *irq,
                               bool (*transmit_byte)(void *, uint8_t), void *context)
{
    memset(console, 0, sizeof(*console));
    console->transmit = transmit_byte;
    console->context = context;
    console->model = (struct virtio_model){
        .id = DEVICE_ID,
        .class_code = 0x078000, /* communication controller */
        .queues = QUEUE_COUNT,
        .notify = notify,
        .reset = reset,
        .context = console,
    };
    virtio_initialize(&console->device, &console->model, slot, memory, apics, irq);
}
