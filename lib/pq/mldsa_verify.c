/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-DSA: verification (FIPS 204 algorithm 8). Everything here is public. */
#include "bytes.h"
#include "mldsa.h"

void mldsa_message_digest(uint8_t mu[64], const uint8_t tr[64], const struct message *message)
{
    struct pq_keccak xof;

    if (message->is_mu) {
        bytes_copy(mu, message->part[0].data, 64);
        return;
    }
    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, tr, 64);
    for (unsigned i = 0; i < MESSAGE_PARTS; i++)
        keccak_absorb(&xof, message->part[i].data, message->part[i].size);
    keccak_finish(&xof);
    keccak_squeeze(&xof, mu, 64);
}

/* Lines 9 and 10 for row i: w1' = UseHint(h, A z - c t1 2^d). */
static void verify_row(const struct mldsa_params *p, const uint8_t *public_key, const uint8_t *y,
                       const struct mldsa_poly *z_hat, const struct mldsa_poly *c_hat, unsigned i,
                       struct mldsa_poly *w1)
{
    struct mldsa_sum sum;
    struct mldsa_poly other; /* by turns an element of A, t1, the hint */

    mldsa_sum_clear(&sum);
    for (unsigned j = 0; j < p->l; j++) {
        mldsa_expand_a(&other, public_key, i, j);
        mldsa_sum_add(&sum, &other, &z_hat[j]);
    }
    mldsa_unpack(&other, public_key + 32 + (size_t)320 * i, 23 - MLDSA_D);
    for (unsigned j = 0; j < 256; j++)
        other.c[j] <<= MLDSA_D; /* at most (2^10 - 1) 2^13 = q - 1 */
    mldsa_ntt(&other);
    mldsa_sum_subtract(&sum, c_hat, &other);
    mldsa_sum_reduce(w1, &sum);
    mldsa_ntt_inverse(w1);
    mldsa_canonical(w1);

    mldsa_unpack_hint(p, &other, y, i);
    for (unsigned j = 0; j < 256; j++)
        w1->c[j] = mldsa_use_hint(p->gamma2, other.c[j], w1->c[j]);
}

int mldsa_verify(const struct mldsa_params *p, const uint8_t *public_key,
                 const struct message *message, const uint8_t *signature)
{
    struct pq_keccak xof;
    struct mldsa_poly z_hat[MLDSA_L_MAX];
    struct mldsa_poly c_hat;
    struct mldsa_poly w1;
    uint8_t packed[32 * 6];
    uint8_t tr[64];
    uint8_t mu[64];
    uint8_t challenge[MLDSA_CHALLENGE_MAX];
    unsigned z_bits = p->gamma1_bits + 1u;
    const uint8_t *z_in = signature + p->challenge_size;
    const uint8_t *y = z_in + (size_t)32 * z_bits * p->l;

    /* Lines 2 to 4, and the norm check of line 13 (whose order does not matter). */
    if (mldsa_check_hint(p, y))
        return PQ_ERROR_MISMATCH;
    for (unsigned j = 0; j < p->l; j++) {
        mldsa_unpack_below(&z_hat[j], z_in + (size_t)32 * z_bits * j, z_bits, 1 << p->gamma1_bits);
        if (mldsa_exceeds(&z_hat[j], (1 << p->gamma1_bits) - p->beta))
            return PQ_ERROR_MISMATCH;
        mldsa_ntt(&z_hat[j]);
    }

    /* Lines 6 to 8. */
    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, public_key, p->public_size);
    keccak_finish(&xof);
    keccak_squeeze(&xof, tr, 64);
    mldsa_message_digest(mu, tr, message);
    mldsa_sample_in_ball(&c_hat, p, signature);
    mldsa_ntt(&c_hat);

    /* Lines 5, 9, 10 and 12. */
    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, mu, 64);
    for (unsigned i = 0; i < p->k; i++) {
        verify_row(p, public_key, y, z_hat, &c_hat, i, &w1);
        mldsa_pack(packed, &w1, p->w1_bits);
        keccak_absorb(&xof, packed, (size_t)32 * p->w1_bits);
    }
    keccak_finish(&xof);
    keccak_squeeze(&xof, challenge, p->challenge_size);

    /* Line 13. */
    return bytes_differ(challenge, signature, p->challenge_size) ? PQ_ERROR_MISMATCH : PQ_OK;
}
