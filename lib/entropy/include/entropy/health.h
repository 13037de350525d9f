/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Continuous health tests of a noise source (NIST SP 800-90B, section 4.4), over samples of 8 bits.
 * What a sample is credited with is far less than a good source has, so that a weaker one still
 * gives it. A third test (section 4.5) finds noise that repeats itself, which the two of the
 * standard let pass: what a clock shows that counts instructions.
 */
#ifndef ENTROPY_HEALTH_H
#define ENTROPY_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

/* The entropy that a sample is credited with. */
enum health_credit { HEALTH_ONE_BIT, HEALTH_QUARTER_BIT };

#define HEALTH_WINDOW  512u  /* 4.4.2: samples that are not binary */
#define HEALTH_STARTUP 1024u /* 4.3: samples that are tested before the first is used */
#define HEALTH_LAGS    8u    /* the longest period that is found */

/* False alarms: one in 2^30 samples or windows. */
struct health_limits {
    uint32_t samples_per_bit;
    uint32_t repetitions; /* 4.4.1: 1 + 30 bits / credit */
    uint32_t proportion;  /* 4.4.2: 1 + critical value of B(HEALTH_WINDOW, 2^-credit), 1 - 2^-30 */
};

extern const struct health_limits health_limits[HEALTH_QUARTER_BIT + 1];

struct health {
    enum health_credit credit; /* all else zero at first */
    bool failed;               /* for good: the source is used no more */
    bool begun;
    uint8_t last;
    uint32_t repetitions;
    uint32_t position; /* in the window */
    uint8_t counted;   /* the first sample of the window */
    uint32_t count;
    uint32_t matches[HEALTH_LAGS]; /* in the window, with the sample so many before */
    uint8_t before[HEALTH_LAGS];   /* the latest samples, in turn */
    uint32_t turn;
};

/* Takes one sample; false when the source has failed, now or before. */
bool health_sample(struct health *health, uint8_t sample);

#endif
