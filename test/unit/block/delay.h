/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A block device that completes later and in any order, as hardware does; it can also fail.
 */
#ifndef TEST_BLOCK_DELAY_H
#define TEST_BLOCK_DELAY_H

#include <block/device.h>

#define DELAY_MAX 256u

struct delay {
    struct block_device device;
    struct block_device *lower;
    struct block_request *waiting[DELAY_MAX];
    unsigned count;
    unsigned largest;     /* as many as ever waited together */
    unsigned fail_one_in; /* 0: none */
    uint64_t random;
    unsigned flushes;
    unsigned forced;
};

void delay_initialize(struct delay *delay, struct block_device *lower);

/* Completes up to `count` of the waiting requests. */
void delay_run(struct delay *delay, unsigned count);

#endif
