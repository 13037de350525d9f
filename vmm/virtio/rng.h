/* SPDX-License-Identifier: BSD-2-Clause
 *
 * virtio-rng (virtio 1.2, section 5.4): hands random bytes of a source to the driver.
 */
#ifndef VMM_VIRTIO_RNG_H
#define VMM_VIRTIO_RNG_H

#include "vmm/virtio/pci.h"

/* Most bytes that one request gets; the driver asks again. */
#define VIRTIO_RNG_PART 4096u

struct virtio_rng {
    struct virtio_device device;
    struct virtio_model model;
    /* Writes up to `length` random bytes; how many there are now, 0: virtio_rng_poll comes later.
     */
    uint32_t (*source)(void *context, uint8_t *to, uint32_t length);
    void *context;
    struct virtqueue_chain chain;
};

void virtio_rng_initialize(struct virtio_rng *rng, unsigned slot, const struct memory *memory,
                           struct apic_bus *apics, struct irq *irq,
                           uint32_t (*source)(void *, uint8_t *, uint32_t), void *context);

/* The source has bytes again: serves what waits. */
void virtio_rng_poll(struct virtio_rng *rng);

#endif
