/* SPDX-License-Identifier: BSD-2-Clause */
#include <entropy/health.h>

const struct health_limits health_limits[HEALTH_QUARTER_BIT + 1] = {
    [HEALTH_ONE_BIT] = {.samples_per_bit = 1, .repetitions = 31, .proportion = 325},
    [HEALTH_QUARTER_BIT] = {.samples_per_bit = 4, .repetitions = 121, .proportion = 477},
};

/* SP 800-90B, 4.4.1 */
static bool repetition_count(struct health *health, uint8_t sample)
{
    if (health->begun && sample == health->last)
        health->repetitions++;
    else
        health->repetitions = 1;
    health->last = sample;
    return health->repetitions < health_limits[health->credit].repetitions;
}

/* SP 800-90B, 4.4.2 */
static bool adaptive_proportion(struct health *health, uint8_t sample)
{
    if (health->position == 0) {
        health->counted = sample;
        health->count = 0;
    }
    health->count += sample == health->counted;
    return health->count < health_limits[health->credit].proportion;
}

/*
 * Independent samples are like the one `lag` before with at most the probability of the likeliest
 * value: the same limit as for the proportion.
 */
static bool periodicity(struct health *health, uint8_t sample)
{
    bool good = true;
    for (uint32_t lag = 1; lag <= HEALTH_LAGS; lag++) {
        uint32_t *matches = &health->matches[lag - 1];
        if (health->position == 0)
            *matches = 0;
        *matches += health->before[(health->turn - lag) % HEALTH_LAGS] == sample;
        good = good && *matches < health_limits[health->credit].proportion;
    }
    health->before[health->turn % HEALTH_LAGS] = sample;
    health->turn = (health->turn + 1) % HEALTH_LAGS;
    return good;
}

bool health_sample(struct health *health, uint8_t sample)
{
    if (health->failed)
        return false;
    bool repetition = repetition_count(health, sample);
    bool proportion = adaptive_proportion(health, sample);
    bool period = periodicity(health, sample);
    health->position = (health->position + 1) % HEALTH_WINDOW;
    health->begun = true;
    health->failed = !repetition || !proportion || !period;
    return !health->failed;
}
