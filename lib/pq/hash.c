/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes by algorithm id, comparison and erasure. */
#include "bytes.h"
#include "sha2.h"
#include "sha3.h"

enum family { FAMILY_SHA256, FAMILY_SHA512, FAMILY_SHA3, FAMILY_SHAKE };

struct hash_facts {
    enum pq_algorithm algorithm;
    enum family family;
    uint8_t size;  /* digest bytes */
    uint8_t block; /* input block bytes */
};

/* FIPS 180-4 figure 1; FIPS 202 table 3 (block sizes) and section 6. */
static const struct hash_facts facts_table[] = {
    {PQ_SHA2_224, FAMILY_SHA256, 28, 64},      {PQ_SHA2_256, FAMILY_SHA256, 32, 64},
    {PQ_SHA2_384, FAMILY_SHA512, 48, 128},     {PQ_SHA2_512, FAMILY_SHA512, 64, 128},
    {PQ_SHA2_512_224, FAMILY_SHA512, 28, 128}, {PQ_SHA2_512_256, FAMILY_SHA512, 32, 128},
    {PQ_SHA3_224, FAMILY_SHA3, 28, 144},       {PQ_SHA3_256, FAMILY_SHA3, 32, 136},
    {PQ_SHA3_384, FAMILY_SHA3, 48, 104},       {PQ_SHA3_512, FAMILY_SHA3, 64, 72},
    {PQ_SHAKE128, FAMILY_SHAKE, 32, 168},      {PQ_SHAKE256, FAMILY_SHAKE, 64, 136},
};

static const struct hash_facts *hash_find(enum pq_algorithm algorithm)
{
    for (size_t i = 0; i < sizeof facts_table / sizeof facts_table[0]; i++) {
        if (facts_table[i].algorithm == algorithm)
            return &facts_table[i];
    }
    return NULL;
}

size_t pq_hash_size(enum pq_algorithm algorithm)
{
    const struct hash_facts *facts = hash_find(algorithm);
    return facts ? facts->size : 0;
}

size_t pq_hash_block_size(enum pq_algorithm algorithm)
{
    const struct hash_facts *facts = hash_find(algorithm);
    return facts ? facts->block : 0;
}

int pq_hash_init(struct pq_hash *hash, enum pq_algorithm algorithm)
{
    const struct hash_facts *facts = hash_find(algorithm);
    if (!facts)
        return PQ_ERROR_ALGORITHM;

    hash->algorithm = algorithm;
    switch (facts->family) {
    case FAMILY_SHA256:
        sha256_init(&hash->state.sha256, algorithm);
        break;
    case FAMILY_SHA512:
        sha512_init(&hash->state.sha512, algorithm);
        break;
    case FAMILY_SHA3:
        keccak_init(&hash->state.keccak, facts->block, SHA3_SUFFIX);
        break;
    case FAMILY_SHAKE:
        keccak_init(&hash->state.keccak, facts->block, SHAKE_SUFFIX);
        break;
    }
    return PQ_OK;
}

void pq_hash_update(struct pq_hash *hash, const void *data, size_t size)
{
    const struct hash_facts *facts = hash_find(hash->algorithm);
    if (!facts || size == 0)
        return;

    switch (facts->family) {
    case FAMILY_SHA256:
        sha256_update(&hash->state.sha256, data, size);
        break;
    case FAMILY_SHA512:
        sha512_update(&hash->state.sha512, data, size);
        break;
    case FAMILY_SHA3:
    case FAMILY_SHAKE:
        keccak_absorb(&hash->state.keccak, data, size);
        break;
    }
}

int pq_hash_final(struct pq_hash *hash, uint8_t *digest, size_t size)
{
    const struct hash_facts *facts = hash_find(hash->algorithm);
    uint8_t full[PQ_DIGEST_MAX];
    int error = PQ_OK;

    if (!facts) {
        error = PQ_ERROR_ALGORITHM;
    } else if (facts->family != FAMILY_SHAKE && size > facts->size) {
        error = PQ_ERROR_LENGTH;
    } else {
        switch (facts->family) {
        case FAMILY_SHA256:
            sha256_final(&hash->state.sha256, full);
            bytes_copy(digest, full, size);
            break;
        case FAMILY_SHA512:
            sha512_final(&hash->state.sha512, full);
            bytes_copy(digest, full, size);
            break;
        case FAMILY_SHA3:
        case FAMILY_SHAKE:
            keccak_finish(&hash->state.keccak);
            keccak_squeeze(&hash->state.keccak, digest, size);
            break;
        }
        bytes_wipe(full, sizeof full);
    }
    pq_hash_wipe(hash);
    return error;
}

void pq_hash_wipe(struct pq_hash *hash)
{
    bytes_wipe(hash, sizeof *hash);
}

int pq_hash(enum pq_algorithm algorithm, struct pq_bytes data, uint8_t *digest, size_t size)
{
    struct pq_hash hash;
    int error = pq_hash_init(&hash, algorithm);
    if (error)
        return error;
    pq_hash_update(&hash, data.data, data.size);
    return pq_hash_final(&hash, digest, size);
}

int pq_equal(const void *a, const void *b, size_t size)
{
    return (int)(1 & ~bytes_differ(a, b, size));
}

void pq_wipe(void *at, size_t size)
{
    bytes_wipe(at, size);
}
