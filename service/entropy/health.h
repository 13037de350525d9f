/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Continuous health tests of a noise source (NIST SP 800-90B, section 4.4), over samples of 8 bits
 * that are credited with one bit of entropy each: far less than a good source has, so that a weaker
 * one still gives what it is credited with.
 */
#ifndef SERVICE_ENTROPY_HEALTH_H
#define SERVICE_ENTROPY_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

/* False alarms: one in 2^30 samples or windows. */
#define HEALTH_REPETITIONS 31u   /* 4.4.1: 1 + 30 bits / 1 bit */
#define HEALTH_WINDOW      512u  /* 4.4.2: samples that are not binary */
#define HEALTH_PROPORTION  325u  /* 1 + critical value of B(512, 1/2) at 1 - 2^-30 */
#define HEALTH_STARTUP     1024u /* 4.3: samples that are tested before the first is used */

struct health {
    bool failed; /* for good: the source is used no more */
    bool begun;
    uint8_t last;
    uint32_t repetitions;
    uint8_t counted; /* the first sample of the window */
    uint32_t count;
    uint32_t position; /* in the window */
};

/* Takes one sample; false when the source has failed, now or before. */
bool health_sample(struct health *health, uint8_t sample);

#endif
