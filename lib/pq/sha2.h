/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-2 inside lib/pq; users call pq_hash_*(). */
#ifndef PQ_SHA2_H
#define PQ_SHA2_H

#include "pq.h"

/* SHA-256's K (FIPS 180-4 section 4.2.2), on a vector's boundary. */
extern const uint32_t sha256_round_constant[64];

/* Runs the compression function over whole blocks of 64 (128) bytes. SHA-256's is chosen by what
 * the processor has (sha256_compress.c); the portable one is in sha256.c. */
/*@ requires \valid(h + (0 .. 7)) && blocks <= 0x100000000;
    requires blocks == 0 || \valid_read(data + (0 .. 64 * blocks - 1));
    requires blocks == 0 || \separated(h + (0 .. 7), data + (0 .. 64 * blocks - 1));
    assigns h[0 .. 7]; */
void sha256_compress_portable(uint32_t h[8], const uint8_t *data, size_t blocks);
/*@ requires \valid(h + (0 .. 7)) && blocks <= 0x100000000;
    requires blocks == 0 || \valid_read(data + (0 .. 64 * blocks - 1));
    requires blocks == 0 || \separated(h + (0 .. 7), data + (0 .. 64 * blocks - 1));
    assigns h[0 .. 7]; */
void sha256_compress(uint32_t h[8], const uint8_t *data, size_t blocks);

void sha512_compress(uint64_t h[8], const uint8_t *data, size_t blocks);

/* algorithm selects the initial value: PQ_SHA2_224 or 256; PQ_SHA2_384, 512, 512_224 or 512_256. */
void sha256_init(struct pq_sha256 *hash, enum pq_algorithm algorithm);
void sha512_init(struct pq_sha512 *hash, enum pq_algorithm algorithm);

void sha256_update(struct pq_sha256 *hash, const uint8_t *data, size_t size);
void sha512_update(struct pq_sha512 *hash, const uint8_t *data, size_t size);

/* Writes all eight words; the caller truncates. Wipes the state. */
void sha256_final(struct pq_sha256 *hash, uint8_t digest[32]);
void sha512_final(struct pq_sha512 *hash, uint8_t digest[64]);

/* Eight rounds of either size, by its round_step(), after which each name is back in its place:
 * from the i-th word of the block on, or with the words that the schedule has for them next. i is 0
 * or 8, k the constant of round i. */
#define SHA2_EIGHT(input)                                                               \
    round_step(s[0], s[1], bc, &s[3], s[4], s[5], s[6], &s[7], k[0] + input(w, i));     \
    round_step(s[7], s[0], bc, &s[2], s[3], s[4], s[5], &s[6], k[1] + input(w, i + 1)); \
    round_step(s[6], s[7], bc, &s[1], s[2], s[3], s[4], &s[5], k[2] + input(w, i + 2)); \
    round_step(s[5], s[6], bc, &s[0], s[1], s[2], s[3], &s[4], k[3] + input(w, i + 3)); \
    round_step(s[4], s[5], bc, &s[7], s[0], s[1], s[2], &s[3], k[4] + input(w, i + 4)); \
    round_step(s[3], s[4], bc, &s[6], s[7], s[0], s[1], &s[2], k[5] + input(w, i + 5)); \
    round_step(s[2], s[3], bc, &s[5], s[6], s[7], s[0], &s[1], k[6] + input(w, i + 6)); \
    round_step(s[1], s[2], bc, &s[4], s[5], s[6], s[7], &s[0], k[7] + input(w, i + 7))
#define SHA2_WORD(w, i) (w)[i]

#endif
