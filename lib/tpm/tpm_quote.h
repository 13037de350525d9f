/* SPDX-License-Identifier: BSD-2-Clause */
/* A TPM's word for its PCRs, signed by a key that never leaves it; and its random bytes. */
#ifndef TPM_QUOTE_H
#define TPM_QUOTE_H

#include "tpm.h"

#define TPM_QUOTE_MAX 256

/* An ECDSA key on P-256, big-endian coordinates. */
struct tpm_key {
    uint32_t handle;
    uint8_t x[32];
    uint8_t y[32];
};

struct tpm_quote {
    uint32_t size;
    uint8_t bytes[TPM_QUOTE_MAX]; /* TPMS_ATTEST (part 2, section 10.12.12) */
    uint8_t r[32];                /* ECDSA over its SHA-256, big-endian */
    uint8_t s[32];
};

/* The restricted signing key of the endorsement hierarchy: the same one each time, until the TPM's
 * maker or owner changes the endorsement seed. It takes one of the TPM's few places for keys until
 * tpm_drop_key(). TPM_ERROR_CODE when the hierarchy has a password. */
int tpm_make_key(struct tpm *tpm, struct tpm_key *key);
int tpm_drop_key(struct tpm *tpm, const struct tpm_key *key);

/* pcrs: bit i is PCR i, in banks[bank]. qualifying goes into the quote as it is. */
int tpm_quote(struct tpm *tpm, const struct tpm_key *key, unsigned bank, uint32_t pcrs,
              const uint8_t qualifying[32], struct tpm_quote *quote);

/* At most 32 bytes at once: every TPM gives as many. */
int tpm_random(struct tpm *tpm, uint8_t *out, uint16_t size);

#endif
