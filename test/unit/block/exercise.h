/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random work on a block device, checked against a copy of what it must hold. The same exercise
 * runs over every stack of devices.
 */
#ifndef TEST_BLOCK_EXERCISE_H
#define TEST_BLOCK_EXERCISE_H

#include <block/device.h>

struct exercise {
    struct block_device *device;
    /* Lets the stack below make progress; called until all requests have completed. */
    void (*step)(void *context);
    void *context;
    unsigned rounds;
    uint64_t seed;
    bool errors;            /* requests may fail: what they wrote is unknown then */
    uint64_t max_sectors;   /* of one request */
    const uint8_t *initial; /* what the disk holds at first, or NULL for zeroes */
    /* Results. */
    unsigned reads;
    unsigned writes;
    unsigned failed;
};

/* Fails the cmocka test at the first wrong byte or lost request. */
void exercise_run(struct exercise *exercise);

#endif
