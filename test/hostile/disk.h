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

/*
 * Joins the machine's connection to the block service and sends requests of every operation for
 * every kind of place: within the disk, across its end, far beyond, with data inside and outside of
 * the shared memory. random() gives the next number of the attacker's sequence. Ends when all have
 * been answered or the service has broken the connection off. false: there is no connection, or the
 * disk was not offered.
 */
bool disk_attack(const struct vmm_startup *startup, uint64_t (*random)(void),
                 struct disk_answers *answers);

#endif
