/* SPDX-License-Identifier: BSD-2-Clause */
#include <entropy/jitter.h>

#define STEPS 64u /* a few hundred nanoseconds */

static uint64_t time_stamp(void *context)
{
    uint32_t low;
    uint32_t high;
    (void)context;
    /* SDM volume 2, RDTSC: LFENCE on both sides keeps other instructions on theirs. */
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

void jitter_initialize(struct jitter *jitter)
{
    jitter->clock = time_stamp;
    jitter->context = 0;
    jitter->place = 0;
    for (uint32_t i = 0; i < JITTER_MEMORY; i++)
        jitter->memory[i] = 0;
}

/* No branch but the loop's: the number of instructions is always the same. */
static void work(struct jitter *jitter)
{
    volatile uint8_t *memory = jitter->memory;
    uint32_t place = jitter->place;
    for (unsigned i = 0; i < STEPS; i++) {
        uint32_t at = place >> 8 & (JITTER_MEMORY - 1);
        uint8_t value = memory[at];
        memory[at] = (uint8_t)(value + 1);
        place = (place + value) * 1664525u + 1013904223u;
    }
    jitter->place = place;
}

bool jitter_read(void *context, uint8_t noise[8])
{
    struct jitter *jitter = context;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t from = jitter->clock(jitter->context);
        work(jitter);
        noise[i] = (uint8_t)(jitter->clock(jitter->context) - from);
    }
    return true;
}
