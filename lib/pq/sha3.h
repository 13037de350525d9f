/* SPDX-License-Identifier: BSD-2-Clause */
/* The Keccak sponge inside lib/pq; users call pq_hash_*(). */
#ifndef PQ_SHA3_H
#define PQ_SHA3_H

#include "pq.h"

#define SHAKE128_RATE 168
#define SHAKE256_RATE 136
#define SHAKE_SUFFIX  0x1f
#define SHA3_SUFFIX   0x06

/*@ // Between two calls: a rate of whole lanes, and a place in it.
    predicate sponge_good{L}(struct pq_keccak *sponge) =
      8 <= sponge->rate < 200 && sponge->rate % 8 == 0 && sponge->position <= sponge->rate;
*/

/* rate in bytes, a multiple of 8 below 200: 200 - 2 * security level in bytes (FIPS 202 section 6).
 */
/*@ requires \valid(sponge) && 8 <= rate < 200 && rate % 8 == 0;
    assigns *sponge;
    ensures sponge_good(sponge) && sponge->position == 0; */
void keccak_init(struct pq_keccak *sponge, uint32_t rate, uint8_t suffix);

/* Any number of calls, then keccak_finish() once, then any number of keccak_squeeze(). */
/*@ requires \valid(sponge) && sponge_good(sponge) && sponge->position < sponge->rate;
    requires size == 0 || (\valid_read(data + (0 .. size - 1)) &&
                          \separated(sponge, data + (0 .. size - 1)));
    assigns sponge->lane[0 .. 24], sponge->position;
    ensures sponge_good(sponge) && sponge->position < sponge->rate; */
void keccak_absorb(struct pq_keccak *sponge, const uint8_t *data, size_t size);

/*@ requires \valid(sponge) && sponge_good(sponge) && sponge->position < sponge->rate;
    assigns sponge->lane[0 .. 24], sponge->position;
    ensures sponge_good(sponge); */
void keccak_finish(struct pq_keccak *sponge);

/*@ requires \valid(sponge) && sponge_good(sponge);
    requires size == 0 || (\valid(out + (0 .. size - 1)) &&
                          \separated(sponge, out + (0 .. size - 1)));
    assigns sponge->lane[0 .. 24], sponge->position, out[0 .. size - 1];
    ensures sponge_good(sponge); */
void keccak_squeeze(struct pq_keccak *sponge, uint8_t *out, size_t size);

#endif
