/* SPDX-License-Identifier: BSD-2-Clause
 *
 * virtio-blk (virtio 1.2, section 5.2): a disk over any block device, with several queues, flush,
 * discard, write-zeroes and the serial number.
 */
#ifndef VMM_VIRTIO_BLK_H
#define VMM_VIRTIO_BLK_H

#include <block/device.h>

#include "vmm/virtio/pci.h"

#define VIRTIO_BLK_MAX_QUEUES 4u
#define VIRTIO_BLK_REQUESTS   64u /* under way at once, over all queues */

/* Configuration space (5.2.4). */
struct virtio_blk_config {
    uint64_t capacity; /* in sectors of 512 bytes */
    uint32_t size_max;
    uint32_t seg_max;
    uint16_t cylinders;
    uint8_t heads;
    uint8_t geometry_sectors;
    uint32_t block_size;
    uint8_t physical_block_exponent;
    uint8_t alignment_offset;
    uint16_t min_io_size;
    uint32_t optimal_io_size;
    uint8_t writeback;
    uint8_t unused0;
    uint16_t queues;
    uint32_t max_discard_sectors;
    uint32_t max_discard_segments;
    uint32_t discard_sector_alignment;
    uint32_t max_write_zeroes_sectors;
    uint32_t max_write_zeroes_segments;
    uint8_t write_zeroes_may_unmap;
    uint8_t unused1[3];
};

/* Without the padding behind it. */
#define VIRTIO_BLK_CONFIG_SIZE 60u

struct virtio_blk_range {
    uint64_t sector;
    uint32_t count;
    uint32_t flags;
};

#define VIRTIO_BLK_RANGES 16u /* of one discard or write-zeroes request */

struct virtio_blk;

/* A request of the driver, and the one of the block device that it became. */
struct virtio_blk_request {
    struct block_request block;
    struct virtio_blk *blk;
    struct virtio_blk_request *next_free;
    unsigned queue;
    bool under_way;
    /* The driver has reset the device since: nothing is given back. */
    bool orphan;
    uint8_t *status; /* the last byte of the chain, in guest memory */
    struct virtqueue_chain chain;
    struct block_segment data[VIRTQUEUE_MAX_SEGMENTS];
    struct virtio_blk_range range[VIRTIO_BLK_RANGES]; /* checked copy */
    unsigned ranges;
    unsigned range_done;
};

struct virtio_blk {
    struct virtio_device device;
    struct virtio_model model;
    struct virtio_blk_config config;
    struct block_device *block;
    unsigned queues;
    struct virtio_blk_request request[VIRTIO_BLK_REQUESTS];
    struct virtio_blk_request *free;
    bool starved[VIRTIO_BLK_MAX_QUEUES]; /* requests wait in the ring for a free slot */
    bool any_starved;                    /* none of them does where this is false */
    bool serving;                        /* inside the loop over a queue */
};

_Static_assert(offsetof(struct virtio_blk_config, block_size) == 20, "virtio 1.2, 5.2.4");
_Static_assert(offsetof(struct virtio_blk_config, queues) == 34, "virtio 1.2, 5.2.4");
_Static_assert(offsetof(struct virtio_blk_config, max_discard_sectors) == 36, "virtio 1.2, 5.2.4");
_Static_assert(offsetof(struct virtio_blk_config, unused1) == 57, "virtio 1.2, 5.2.4");
_Static_assert(sizeof(struct virtio_blk_range) == 16, "virtio 1.2, 5.2.6");

/* A disk on PCI slot `slot` with 1 to VIRTIO_BLK_MAX_QUEUES queues. The block device outlives it.
 */
void virtio_blk_initialize(struct virtio_blk *blk, unsigned slot, const struct memory *memory,
                           struct apic_bus *apics, struct irq *irq, struct block_device *block,
                           unsigned queues);

#endif
