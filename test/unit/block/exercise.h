/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random work on a block device, checked against a copy of what it must hold. The same exercise
 * runs over every stack of devices.
 */
#ifndef TEST_BLOCK_EXERCISE_H
#define TEST_BLOCK_EXERCISE_H

#include <block/device.h>

#define EXERCISE_SLOTS 24u /* requests at once */

struct exercise {
    struct block_device *device;
    /* Lets the stack below make progress; called until all requests have completed. */
    void (*step)(void *context);
    void *context;
    unsigned rounds;
    uint64_t seed;
    bool errors;            /* requests may fail: what they wrote is unknown then */
    uint64_t max_sectors;   /* of one request */
    uint32_t grain;         /* of segments' lengths, a power of two; 0: any */
    const uint8_t *initial; /* what the disk holds at first, or NULL for zeroes */
    /* Where requests have their data, EXERCISE_SLOTS times as much as one may have, left to the
     * device until they complete; NULL: elsewhere. */
    uint8_t *memory;
    /* Results. */
    unsigned reads;
    unsigned writes;
    unsigned failed;
};

/* Fails the cmocka test at the first wrong byte or lost request. */
void exercise_run(struct exercise *exercise);

#endif
