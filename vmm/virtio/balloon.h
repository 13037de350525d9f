/* SPDX-License-Identifier: BSD-2-Clause
 *
 * virtio-balloon (virtio 1.2, section 5.5): the driver gives pages away and takes them back, so
 * that a VM's memory shrinks and grows while it runs.
 */
#ifndef VMM_VIRTIO_BALLOON_H
#define VMM_VIRTIO_BALLOON_H

#include "vmm/virtio/pci.h"

#define VIRTIO_BALLOON_PAGE  4096u
#define VIRTIO_BALLOON_STATS 16u

/* Configuration space (5.5.4). */
struct virtio_balloon_config {
    uint32_t pages;  /* the target */
    uint32_t actual; /* what the driver says it has given away */
};

_Static_assert(sizeof(struct virtio_balloon_config) == 8, "virtio 1.2, 5.5.4");

struct virtio_balloon {
    struct virtio_device device;
    struct virtio_model model;
    struct virtio_balloon_config config;
    /* A page of the guest's RAM is not in use any more (`taken`), or is to be in use again; false:
     * it cannot be had now, and stays in the balloon. */
    bool (*page)(void *context, struct gpa page, bool taken);
    void *context;
    uint8_t *map; /* bit set: this page of RAM is in the balloon */
    uint64_t map_bytes;
    uint64_t taken; /* pages in the balloon, as the map says */
    /* The driver's last statistics, by tag (5.5.6.3); UINT64_MAX where it gave none. */
    uint64_t stats[VIRTIO_BALLOON_STATS];
    bool stats_held; /* the driver waits for its buffer */
    struct virtqueue_token stats_token;
    struct virtqueue_chain chain;
};

/* `map` is zeroed, one bit for each page of RAM below the highest address; the memory stays the
 * caller's. */
void virtio_balloon_initialize(struct virtio_balloon *balloon, unsigned slot,
                               const struct memory *memory, struct apic_bus *apics, struct irq *irq,
                               uint8_t *map, uint64_t map_bytes,
                               bool (*page)(void *, struct gpa, bool), void *context);

/* Asks the driver to give away `pages` pages in all. */
void virtio_balloon_set_target(struct virtio_balloon *balloon, uint32_t pages);

/* Pages that could not be had may be there now: looks whether the driver waits for some. */
void virtio_balloon_retry(struct virtio_balloon *balloon);

/* Asks for new statistics. */
void virtio_balloon_ask_stats(struct virtio_balloon *balloon);

#endif
