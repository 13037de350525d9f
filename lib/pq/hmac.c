/* SPDX-License-Identifier: BSD-2-Clause */
/* HMAC (FIPS 198-1) and HKDF (RFC 5869). */
#include "bytes.h"
#include "pq.h"

static int is_fixed_length(enum pq_algorithm hash)
{
    return pq_hash_size(hash) != 0 && hash != PQ_SHAKE128 && hash != PQ_SHAKE256;
}

/* FIPS 198-1 section 4, steps 1 to 5 (inner) and 7 to 8 (outer). */
int pq_hmac_init(struct pq_hmac *hmac, enum pq_algorithm hash, struct pq_bytes key)
{
    uint8_t pad[PQ_HASH_BLOCK_MAX];
    size_t block = pq_hash_block_size(hash);

    if (!is_fixed_length(hash))
        return PQ_ERROR_ALGORITHM;

    bytes_zero(pad, sizeof pad);
    if (key.size > block)
        pq_hash(hash, key, pad, pq_hash_size(hash));
    else
        bytes_copy(pad, key.data, key.size);

    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36;
    pq_hash_init(&hmac->inner, hash);
    pq_hash_update(&hmac->inner, pad, block);

    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    pq_hash_init(&hmac->outer, hash);
    pq_hash_update(&hmac->outer, pad, block);

    bytes_wipe(pad, sizeof pad);
    stack_scrub_small();
    return PQ_OK;
}

void pq_hmac_update(struct pq_hmac *hmac, const void *data, size_t size)
{
    pq_hash_update(&hmac->inner, data, size);
}

/* FIPS 198-1 section 4, steps 6 and 9. */
int pq_hmac_final(struct pq_hmac *hmac, uint8_t *tag, size_t size)
{
    uint8_t digest[PQ_DIGEST_MAX];
    size_t length = pq_hash_size(hmac->outer.algorithm);
    int error = PQ_OK;

    if (size > length) {
        error = PQ_ERROR_LENGTH;
    } else {
        pq_hash_final(&hmac->inner, digest, length);
        pq_hash_update(&hmac->outer, digest, length);
        error = pq_hash_final(&hmac->outer, tag, size);
        bytes_wipe(digest, sizeof digest);
    }
    bytes_wipe(hmac, sizeof *hmac);
    stack_scrub_small();
    return error;
}

int pq_hmac(enum pq_algorithm hash, struct pq_bytes key, struct pq_bytes data, uint8_t *tag,
            size_t size)
{
    struct pq_hmac hmac;
    int error = pq_hmac_init(&hmac, hash, key);
    if (error)
        return error;
    pq_hmac_update(&hmac, data.data, data.size);
    return pq_hmac_final(&hmac, tag, size);
}

/* An absent salt is a string of zeros of the digest's length; HMAC pads any key with zeros, so the
 * empty key is that same string. */
int pq_hkdf_extract(enum pq_algorithm hash, struct pq_bytes salt, struct pq_bytes ikm, uint8_t *prk)
{
    return pq_hmac(hash, salt, ikm, prk, pq_hash_size(hash));
}

int pq_hkdf_expand(enum pq_algorithm hash, struct pq_bytes prk, struct pq_bytes info, uint8_t *okm,
                   size_t size)
{
    uint8_t t[PQ_DIGEST_MAX];
    struct pq_hmac keyed;
    size_t length = pq_hash_size(hash);
    int error;

    if (!is_fixed_length(hash))
        return PQ_ERROR_ALGORITHM;
    if (size > 255 * length)
        return PQ_ERROR_LENGTH;
    error = pq_hmac_init(&keyed, hash, prk);
    if (error)
        return error;

    /* T(i) = HMAC(prk, T(i - 1) | info | i), T(0) empty. */
    for (size_t done = 0, i = 1; done < size; i++) {
        struct pq_hmac hmac = keyed;
        uint8_t count = (uint8_t)i;
        size_t part = size - done < length ? size - done : length;

        if (i > 1)
            pq_hmac_update(&hmac, t, length);
        pq_hmac_update(&hmac, info.data, info.size);
        pq_hmac_update(&hmac, &count, 1);
        pq_hmac_final(&hmac, t, length);
        bytes_copy(okm + done, t, part);
        done += part;
    }
    bytes_wipe(t, sizeof t);
    bytes_wipe(&keyed, sizeof keyed);
    return PQ_OK;
}

int pq_hkdf(enum pq_algorithm hash, struct pq_bytes salt, struct pq_bytes ikm, struct pq_bytes info,
            uint8_t *okm, size_t size)
{
    uint8_t prk[PQ_DIGEST_MAX];
    int error = pq_hkdf_extract(hash, salt, ikm, prk);

    if (!error)
        error = pq_hkdf_expand(hash, (struct pq_bytes){prk, pq_hash_size(hash)}, info, okm, size);
    bytes_wipe(prk, sizeof prk);
    return error;
}
