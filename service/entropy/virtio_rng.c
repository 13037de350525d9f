/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/entropy/virtio_rng.h"

#include <string.h>

#define QUEUE_SIZE 8u
#define NOISE      8u

int virtio_rng_start(struct virtio_rng_driver *driver, const struct registers *config,
                     const struct registers bar[PCI_BAR_COUNT], struct dma *dma, unsigned polls)
{
    memset(driver, 0, sizeof(*driver));
    driver->dma = dma;
    driver->polls = polls;
    pci_enable(config, true);
    int error = virtio_find(&driver->transport, config, bar);
    if (error == VIRTIO_OK)
        error = virtio_negotiate(&driver->transport, 0, 0);
    if (error == VIRTIO_OK)
        error = virtio_start_queue(&driver->transport, dma, 0, QUEUE_SIZE, VIRTIO_NO_MSIX,
                                   &driver->queue);
    driver->buffer = error == VIRTIO_OK ? dma_allocate(dma, VIRTIO_RNG_BUFFER, 64) : NULL;
    driver->broken = driver->buffer == NULL;
    if (driver->broken)
        return error == VIRTIO_OK ? VIRTIO_ERROR_QUEUE : error;
    virtio_ready(&driver->transport);
    return VIRTIO_OK;
}

/* The device moves no data any more, whatever it still has of us. */
static bool give_up(struct virtio_rng_driver *driver)
{
    driver->broken = true;
    (void)virtio_stop(&driver->transport);
    return false;
}

static bool refill(struct virtio_rng_driver *driver)
{
    const struct virtio_buffer buffer = {dma_address(driver->dma, driver->buffer),
                                         VIRTIO_RNG_BUFFER};
    uint32_t cookie;
    uint32_t written = 0;
    int result = 0;
    if (virtio_queue_add(&driver->queue, &buffer, 0, 1, 0) != VIRTIO_QUEUE_OK)
        return give_up(driver);
    if (virtio_queue_must_notify(&driver->queue))
        virtio_notify(&driver->transport, &driver->queue);
    for (unsigned i = 0; i < driver->polls && result == 0; i++) {
        result = virtio_queue_take(&driver->queue, &cookie, &written);
        if (result == 0)
            __builtin_ia32_pause();
    }
    if (result != 1 || written > VIRTIO_RNG_BUFFER)
        return give_up(driver);
    memcpy(driver->bytes, driver->buffer, written);
    memset(driver->buffer, 0, VIRTIO_RNG_BUFFER);
    driver->have = written;
    driver->used = 0;
    return true;
}

bool virtio_rng_read(void *context, uint8_t noise[8])
{
    struct virtio_rng_driver *driver = context;
    /* An answer may be shorter than asked for; one without a whole number is no answer. */
    if (driver->have - driver->used < NOISE &&
        (driver->broken || !refill(driver) || driver->have < NOISE))
        return false;
    memcpy(noise, driver->bytes + driver->used, NOISE);
    memset(driver->bytes + driver->used, 0, NOISE);
    driver->used += NOISE;
    return true;
}
