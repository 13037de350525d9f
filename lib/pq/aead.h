/* SPDX-License-Identifier: BSD-2-Clause */
/* The two authenticated ciphers inside lib/pq; users call pq_aead_*(), which checks the sizes. */
#ifndef PQ_AEAD_H
#define PQ_AEAD_H

#include "pq.h"

/*
 * Each cipher offers its tag over the ciphertext and its key stream applied to data; both take key,
 * nonce and aad from aead. out may be in.
 */
void gcm_tag(const struct pq_aead *aead, struct pq_bytes sealed, uint8_t tag[PQ_AEAD_TAG]);
void gcm_crypt(const struct pq_aead *aead, struct pq_bytes in, uint8_t *out);

void chacha20_poly1305_tag(const struct pq_aead *aead, struct pq_bytes sealed,
                           uint8_t tag[PQ_AEAD_TAG]);
void chacha20_poly1305_crypt(const struct pq_aead *aead, struct pq_bytes in, uint8_t *out);

#endif
