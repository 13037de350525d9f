/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/entropy/health.h"

/* SP 800-90B, 4.4.1 */
static bool repetition_count(struct health *health, uint8_t sample)
{
    if (health->begun && sample == health->last)
        health->repetitions++;
    else
        health->repetitions = 1;
    health->last = sample;
    return health->repetitions < HEALTH_REPETITIONS;
}

/* SP 800-90B, 4.4.2 */
static bool adaptive_proportion(struct health *health, uint8_t sample)
{
    if (health->position == 0) {
        health->counted = sample;
        health->count = 0;
    }
    health->count += sample == health->counted;
    health->position = (health->position + 1) % HEALTH_WINDOW;
    return health->count < HEALTH_PROPORTION;
}

bool health_sample(struct health *health, uint8_t sample)
{
    if (health->failed)
        return false;
    bool repetition = repetition_count(health, sample);
    bool proportion = adaptive_proportion(health, sample);
    health->begun = true;
    health->failed = !repetition || !proportion;
    return !health->failed;
}
