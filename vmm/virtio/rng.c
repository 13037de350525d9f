/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/virtio/rng.h"

#include <string.h>

#define DEVICE_ID 4

/* Fills one request; 1, 0 when there is none or the source is dry, or an error. */
static int serve_one(struct virtio_rng *rng)
{
    struct virtqueue *queue = &rng->device.queue[0];
    struct virtqueue_chain *chain = &rng->chain;
    uint8_t bytes[256];
    uint32_t written = 0;
    int result = virtqueue_pop(queue, chain);
    if (result != 1)
        return result;
    /* 5.4.6.1: the driver's buffers are device-writable. */
    if (chain->readable != 0)
        return VIRTQUEUE_ERROR_CHAIN;
    while (written < chain->writeable_length && written < VIRTIO_RNG_PART) {
        uint64_t left = chain->writeable_length - written;
        uint32_t part = left < sizeof(bytes) ? (uint32_t)left : (uint32_t)sizeof(bytes);
        uint32_t have = rng->source(rng->context, bytes, part);
        if (have == 0)
            break;
        written += virtqueue_scatter(chain->segment, chain->count, written, bytes, have);
    }
    memset(bytes, 0, sizeof(bytes));
    if (written == 0) {
        virtqueue_unpop(queue, chain->token);
        return 0;
    }
    virtqueue_push(queue, chain->token, written);
    return 1;
}

static int serve(struct virtio_rng *rng)
{
    int result;
    bool any;
    do {
        /* What comes after this is notified; what came before is seen in one round more. */
        virtqueue_enable_notification(&rng->device.queue[0]);
        any = false;
        while ((result = serve_one(rng)) == 1)
            any = true;
    } while (any && result == 0);
    virtio_interrupt(&rng->device, 0);
    return result;
}

static int notify(struct virtio_device *device, unsigned index)
{
    (void)index;
    return serve(device->model->context);
}

void virtio_rng_poll(struct virtio_rng *rng)
{
    if (virtio_running(&rng->device) && serve(rng) < 0)
        virtio_break(&rng->device);
}

void virtio_rng_initialize(struct virtio_rng *rng, unsigned slot, const struct memory *memory,
                           struct apic_bus *apics, struct irq *irq,
                           uint32_t (*source)(void *, uint8_t *, uint32_t), void *context)
{
    memset(rng, 0, sizeof(*rng));
    rng->source = source;
    rng->context = context;
    rng->model = (struct virtio_model){
        .id = DEVICE_ID,
        .class_code = 0x00ff00, /* in no other class */
        .queues = 1,
        .notify = notify,
        .context = rng,
    };
    virtio_initialize(&rng->device, &rng->model, slot, memory, apics, irq);
}
