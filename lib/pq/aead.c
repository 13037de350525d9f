/* SPDX-License-Identifier: BSD-2-Clause */
/* Authenticated encryption by algorithm id. */
#include "aead.h"
#include "bytes.h"
#include "processor.h"

/* Both ciphers count blocks in 32 bits; GCM's bound is the smaller (SP 800-38D section 5.2.1.1). */
#define DATA_MAX (((uint64_t)1 << 36) - 64)

static int check(const struct pq_aead *aead, size_t size)
{
    if (aead->algorithm != PQ_CHACHA20_POLY1305 && aead->algorithm != PQ_AES_256_GCM)
        return PQ_ERROR_ALGORITHM;
    if (aead->key.size != PQ_AEAD_KEY || aead->nonce.size != PQ_AEAD_NONCE || size > DATA_MAX)
        return PQ_ERROR_LENGTH;
    return PQ_OK;
}

static void make_tag(const struct pq_aead *aead, struct pq_bytes sealed, uint8_t tag[PQ_AEAD_TAG])
{
    if (aead->algorithm == PQ_CHACHA20_POLY1305)
        chacha20_poly1305_tag(aead, sealed, tag);
    else if (processor_has(PQ_PROCESSOR_AES))
        gcm_tag_ni(aead, sealed, tag);
    else
        gcm_tag(aead, sealed, tag);
}

static void crypt(const struct pq_aead *aead, struct pq_bytes in, uint8_t *out)
{
    if (aead->algorithm == PQ_CHACHA20_POLY1305)
        chacha20_poly1305_crypt(aead, in, out);
    else if (processor_has(PQ_PROCESSOR_AES))
        gcm_crypt_ni(aead, in, out);
    else
        gcm_crypt(aead, in, out);
}

int pq_aead_seal(const struct pq_aead *aead, struct pq_bytes plain, uint8_t *out,
                 uint8_t tag[PQ_AEAD_TAG])
{
    int error = check(aead, plain.size);

    if (error)
        return error;
    crypt(aead, plain, out);
    make_tag(aead, (struct pq_bytes){out, plain.size}, tag);
    bytes_declassify(out, plain.size);
    bytes_declassify(tag, PQ_AEAD_TAG);
    stack_scrub_small();
    return PQ_OK;
}

int pq_aead_open(const struct pq_aead *aead, struct pq_bytes sealed, const uint8_t tag[PQ_AEAD_TAG],
                 uint8_t *out)
{
    uint8_t expected[PQ_AEAD_TAG];
    uint32_t wrong;
    int error = check(aead, sealed.size);

    if (error)
        return error;
    make_tag(aead, sealed, expected);
    wrong = bytes_differ(expected, tag, PQ_AEAD_TAG);
    bytes_wipe(expected, sizeof expected);
    bytes_declassify(&wrong, sizeof wrong);
    if (!wrong)
        crypt(aead, sealed, out);
    stack_scrub_small();
    return wrong ? PQ_ERROR_MISMATCH : PQ_OK;
}
