/* SPDX-License-Identifier: BSD-2-Clause */
#include "random.h"

static uint64_t state = 1;

void random_seed(uint64_t seed)
{
    state = seed * 2 + 1;
}

/* xorshift64*, as Vigna describes it. */
uint64_t random_next(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

uint64_t random_below(uint64_t limit)
{
    return random_next() % limit;
}

uint64_t random_value(uint64_t buffer, uint64_t bytes)
{
    switch (random_below(8)) {
    case 0:
        return 0;
    case 1:
        return ~0ull;
    case 2:
        return 1ull << random_below(64);
    case 3:
        return buffer + random_below(bytes);
    case 4:
        return random_below(256);
    case 5:
        return ~(1ull << random_below(64));
    default:
        return random_next() >> random_below(64);
    }
}
