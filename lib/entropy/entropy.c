/* SPDX-License-Identifier: BSD-2-Clause */
#include <entropy/entropy.h>
#include <string.h>

#define SEED 64u
/*
 * SP 800-90B, 3.1.5.1.2: full entropy needs 64 bits more than come out.
 */
#define SEED_BITS (8 * SEED + 64)
#define NOISE     8u /* samples that come at once */

void entropy_initialize(struct entropy *entropy)
{
    memset(entropy, 0, sizeof(*entropy));
}

bool entropy_add(struct entropy *entropy, enum health_credit credit,
                 bool (*read)(void *, uint8_t[8]), void *context)
{
    if (entropy->sources == ENTROPY_SOURCES)
        return false;
    entropy->source[entropy->sources++] =
        (struct entropy_source){.read = read, .context = context, .health = {.credit = credit}};
    return true;
}

/* Reads noise and tests it; false when there is none or the source has failed. */
static bool read_noise(struct entropy_source *source, uint8_t noise[NOISE])
{
    if (source->health.failed || !source->read(source->context, noise))
        return false;
    for (unsigned i = 0; i < NOISE; i++) {
        if (!health_sample(&source->health, noise[i]))
            return false;
    }
    return true;
}

/* SP 800-90B, 4.3: the samples of the start-up test are not used. */
static bool start(struct entropy_source *source)
{
    uint8_t noise[NOISE];
    for (unsigned i = 0; i < HEALTH_STARTUP / NOISE && !source->started; i++) {
        if (!read_noise(source, noise))
            return false;
    }
    source->started = true;
    memset(noise, 0, sizeof(noise));
    return true;
}

/* Hashes a seed's worth of a source's noise in; false when it does not have that much. */
static bool absorb(struct entropy_source *source, struct pq_hash *hash)
{
    const uint32_t samples = SEED_BITS * health_limits[source->health.credit].samples_per_bit;
    uint8_t noise[NOISE];
    bool whole = start(source);
    for (unsigned i = 0; whole && i < samples / NOISE; i++) {
        whole = read_noise(source, noise);
        if (whole)
            pq_hash_update(hash, noise, sizeof(noise));
    }
    memset(noise, 0, sizeof(noise));
    return whole;
}

static bool reseed(struct entropy *entropy)
{
    static const char name[] = "Quoin entropy 1";
    struct pq_hash hash;
    uint8_t seed[SEED];
    bool enough = false;
    if (pq_hash_init(&hash, PQ_SHA2_512) != PQ_OK)
        return false;
    for (unsigned i = 0; i < entropy->sources; i++)
        enough = absorb(&entropy->source[i], &hash) || enough;
    bool done = pq_hash_final(&hash, seed, sizeof(seed)) == PQ_OK && enough;
    const struct pq_bytes bytes = {seed, sizeof(seed)};
    if (done && entropy->seeded)
        done = pq_drbg_reseed(&entropy->drbg, bytes) == PQ_OK;
    else if (done)
        done = pq_drbg_init(&entropy->drbg, bytes,
                            (struct pq_bytes){(const uint8_t *)name, sizeof(name) - 1}) == PQ_OK;
    memset(seed, 0, sizeof(seed));
    entropy->seeded = entropy->seeded || done;
    if (done)
        entropy->given = 0;
    return done;
}

uint32_t entropy_read(struct entropy *entropy, uint8_t *to, uint32_t length)
{
    uint32_t done = 0;
    while (done < length) {
        if ((!entropy->seeded || entropy->given >= ENTROPY_RESEED) && !reseed(entropy))
            return 0;
        uint32_t part = length - done;
        if (part > ENTROPY_RESEED - entropy->given)
            part = ENTROPY_RESEED - entropy->given;
        if (pq_drbg_generate(&entropy->drbg, to + done, part) != PQ_OK)
            return 0;
        entropy->given += part;
        done += part;
    }
    return done;
}
