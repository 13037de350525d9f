/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-256, forward direction only (FIPS 197), inside lib/pq. */
#ifndef PQ_AES_H
#define PQ_AES_H

#include "pq.h"

#define AES_ROUNDS 14
#define AES_BATCH  64 /* four blocks are computed at once */

/* 64 bytes as bit planes: bit i of plane[b] is bit b of byte i. */
struct aes_planes {
    uint64_t plane[8];
};

/* The expanded key, each round key repeated for four blocks. */
struct aes256 {
    struct aes_planes round_key[AES_ROUNDS + 1];
};

/* SubBytes on every byte (FIPS 197 section 5.1.1); here for its test. */
void aes_substitute(struct aes_planes *s);

void aes_to_planes(struct aes_planes *s, const uint8_t in[AES_BATCH]);
void aes_from_planes(uint8_t out[AES_BATCH], const struct aes_planes *s);

void aes256_expand(struct aes256 *aes, const uint8_t key[32]);

/* Encrypts four blocks of 16 bytes. out may be in. */
void aes256_encrypt(const struct aes256 *aes, const uint8_t in[AES_BATCH], uint8_t out[AES_BATCH]);

#endif
