/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The memory of machines with a balloon: blocks of 2 MiB from the pool, each of which can go back
 * there while the machine runs, and come again. It is lent to no device.
 */
#ifndef INIT_BALLOON_H
#define INIT_BALLOON_H

#include <stdbool.h>

#include "arena.h"
#include "space.h"

/*
 * Zeroed memory for the machine in the slot, `blocks` of VMM_BALLOON_BLOCK bytes, from address on
 * in its VMM's space and from 0 on in the guest's; the guest may be asked for `most` of them. On an
 * error balloon_release is to be called all the same. The arena and what the spaces lie in stay
 * until then.
 */
seL4_Error balloon_map(unsigned slot, struct arena *arena, const struct space *space,
                       const struct space *guest, uint64_t address, unsigned blocks, unsigned most);

/* All of it goes back to the pool. */
void balloon_release(unsigned slot);

/* The VMM gives a block away, or takes it back: seL4_NotEnoughMemory if there is none. */
seL4_Error balloon_give(unsigned slot, seL4_Word block);
seL4_Error balloon_take(unsigned slot, seL4_Word block);

/* The user wants the machine to be without one step more of its memory, or one step less: false
 * when that cannot be, as it gives no more (or has all), or as there is no memory for it. */
bool balloon_less(unsigned slot);
bool balloon_more(unsigned slot);

/* Did the machine want a block that was not there, since this was asked last? */
bool balloon_waits(unsigned slot);

/* What the VMM reads (vmm/startup.h): another word each time. */
uint64_t balloon_word(unsigned slot);

/* Bytes of the machine that are with the pool, and that it is to be without. */
uint64_t balloon_away(unsigned slot);
uint64_t balloon_target(unsigned slot);

#endif
