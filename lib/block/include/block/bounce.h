/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A block device over another one that takes data only from certain memory and only so much at a
 * time: requests are cut into pieces and copied through that memory. It is the DMA memory of a
 * driver, or what a client shares with a service; so no device and no service ever sees other
 * memory.
 */
#ifndef BLOCK_BOUNCE_H
#define BLOCK_BOUNCE_H

#include <block/parts.h>

#define BOUNCE_SLOTS 64u

struct bounce;

struct bounce_slot {
    struct bounce *bounce;
    struct block_request lower;
    struct block_segment segment;
    struct block_request *upper;
    struct bounce_slot *next_free;
    uint8_t *buffer;
    uint64_t offset; /* of this piece in the upper request, in bytes */
};

struct bounce {
    struct block_device device;
    struct block_device *lower;
    struct bounce_slot slot[BOUNCE_SLOTS];
    struct bounce_slot *free;
    uint32_t piece; /* sectors of a slot's buffer */
    struct parts parts;
};

/*
 * Puts a bounce over `lower`. `memory` is cut into 1 to BOUNCE_SLOTS buffers of `buffer_size` bytes
 * (a multiple of 4096, no more than the lower device takes at once).
 */
void bounce_initialize(struct bounce *bounce, struct block_device *lower, uint8_t *memory,
                       uint64_t size, uint32_t buffer_size);

#endif
