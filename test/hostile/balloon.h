/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a monitor that was taken over asks init for in the name of its balloon (enum vmm_balloon).
 */
#ifndef TEST_HOSTILE_BALLOON_H
#define TEST_HOSTILE_BALLOON_H

#include "vmm/startup.h"

struct balloon_answers {
    unsigned done;   /* blocks given and taken */
    unsigned beyond; /* answers that should have been others, and blocks that were not empty */
};

/*
 * Gives and takes blocks, and such that it has not, has not given or that there are not, and writes
 * to all of its memory in between. The machine has 16 MiB, of which it may give 8.
 */
struct balloon_answers balloon_attack(const struct vmm_startup *startup, uint64_t (*random)(void));

#endif
