/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-KEM: key generation, encapsulation, decapsulation (FIPS 203 sections 5 and 6). */
#include "mlkem.h"
#include "bytes.h"
#include "sha3.h"

#define POLY_SIZE  384 /* a polynomial at 12 bits a coefficient */
#define ETA2       2
#define SHA3_256_R 136
#define SHA3_512_R 72

static const struct mlkem_params sets[] = {
    /* algorithm, k, eta1, du, dv, sizes */
    {PQ_ML_KEM_512, 2, 3, 10, 4, 800, 1632, 768},
    {PQ_ML_KEM_768, 3, 2, 10, 4, 1184, 2400, 1088},
    {PQ_ML_KEM_1024, 4, 2, 11, 5, 1568, 3168, 1568},
};

const struct mlkem_params *mlkem_find(enum pq_algorithm algorithm)
{
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (sets[i].algorithm == algorithm)
            return &sets[i];
    }
    return NULL;
}

/* H, G (FIPS 203 equations 4.4 and 4.5) and J (4.4) on the concatenation of two strings. */
static void hash_two(uint32_t rate, uint8_t suffix, const uint8_t *a, size_t a_size,
                     const uint8_t *b, size_t b_size, uint8_t *out, size_t out_size)
{
    struct pq_keccak sponge;

    keccak_init(&sponge, rate, suffix);
    keccak_absorb(&sponge, a, a_size);
    keccak_absorb(&sponge, b, b_size);
    keccak_finish(&sponge);
    keccak_squeeze(&sponge, out, out_size);
    bytes_wipe(&sponge, sizeof sponge);
}

/* FIPS 203 algorithm 13, K-PKE.KeyGen. */
static void pke_keygen(const struct mlkem_params *p, const uint8_t d[32], uint8_t *public_key,
                       uint8_t *secret_key)
{
    struct mlkem_poly s_hat[MLKEM_K_MAX];
    struct mlkem_poly a;
    struct mlkem_poly t;
    struct mlkem_sum sum;
    uint8_t seeds[64]; /* rho, sigma */

    /* Line 1. */
    hash_two(SHA3_512_R, SHA3_SUFFIX, d, 32, &p->k, 1, seeds, sizeof seeds);
    bytes_declassify(seeds, 32); /* rho is part of the public key */

    /* Lines 8 to 11, 16 and 20. */
    for (unsigned i = 0; i < p->k; i++) {
        mlkem_sample_cbd(&s_hat[i], seeds + 32, i, p->eta1);
        mlkem_ntt(&s_hat[i]);
        a = s_hat[i];
        mlkem_canonical(&a);
        mlkem_encode(secret_key + (size_t)POLY_SIZE * i, &a, 12);
    }

    /* Lines 3 to 7, 12 to 15, 17 to 19, row by row. */
    for (unsigned i = 0; i < p->k; i++) {
        mlkem_sum_clear(&sum);
        for (unsigned j = 0; j < p->k; j++) {
            mlkem_sample_ntt(&a, seeds, j, i);
            mlkem_sum_add(&sum, &a, &s_hat[j]);
        }
        mlkem_sum_reduce(&t, &sum);
        mlkem_to_montgomery(&t);
        mlkem_sample_cbd(&a, seeds + 32, p->k + i, p->eta1);
        mlkem_ntt(&a);
        mlkem_add(&t, &a);
        mlkem_canonical(&t);
        mlkem_encode(public_key + (size_t)POLY_SIZE * i, &t, 12);
    }
    bytes_copy(public_key + (size_t)POLY_SIZE * p->k, seeds, 32);

    bytes_declassify(public_key, p->public_size);
    bytes_wipe(s_hat, sizeof s_hat);
    bytes_wipe(&a, sizeof a);
    bytes_wipe(&sum, sizeof sum);
    bytes_wipe(seeds, sizeof seeds);
}

/* Lines 19 to 21 of algorithm 14: v = NTT^-1(t y) + e2 + Decompress_1(m). */
static void pke_encrypt_message(const struct mlkem_params *p, const uint8_t *public_key,
                                const uint8_t m[32], const uint8_t r[32],
                                const struct mlkem_poly *y_hat, struct mlkem_poly *v)
{
    struct mlkem_sum sum;
    struct mlkem_poly other;

    mlkem_sum_clear(&sum);
    for (unsigned j = 0; j < p->k; j++) {
        mlkem_decode(&other, public_key + (size_t)POLY_SIZE * j, 12);
        mlkem_canonical(&other);
        mlkem_sum_add(&sum, &other, &y_hat[j]);
    }
    mlkem_sum_reduce(v, &sum);
    mlkem_ntt_inverse(v);
    mlkem_sample_cbd(&other, r, 2u * p->k, ETA2);
    mlkem_add(v, &other);
    mlkem_decode(&other, m, 1);
    mlkem_decompress(&other, 1);
    mlkem_add(v, &other);
    mlkem_canonical(v);
    bytes_wipe(&sum, sizeof sum);
    bytes_wipe(&other, sizeof other);
}

/* FIPS 203 algorithm 14, K-PKE.Encrypt. */
static void pke_encrypt(const struct mlkem_params *p, const uint8_t *public_key,
                        const uint8_t m[32], const uint8_t r[32], uint8_t *ciphertext)
{
    const uint8_t *rho = public_key + (size_t)POLY_SIZE * p->k;
    struct mlkem_poly y_hat[MLKEM_K_MAX];
    struct mlkem_poly a;
    struct mlkem_poly u;
    struct mlkem_sum sum;

    /* Lines 9 to 12 and 18. */
    for (unsigned i = 0; i < p->k; i++) {
        mlkem_sample_cbd(&y_hat[i], r, i, p->eta1);
        mlkem_ntt(&y_hat[i]);
    }

    /* Lines 4 to 8, 13 to 16, 19 and 22, row by row; the matrix is transposed. */
    for (unsigned i = 0; i < p->k; i++) {
        mlkem_sum_clear(&sum);
        for (unsigned j = 0; j < p->k; j++) {
            mlkem_sample_ntt(&a, rho, i, j);
            mlkem_sum_add(&sum, &a, &y_hat[j]);
        }
        mlkem_sum_reduce(&u, &sum);
        mlkem_ntt_inverse(&u);
        mlkem_sample_cbd(&a, r, p->k + i, ETA2);
        mlkem_add(&u, &a);
        mlkem_canonical(&u);
        mlkem_compress(&u, p->du);
        mlkem_encode(ciphertext + (size_t)32 * p->du * i, &u, p->du);
    }

    /* Lines 17, 20, 21 and 23. */
    pke_encrypt_message(p, public_key, m, r, y_hat, &u);
    mlkem_compress(&u, p->dv);
    mlkem_encode(ciphertext + (size_t)32 * p->du * p->k, &u, p->dv);

    bytes_wipe(y_hat, sizeof y_hat);
    bytes_wipe(&a, sizeof a);
    bytes_wipe(&u, sizeof u);
    bytes_wipe(&sum, sizeof sum);
}

/* FIPS 203 algorithm 15, K-PKE.Decrypt. */
static void pke_decrypt(const struct mlkem_params *p, const uint8_t *secret_key,
                        const uint8_t *ciphertext, uint8_t m[32])
{
    struct mlkem_poly s_hat;
    struct mlkem_poly u;
    struct mlkem_poly w;
    struct mlkem_sum sum;

    mlkem_sum_clear(&sum);
    for (unsigned i = 0; i < p->k; i++) {
        mlkem_decode(&u, ciphertext + (size_t)32 * p->du * i, p->du);
        mlkem_decompress(&u, p->du);
        mlkem_ntt(&u);
        mlkem_decode(&s_hat, secret_key + (size_t)POLY_SIZE * i, 12);
        mlkem_canonical(&s_hat);
        mlkem_sum_add(&sum, &s_hat, &u);
    }
    mlkem_sum_reduce(&s_hat, &sum);
    mlkem_ntt_inverse(&s_hat);
    mlkem_decode(&w, ciphertext + (size_t)32 * p->du * p->k, p->dv);
    mlkem_decompress(&w, p->dv);
    mlkem_subtract(&w, &s_hat);
    mlkem_canonical(&w);
    mlkem_compress(&w, 1);
    mlkem_encode(m, &w, 1);

    bytes_wipe(&s_hat, sizeof s_hat);
    bytes_wipe(&w, sizeof w);
    bytes_wipe(&sum, sizeof sum);
}

void mlkem_keygen(const struct mlkem_params *p, const uint8_t seed[64], uint8_t *public_key,
                  uint8_t *secret_key)
{
    uint8_t *end = secret_key + (size_t)POLY_SIZE * p->k;

    pke_keygen(p, seed, public_key, secret_key);
    bytes_copy(end, public_key, p->public_size);
    end += p->public_size;
    hash_two(SHA3_256_R, SHA3_SUFFIX, public_key, p->public_size, NULL, 0, end, 32);
    bytes_copy(end + 32, seed + 32, 32);
}

int mlkem_check_public(const struct mlkem_params *p, const uint8_t *public_key)
{
    struct mlkem_poly a;

    for (unsigned i = 0; i < p->k; i++) {
        mlkem_decode(&a, public_key + (size_t)POLY_SIZE * i, 12);
        for (unsigned j = 0; j < 256; j++) {
            if (a.c[j] >= MLKEM_Q)
                return PQ_ERROR_KEY;
        }
    }
    return PQ_OK;
}

int mlkem_check_secret(const struct mlkem_params *p, const uint8_t *secret_key)
{
    const uint8_t *public_key = secret_key + (size_t)POLY_SIZE * p->k;
    uint8_t hash[32];
    uint32_t wrong;

    hash_two(SHA3_256_R, SHA3_SUFFIX, public_key, p->public_size, NULL, 0, hash, sizeof hash);
    wrong = bytes_differ(hash, public_key + p->public_size, sizeof hash);
    bytes_declassify(&wrong, sizeof wrong);
    return wrong ? PQ_ERROR_KEY : PQ_OK;
}

/* FIPS 203 algorithm 17. */
void mlkem_encapsulate(const struct mlkem_params *p, const uint8_t *public_key, const uint8_t m[32],
                       uint8_t *ciphertext, uint8_t secret[32])
{
    uint8_t hash[32];
    uint8_t expanded[64]; /* K, r */

    hash_two(SHA3_256_R, SHA3_SUFFIX, public_key, p->public_size, NULL, 0, hash, sizeof hash);
    hash_two(SHA3_512_R, SHA3_SUFFIX, m, 32, hash, sizeof hash, expanded, sizeof expanded);
    pke_encrypt(p, public_key, m, expanded + 32, ciphertext);
    bytes_copy(secret, expanded, 32);
    bytes_wipe(expanded, sizeof expanded);
}

/* FIPS 203 algorithm 18. Whether the ciphertext was proper stays secret. */
void mlkem_decapsulate(const struct mlkem_params *p, const uint8_t *secret_key,
                       const uint8_t *ciphertext, uint8_t secret[32])
{
    const uint8_t *public_key = secret_key + (size_t)POLY_SIZE * p->k;
    const uint8_t *hash = public_key + p->public_size;
    const uint8_t *z = hash + 32;
    uint8_t again[MLKEM_CIPHERTEXT_MAX];
    uint8_t expanded[64]; /* K', r' */
    uint8_t rejected[32]; /* K bar */
    uint8_t m[32];

    bytes_declassify(public_key, p->public_size);
    pke_decrypt(p, secret_key, ciphertext, m);
    hash_two(SHA3_512_R, SHA3_SUFFIX, m, 32, hash, 32, expanded, sizeof expanded);
    hash_two(SHAKE256_RATE, SHAKE_SUFFIX, z, 32, ciphertext, p->ciphertext_size, rejected,
             sizeof rejected);
    pke_encrypt(p, public_key, m, expanded + 32, again);
    bytes_select(expanded, rejected, 32, bytes_differ(ciphertext, again, p->ciphertext_size));
    bytes_copy(secret, expanded, 32);

    bytes_wipe(again, sizeof again);
    bytes_wipe(expanded, sizeof expanded);
    bytes_wipe(rejected, sizeof rejected);
    bytes_wipe(m, sizeof m);
}
