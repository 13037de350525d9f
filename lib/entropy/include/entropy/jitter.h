/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Noise from the time that a processor takes for the same work: reads and writes at places that
 * depend on each other, in memory larger than the first-level data cache. Always the same
 * instructions run between two looks at the clock, so that a clock that counts instructions shows
 * the same difference each time, and the health tests refuse it.
 */
#ifndef ENTROPY_JITTER_H
#define ENTROPY_JITTER_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes, a power of two: first-level data caches have up to 48 KiB. */
#define JITTER_MEMORY 65536u

struct jitter {
    uint64_t (*clock)(void *context); /* finer than a microsecond; where it starts is no matter */
    void *context;
    uint32_t place;
    uint8_t memory[JITTER_MEMORY];
};

/* The clock is the processor's time-stamp counter. */
void jitter_initialize(struct jitter *jitter);

/*
 * A source for entropy_add(), with HEALTH_QUARTER_BIT: context is the struct jitter. Each sample is
 * the low 8 bits of a time. Always true.
 */
bool jitter_read(void *context, uint8_t noise[8]);

#endif
