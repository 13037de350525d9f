/* SPDX-License-Identifier: BSD-2-Clause */
/* SLH-DSA: parameter sets (FIPS 205 table 2) and hash functions (section 11). */
#include "bytes.h"
#include "sha2.h"
#include "sha3.h"
#include "slhdsa.h"

#define ADDRESS_SIZE    32
#define COMPRESSED_SIZE 22

static const struct slhdsa_params sets[] = {
    /* algorithm, is_shake, n, d, h', a, k, m, signature */
    {PQ_SLH_DSA_SHA2_128S, 0, 16, 7, 9, 12, 14, 30, 7856},
    {PQ_SLH_DSA_SHA2_128F, 0, 16, 22, 3, 6, 33, 34, 17088},
    {PQ_SLH_DSA_SHA2_192S, 0, 24, 7, 9, 14, 17, 39, 16224},
    {PQ_SLH_DSA_SHA2_192F, 0, 24, 22, 3, 8, 33, 42, 35664},
    {PQ_SLH_DSA_SHA2_256S, 0, 32, 8, 8, 14, 22, 47, 29792},
    {PQ_SLH_DSA_SHA2_256F, 0, 32, 17, 4, 9, 35, 49, 49856},
    {PQ_SLH_DSA_SHAKE_128S, 1, 16, 7, 9, 12, 14, 30, 7856},
    {PQ_SLH_DSA_SHAKE_128F, 1, 16, 22, 3, 6, 33, 34, 17088},
    {PQ_SLH_DSA_SHAKE_192S, 1, 24, 7, 9, 14, 17, 39, 16224},
    {PQ_SLH_DSA_SHAKE_192F, 1, 24, 22, 3, 8, 33, 42, 35664},
    {PQ_SLH_DSA_SHAKE_256S, 1, 32, 8, 8, 14, 22, 47, 29792},
    {PQ_SLH_DSA_SHAKE_256F, 1, 32, 17, 4, 9, 35, 49, 49856},
};

const struct slhdsa_params *slhdsa_find(enum pq_algorithm algorithm)
{
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (sets[i].algorithm == algorithm)
            return &sets[i];
    }
    return NULL;
}

/* FIPS 205 section 4.2, figure 2. */
static void address_encode(uint8_t out[ADDRESS_SIZE], const struct slhdsa_address *address)
{
    bytes_store32_be(out, address->layer);
    bytes_store32_be(out + 4, 0);
    bytes_store64_be(out + 8, address->tree);
    bytes_store32_be(out + 16, (uint32_t)address->type);
    bytes_store32_be(out + 20, address->keypair);
    bytes_store32_be(out + 24, address->height);
    bytes_store32_be(out + 28, address->index);
}

/* FIPS 205 section 11.2: ADRS^c. */
PQ_INLINE void address_compress(uint8_t out[COMPRESSED_SIZE], const struct slhdsa_address *address)
{
    out[0] = (uint8_t)address->layer;
    bytes_store64_be(out + 1, address->tree);
    out[9] = (uint8_t)address->type;
    bytes_store32_be(out + 10, address->keypair);
    bytes_store32_be(out + 14, address->height);
    bytes_store32_be(out + 18, address->index);
}

void slhdsa_key_init(struct slhdsa_key *key, const struct slhdsa_params *p, const uint8_t *pk_seed,
                     const uint8_t *sk_seed)
{
    uint8_t block[128];
    struct pq_sha256 sha256;
    struct pq_sha512 sha512;

    key->p = p;
    key->pk_seed = pk_seed;
    key->sk_seed = sk_seed;
    bytes_zero(block, sizeof block);
    bytes_copy(block, pk_seed, p->n);

    sha256_init(&sha256, PQ_SHA2_256);
    sha256_compress(sha256.h, block, 1);
    sha512_init(&sha512, PQ_SHA2_512);
    sha512_compress(sha512.h, block, 1);
    for (unsigned i = 0; i < 8; i++) {
        key->sha256_seeded[i] = sha256.h[i];
        key->sha512_seeded[i] = sha512.h[i];
    }
}

/* SHAKE256(PK.seed || ADRS || in), n bytes. */
static void shake_seeded(const struct slhdsa_key *key, const struct slhdsa_address *address,
                         const uint8_t *in, size_t size, uint8_t *out)
{
    struct pq_keccak xof;
    uint8_t encoded[ADDRESS_SIZE];

    address_encode(encoded, address);
    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, key->pk_seed, key->p->n);
    keccak_absorb(&xof, encoded, sizeof encoded);
    keccak_absorb(&xof, in, size);
    keccak_finish(&xof);
    keccak_squeeze(&xof, out, key->p->n);
}

/* Trunc_n(SHA-256(PK.seed || toByte(0, 64 - n) || ADRS^c || in)) when all of it but the seeded
 * block fits one more block, as it does for one value of n bytes: padding and length are written
 * here. */
static void sha256_seeded_short(const struct slhdsa_key *key, const struct slhdsa_address *address,
                                const uint8_t *in, size_t size, uint8_t *out)
{
    uint8_t block[64];
    uint32_t h[8];
    size_t used = COMPRESSED_SIZE + size;

    address_compress(block, address);
    bytes_copy(block + COMPRESSED_SIZE, in, size);
    block[used] = 0x80;
    bytes_zero(block + used + 1, 64 - 8 - (used + 1));
    bytes_store64_be(block + 64 - 8, 8 * (64 + (uint64_t)used));

    for (unsigned i = 0; i < 8; i++)
        h[i] = key->sha256_seeded[i];
    sha256_compress(h, block, 1);
    for (unsigned i = 0; i < key->p->n / 4u; i++)
        bytes_store32_be(out + 4 * i, h[i]);
}

static void sha256_seeded(const struct slhdsa_key *key, const struct slhdsa_address *address,
                          const uint8_t *in, size_t size, uint8_t *out)
{
    struct pq_sha256 hash;
    uint8_t compressed[COMPRESSED_SIZE];
    uint8_t digest[32];

    if (COMPRESSED_SIZE + size + 1 + 8 <= 64) {
        sha256_seeded_short(key, address, in, size, out);
        return;
    }
    address_compress(compressed, address);
    for (unsigned i = 0; i < 8; i++)
        hash.h[i] = key->sha256_seeded[i];
    hash.total = 64;
    sha256_update(&hash, compressed, sizeof compressed);
    sha256_update(&hash, in, size);
    sha256_final(&hash, digest);
    bytes_copy(out, digest, key->p->n);
}

static void sha512_seeded(const struct slhdsa_key *key, const struct slhdsa_address *address,
                          const uint8_t *in, size_t size, uint8_t *out)
{
    struct pq_sha512 hash;
    uint8_t compressed[COMPRESSED_SIZE];
    uint8_t digest[64];

    address_compress(compressed, address);
    for (unsigned i = 0; i < 8; i++)
        hash.h[i] = key->sha512_seeded[i];
    hash.total = 128;
    sha512_update(&hash, compressed, sizeof compressed);
    sha512_update(&hash, in, size);
    sha512_final(&hash, digest);
    bytes_copy(out, digest, key->p->n);
}

void slhdsa_hash(const struct slhdsa_key *key, const struct slhdsa_address *address,
                 const uint8_t *in, unsigned values, uint8_t *out)
{
    size_t size = (size_t)values * key->p->n;

    if (key->p->is_shake)
        shake_seeded(key, address, in, size, out);
    else if (values == 1 || key->p->n == 16)
        sha256_seeded(key, address, in, size, out); /* sections 11.2.1 and 11.2.2 (F) */
    else
        sha512_seeded(key, address, in, size, out); /* section 11.2.2 (H and T_l) */
}

void slhdsa_prf(const struct slhdsa_key *key, const struct slhdsa_address *address, uint8_t *out)
{
    if (key->p->is_shake)
        shake_seeded(key, address, key->sk_seed, key->p->n, out);
    else
        sha256_seeded(key, address, key->sk_seed, key->p->n, out);
}

/* The hash of sections 11.2.1 and 11.2.2 for messages. */
static enum pq_algorithm message_hash(const struct slhdsa_params *p)
{
    if (p->is_shake)
        return PQ_SHAKE256;
    return p->n == 16 ? PQ_SHA2_256 : PQ_SHA2_512;
}

void slhdsa_prf_message(const struct slhdsa_params *p, const uint8_t *sk_prf,
                        const uint8_t *opt_rand, const struct message *message, uint8_t *r)
{
    struct pq_hash hash;
    struct pq_hmac hmac;

    if (p->is_shake) {
        pq_hash_init(&hash, PQ_SHAKE256);
        pq_hash_update(&hash, sk_prf, p->n);
        pq_hash_update(&hash, opt_rand, p->n);
        for (unsigned i = 0; i < MESSAGE_PARTS; i++)
            pq_hash_update(&hash, message->part[i].data, message->part[i].size);
        pq_hash_final(&hash, r, p->n);
        return;
    }
    pq_hmac_init(&hmac, message_hash(p), (struct pq_bytes){sk_prf, p->n});
    pq_hmac_update(&hmac, opt_rand, p->n);
    for (unsigned i = 0; i < MESSAGE_PARTS; i++)
        pq_hmac_update(&hmac, message->part[i].data, message->part[i].size);
    pq_hmac_final(&hmac, r, p->n);
}

void slhdsa_hash_message(const struct slhdsa_params *p, const uint8_t *r, const uint8_t *public_key,
                         const struct message *message, uint8_t *digest)
{
    struct pq_hash hash;
    uint8_t inner[PQ_DIGEST_MAX];
    size_t size = pq_hash_size(message_hash(p));

    pq_hash_init(&hash, message_hash(p));
    pq_hash_update(&hash, r, p->n);
    pq_hash_update(&hash, public_key, (size_t)2 * p->n);
    for (unsigned i = 0; i < MESSAGE_PARTS; i++)
        pq_hash_update(&hash, message->part[i].data, message->part[i].size);
    if (p->is_shake) {
        pq_hash_final(&hash, digest, p->m);
        return;
    }
    pq_hash_final(&hash, inner, size);

    /* MGF1(R || PK.seed || inner, m): RFC 8017 appendix B.2.1. */
    for (size_t done = 0, counter = 0; done < p->m; done += size, counter++) {
        uint8_t count[4];
        size_t part = p->m - done < size ? p->m - done : size;

        bytes_store32_be(count, (uint32_t)counter);
        pq_hash_init(&hash, message_hash(p));
        pq_hash_update(&hash, r, p->n);
        pq_hash_update(&hash, public_key, p->n);
        pq_hash_update(&hash, inner, size);
        pq_hash_update(&hash, count, sizeof count);
        pq_hash_final(&hash, digest + done, part);
    }
}
