/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random numbers of hostile guests: the same seed gives the same ones.
 */
#ifndef PAYLOAD_RANDOM_H
#define PAYLOAD_RANDOM_H

#include <stdint.h>

void random_seed(uint64_t seed);
uint64_t random_next(void);
/* 0 to limit - 1; limit is not 0. */
uint64_t random_below(uint64_t limit);
/* A value that is interesting more often than one of 64 random bits; some lie within the bytes at
 * buffer. */
uint64_t random_value(uint64_t buffer, uint64_t bytes);

#endif
