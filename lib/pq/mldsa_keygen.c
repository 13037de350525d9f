/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-DSA: parameter sets (FIPS 204 tables 1 and 2) and key generation (algorithm 6). */
#include "bytes.h"
#include "mldsa.h"

static const struct mldsa_params sets[] = {
    {
        .algorithm = PQ_ML_DSA_44,
        .k = 4,
        .l = 4,
        .eta = 2,
        .eta_bits = 3,
        .tau = 39,
        .omega = 80,
        .gamma1_bits = 17,
        .w1_bits = 6,
        .challenge_size = 32,
        .beta = 78,
        .gamma2 = (MLDSA_Q - 1) / 88,
        .public_size = 1312,
        .secret_size = 2560,
        .signature_size = 2420,
    },
    {
        .algorithm = PQ_ML_DSA_65,
        .k = 6,
        .l = 5,
        .eta = 4,
        .eta_bits = 4,
        .tau = 49,
        .omega = 55,
        .gamma1_bits = 19,
        .w1_bits = 4,
        .challenge_size = 48,
        .beta = 196,
        .gamma2 = (MLDSA_Q - 1) / 32,
        .public_size = 1952,
        .secret_size = 4032,
        .signature_size = 3309,
    },
    {
        .algorithm = PQ_ML_DSA_87,
        .k = 8,
        .l = 7,
        .eta = 2,
        .eta_bits = 3,
        .tau = 60,
        .omega = 75,
        .gamma1_bits = 19,
        .w1_bits = 4,
        .challenge_size = 64,
        .beta = 120,
        .gamma2 = (MLDSA_Q - 1) / 32,
        .public_size = 2592,
        .secret_size = 4896,
        .signature_size = 4627,
    },
};

const struct mldsa_params *mldsa_find(enum pq_algorithm algorithm)
{
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (sets[i].algorithm == algorithm)
            return &sets[i];
    }
    return NULL;
}

/* Lines 5 and 6 for row i: t = NTT^-1(A NTT(s1)) + s2, split into t1 and t0. */
static void keygen_row(const struct mldsa_params *p, const uint8_t *rho, const uint8_t *rho_prime,
                       const struct mldsa_poly *s1_hat, unsigned i, struct mldsa_poly *t1,
                       struct mldsa_poly *t0)
{
    struct mldsa_sum sum;
    struct mldsa_poly a;

    mldsa_sum_clear(&sum);
    for (unsigned j = 0; j < p->l; j++) {
        mldsa_expand_a(&a, rho, i, j);
        mldsa_sum_add(&sum, &a, &s1_hat[j]);
    }
    mldsa_sum_reduce(t1, &sum);
    mldsa_ntt_inverse(t1);
    mldsa_expand_s(&a, p, rho_prime, p->l + i);
    mldsa_add(t1, &a);
    mldsa_canonical(t1);
    for (unsigned j = 0; j < 256; j++)
        t1->c[j] = mldsa_power2round(t1->c[j], &t0->c[j]);
    bytes_wipe(&sum, sizeof sum);
    bytes_wipe(&a, sizeof a);
}

void mldsa_keygen(const struct mldsa_params *p, const uint8_t seed[32], uint8_t *public_key,
                  uint8_t *secret_key)
{
    struct pq_keccak xof;
    struct mldsa_poly s1_hat[MLDSA_L_MAX];
    struct mldsa_poly t1;
    struct mldsa_poly t0;
    uint8_t expanded[128]; /* rho, rho', K */
    uint8_t dimensions[2] = {p->k, p->l};
    uint8_t *pk = public_key;
    uint8_t *s1_out = secret_key + 128;
    uint8_t *s2_out = s1_out + (size_t)32 * p->eta_bits * p->l;
    uint8_t *t0_out = s2_out + (size_t)32 * p->eta_bits * p->k;

    /* Line 1. */
    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, seed, 32);
    keccak_absorb(&xof, dimensions, 2);
    keccak_finish(&xof);
    keccak_squeeze(&xof, expanded, 128);
    bytes_declassify(expanded, 32); /* rho is part of the public key */

    /* Line 4, and the start of the secret key (algorithm 24). */
    bytes_copy(public_key, expanded, 32);
    bytes_copy(secret_key, expanded, 32);
    bytes_copy(secret_key + 32, expanded + 96, 32);
    for (unsigned j = 0; j < p->l; j++) {
        mldsa_expand_s(&s1_hat[j], p, expanded + 32, j);
        mldsa_pack_below(s1_out + (size_t)32 * p->eta_bits * j, &s1_hat[j], p->eta_bits, p->eta);
        mldsa_ntt(&s1_hat[j]);
    }
    for (unsigned i = 0; i < p->k; i++) {
        mldsa_expand_s(&t1, p, expanded + 32, p->l + i);
        mldsa_pack_below(s2_out + (size_t)32 * p->eta_bits * i, &t1, p->eta_bits, p->eta);
    }

    /* Lines 3, 5, 6 and 8 (algorithm 22). */
    pk += 32;
    for (unsigned i = 0; i < p->k; i++) {
        keygen_row(p, expanded, expanded + 32, s1_hat, i, &t1, &t0);
        mldsa_pack(pk + (size_t)320 * i, &t1, 23 - MLDSA_D);
        mldsa_pack_below(t0_out + (size_t)32 * MLDSA_D * i, &t0, MLDSA_D, 1 << (MLDSA_D - 1));
    }

    /* Line 9: tr = H(pk, 64). */
    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, public_key, p->public_size);
    keccak_finish(&xof);
    keccak_squeeze(&xof, secret_key + 64, 64);

    bytes_declassify(public_key, p->public_size);
    bytes_wipe(&xof, sizeof xof);
    bytes_wipe(s1_hat, sizeof s1_hat);
    bytes_wipe(&t1, sizeof t1);
    bytes_wipe(&t0, sizeof t0);
    bytes_wipe(expanded, sizeof expanded);
}
