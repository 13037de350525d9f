/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Requests to the block service that a monitor has no right to, and nonsense in the place of them.
 */
#ifndef TEST_HOSTILE_DISK_H
#define TEST_HOSTILE_DISK_H

#include <stdbool.h>

#include "vmm/startup.h"

/* Answers to the requests so far; refused: all but BLOCK_OK. */
struct disk_answers {
    unsigned sent, good, refused;
};

/* Joins the machine's connection to the block service, which has disks of these many. 0, or -1:
 * there is no such connection. */
int disk_join(const struct vmm_startup *startup, unsigned count);

/*
 * Sends requests for disk i of every operation for every kind of place: within it, across its end,
 * far beyond, with data inside and outside of the shared memory and of the machine's own. random()
 * gives the next number of the attacker's sequence. Ends when all have been answered, or no answer
 * comes.
 */
struct disk_answers disk_attack(unsigned i, uint64_t (*random)(void));

#endif
