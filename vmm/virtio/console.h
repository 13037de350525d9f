/* SPDX-License-Identifier: BSD-2-Clause
 *
 * virtio-console (virtio 1.2, section 5.3): one port, queue 0 to the driver, queue 1 from it.
 */
#ifndef VMM_VIRTIO_CONSOLE_H
#define VMM_VIRTIO_CONSOLE_H

#include "vmm/virtio/pci.h"

struct virtio_console {
    struct virtio_device device;
    struct virtio_model model;
    bool (*transmit)(void *context, uint8_t byte);
    void *context;
    bool stalled;  /* the first request in the transmit queue waits for room ... */
    uint32_t sent; /* ... for what follows these bytes of it */
};

/* transmit is called with each byte; false: no more until virtio_console_transmit_ready. */
void virtio_console_initialize(struct virtio_console *console, unsigned slot,
                               const struct memory *memory, struct apic_bus *apics, struct irq *irq,
                               bool (*transmit)(void *, uint8_t), void *context);

/* There may be room again. */
void virtio_console_transmit_ready(struct virtio_console *console);

/* Hands bytes to the driver; returns how many its buffers took. */
uint32_t virtio_console_receive(struct virtio_console *console, const uint8_t *bytes,
                                uint32_t length);

#endif
