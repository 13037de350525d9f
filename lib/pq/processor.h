/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the processor's instructions lib/pq uses, and what is computed with them. */
#ifndef PQ_PROCESSOR_H
#define PQ_PROCESSOR_H

#include "aead.h"
#include "pq.h"

/*
 * Whether all of features (enum pq_processor) are in use. The first call asks CPUID; every call
 * gives the same unless pq_processor_limit() comes between.
 */
int processor_has(unsigned features);

/* Each does what the function without "_ni" or with "_portable" does; only where the processor has
 * PQ_PROCESSOR_SHA or PQ_PROCESSOR_AES. They touch the registers XMM0 to XMM15 and no wider ones.
 */
void sha256_compress_ni(uint32_t h[8], const uint8_t *data, size_t blocks);
void gcm_tag_ni(const struct pq_aead *aead, struct pq_bytes sealed, uint8_t tag[PQ_AEAD_TAG]);
void gcm_crypt_ni(const struct pq_aead *aead, struct pq_bytes in, uint8_t *out);

#endif
