/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is on a disk: is it the medium that the system was started from, and which partitions has
 * it? What is not known for certain is not offered.
 */
#ifndef SERVICE_BLOCK_SCAN_H
#define SERVICE_BLOCK_SCAN_H

#include <block/server.h>
#include <gpt/gpt.h>

/* The volume name of the boot image (ISO 9660), as the image's maker writes it. */
#define SCAN_BOOT_VOLUME "QUOIN"

/* Bytes that a scan reads at once: the largest table of partitions there is. */
#define SCAN_BUFFER 0x10000u

enum scan_state { SCAN_MEDIUM, SCAN_HEADER, SCAN_ENTRIES, SCAN_DONE };

struct block_scan {
    struct block_device *device;
    uint8_t *buffer;
    void (*done)(void *context);
    void *context;
    enum scan_state state;
    bool usable;      /* it could be read */
    bool boot_medium; /* the boot image stands at its beginning */
    bool partitioned; /* gpt holds its partitions */
    bool backup;      /* from the table at the disk's end */
    struct gpt_header header;
    struct gpt gpt;
    struct block_request request;
    struct block_segment segment;
};

/*
 * Begins; `done` is called at the end, possibly before this returns. `buffer` is SCAN_BUFFER bytes
 * that the device takes.
 */
void scan_start(struct block_scan *scan, struct block_device *device, uint8_t *buffer,
                void (*done)(void *context), void *context);

/*
 * The whole disk; uuid, unless it is NULL, must be the one of its table. false: it is another one,
 * or something of the boot image is on it, which is offered to nobody.
 */
bool scan_whole(const struct block_scan *scan, const struct gpt_uuid *uuid, bool read_only,
                struct block_offer *offer);

/*
 * The partition with this UUID. false: there is none, or it is one of the boot image: they are
 * known by their UUIDs, and a disk with the image on it without such partitions offers nothing.
 */
bool scan_find(const struct block_scan *scan, const struct gpt_uuid *uuid, bool read_only,
               struct block_offer *offer);

#endif
