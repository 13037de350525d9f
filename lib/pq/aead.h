/* SPDX-License-Identifier: BSD-2-Clause */
/* The two authenticated ciphers inside lib/pq; users call pq_aead_*(), which checks the sizes. */
#ifndef PQ_AEAD_H
#define PQ_AEAD_H

#include "pq.h"

/*@ predicate readable{L}(struct pq_bytes bytes) =
      bytes.size == 0 || \valid_read(bytes.data + (0 .. bytes.size - 1));
    predicate aead_whole{L}(struct pq_aead *aead) =
      \valid_read(aead) && \valid_read(aead->key.data + (0 .. PQ_AEAD_KEY - 1)) &&
      \valid_read(aead->nonce.data + (0 .. PQ_AEAD_NONCE - 1)) && readable(aead->aad);
*/

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
