/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random bytes: noise sources under health tests, conditioned by SHA-512 (SP 800-90B, 3.1.5), seed
 * an HMAC_DRBG with SHA-512 (SP 800-90A) that is reseeded as it is used. All sources go into each
 * seed; one healthy source is enough, and a bad one takes nothing away from it.
 */
#ifndef ENTROPY_ENTROPY_H
#define ENTROPY_ENTROPY_H

#include <entropy/health.h>
#include <entropy/jitter.h>
#include <pq.h>
#include <stdbool.h>
#include <stdint.h>

#define ENTROPY_SOURCES 4u
#define ENTROPY_RESEED  65536u /* bytes that one seed gives at most */

struct entropy_source {
    /* 8 bytes of noise; false: the source has none now. */
    bool (*read)(void *context, uint8_t noise[8]);
    void *context;
    struct health health;
    bool started; /* its start-up test has passed */
};

struct entropy {
    struct entropy_source source[ENTROPY_SOURCES];
    unsigned sources;
    struct pq_drbg drbg;
    bool seeded;
    uint32_t given; /* bytes since the last seed */
};

void entropy_initialize(struct entropy *entropy);

/* A source whose samples are credited with so much; false: there is no room for another. */
bool entropy_add(struct entropy *entropy, enum health_credit credit,
                 bool (*read)(void *, uint8_t[8]), void *context);

/*
 * Adds what the processor has: RDSEED, which is true entropy; where that is missing RDRAND, if
 * there is one, and the times of the processor's work. *jitter is used only then. It stays the
 * caller's and must live as long as *entropy. false: there is no room for them.
 */
bool entropy_add_processor(struct entropy *entropy, struct jitter *jitter);

/*
 * Writes `length` random bytes; returns length, or 0 when no source is healthy or none has enough
 * noise for a seed that is due.
 */
uint32_t entropy_read(struct entropy *entropy, uint8_t *to, uint32_t length);

/* The processor's own generators (SDM volume 1, 7.3.17): RDSEED, and RDRAND where that is missing.
 */
bool entropy_has_rdseed(void);
bool entropy_has_rdrand(void);
bool entropy_rdseed(void *context, uint8_t noise[8]);
bool entropy_rdrand(void *context, uint8_t noise[8]);

#endif
