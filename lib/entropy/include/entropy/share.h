/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the entropy service and a machine share, in the content of the machine's slice
 * (lib/connection): whether there are random numbers, and a ring in which the service keeps some.
 * The machine zeroes it before it joins.
 */
#ifndef ENTROPY_SHARE_H
#define ENTROPY_SHARE_H

#include <stdint.h>

enum entropy_state {
    ENTROPY_UNKNOWN = 0,
    ENTROPY_THERE = 1,
    ENTROPY_NONE = 2, /* no source is healthy */
};

struct entropy_share {
    uint32_t state; /* written by the service */
    uint32_t zero[15];
};

_Static_assert(sizeof(struct entropy_share) == 64, "the ring follows, aligned as it needs");

#endif
