/* SPDX-License-Identifier: BSD-2-Clause */
/* The Keccak sponge inside lib/pq; users call pq_hash_*(). */
#ifndef PQ_SHA3_H
#define PQ_SHA3_H

#include "pq.h"

#define SHAKE128_RATE 168
#define SHAKE256_RATE 136
#define SHAKE_SUFFIX  0x1f
#define SHA3_SUFFIX   0x06

/* rate in bytes, a multiple of 8 below 200: 200 - 2 * security level in bytes (FIPS 202 section 6).
 */
void keccak_init(struct pq_keccak *sponge, uint32_t rate, uint8_t suffix);

/* Any number of calls, then keccak_finish() once, then any number of keccak_squeeze(). */
void keccak_absorb(struct pq_keccak *sponge, const uint8_t *data, size_t size);
void keccak_finish(struct pq_keccak *sponge);
void keccak_squeeze(struct pq_keccak *sponge, uint8_t *out, size_t size);

#endif
