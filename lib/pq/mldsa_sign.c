/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ML-DSA: signing (FIPS 204 algorithm 7).
 *
 * To need little stack, A, s1, s2, t0 and y are expanded or unpacked again where they are used.
 * Three values of a rejected attempt are treated as public, as the standard's security argument
 * allows (FIPS 204 section 3.2 and the Dilithium specification, round 3, section 5.5): c~, that the
 * attempt was rejected, and by which of the checks.
 */
#include "bytes.h"
#include "mldsa.h"

/* FIPS 204 appendix C, table 3: more attempts than this happen with probability below 2^-256. */
#define ATTEMPTS_MAX 814

/* What all attempts share. */
struct signer {
    const struct mldsa_params *p;
    const uint8_t *rho;
    const uint8_t *s1; /* packed */
    const uint8_t *s2;
    const uint8_t *t0;
    uint8_t mu[64];
    uint8_t rho_pp[64]; /* rho'' */
};

/* One attempt. */
struct attempt {
    struct mldsa_poly z[MLDSA_L_MAX]; /* y in NTT form, then z */
    struct mldsa_poly w[MLDSA_K_MAX]; /* w, then w - c s2, then the hint */
    struct mldsa_poly c_hat;
    uint8_t challenge[MLDSA_CHALLENGE_MAX];
};

/* FIPS 204 algorithm 25, the checks: every coefficient of s1 and s2 is within eta. */
static int check_secret(const struct signer *s)
{
    const struct mldsa_params *p = s->p;
    struct mldsa_poly poly;
    uint32_t bad = 0;

    for (unsigned j = 0; j < (unsigned)p->l + p->k; j++) {
        mldsa_unpack_below(&poly, s->s1 + (size_t)32 * p->eta_bits * j, p->eta_bits, p->eta);
        bad |= mldsa_exceeds(&poly, p->eta + 1);
    }
    bytes_wipe(&poly, sizeof poly);
    bytes_declassify(&bad, sizeof bad);
    return bad ? PQ_ERROR_KEY : PQ_OK;
}

/* Lines 11 and 12: w = NTT^-1(A NTT(y)), canonical. */
static void commit(const struct signer *s, struct attempt *t, unsigned kappa)
{
    const struct mldsa_params *p = s->p;
    struct mldsa_sum sum;
    struct mldsa_poly a;

    for (unsigned j = 0; j < p->l; j++) {
        mldsa_expand_mask(&t->z[j], p, s->rho_pp, kappa + j);
        mldsa_ntt(&t->z[j]);
    }
    for (unsigned i = 0; i < p->k; i++) {
        mldsa_sum_clear(&sum);
        for (unsigned j = 0; j < p->l; j++) {
            mldsa_expand_a(&a, s->rho, i, j);
            mldsa_sum_add(&sum, &a, &t->z[j]);
        }
        mldsa_sum_reduce(&t->w[i], &sum);
        mldsa_ntt_inverse(&t->w[i]);
        mldsa_canonical(&t->w[i]);
    }
    bytes_wipe(&sum, sizeof sum);
}

/* Lines 13 to 17: w1, c~ and NTT(c). */
static void challenge(const struct signer *s, struct attempt *t)
{
    const struct mldsa_params *p = s->p;
    struct pq_keccak xof;
    struct mldsa_poly w1;
    uint8_t packed[32 * 6];
    int32_t low;

    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, s->mu, 64);
    for (unsigned i = 0; i < p->k; i++) {
        for (unsigned j = 0; j < 256; j++)
            w1.c[j] = mldsa_decompose(p->gamma2, t->w[i].c[j], &low);
        mldsa_pack(packed, &w1, p->w1_bits);
        keccak_absorb(&xof, packed, (size_t)32 * p->w1_bits);
    }
    keccak_finish(&xof);
    keccak_squeeze(&xof, t->challenge, p->challenge_size);
    bytes_wipe(&xof, sizeof xof);
    bytes_wipe(&w1, sizeof w1);
    bytes_wipe(packed, sizeof packed);

    bytes_declassify(t->challenge, p->challenge_size);
    mldsa_sample_in_ball(&t->c_hat, p, t->challenge);
    mldsa_ntt(&t->c_hat);
}

/* out = c times the polynomial that is in out, least absolute residues. */
static void times_challenge(struct mldsa_poly *out, const struct attempt *t)
{
    mldsa_ntt(out);
    mldsa_multiply(out, out, &t->c_hat);
    mldsa_ntt_inverse(out);
    mldsa_center(out);
}

/* Lines 18, 20 and 23 (its first half): z = y + c s1. Returns whether to reject. */
static int respond(const struct signer *s, struct attempt *t, unsigned kappa)
{
    const struct mldsa_params *p = s->p;
    struct mldsa_poly cs1;
    uint32_t reject = 0;

    for (unsigned j = 0; j < p->l; j++) {
        mldsa_unpack_below(&cs1, s->s1 + (size_t)32 * p->eta_bits * j, p->eta_bits, p->eta);
        times_challenge(&cs1, t);
        mldsa_expand_mask(&t->z[j], p, s->rho_pp, kappa + j);
        mldsa_add(&t->z[j], &cs1);
        reject |= mldsa_exceeds(&t->z[j], (1 << p->gamma1_bits) - p->beta);
    }
    bytes_wipe(&cs1, sizeof cs1);
    bytes_declassify(&reject, sizeof reject);
    return reject != 0;
}

/* Lines 19, 21 and 23 (its second half): w -= c s2; the low bits must stay small. */
static int check_low_bits(const struct signer *s, struct attempt *t)
{
    const struct mldsa_params *p = s->p;
    struct mldsa_poly poly; /* c s2, then r0 */
    uint32_t reject = 0;

    for (unsigned i = 0; i < p->k; i++) {
        mldsa_unpack_below(&poly, s->s2 + (size_t)32 * p->eta_bits * i, p->eta_bits, p->eta);
        times_challenge(&poly, t);
        mldsa_subtract(&t->w[i], &poly);
        mldsa_canonical(&t->w[i]);
        for (unsigned j = 0; j < 256; j++)
            mldsa_decompose(p->gamma2, t->w[i].c[j], &poly.c[j]);
        reject |= mldsa_exceeds(&poly, p->gamma2 - p->beta);
    }
    bytes_wipe(&poly, sizeof poly);
    bytes_declassify(&reject, sizeof reject);
    return reject != 0;
}

/* Lines 25 to 28: the hint, in place of w. */
static int make_hint(const struct signer *s, struct attempt *t)
{
    const struct mldsa_params *p = s->p;
    struct mldsa_poly ct0;
    uint32_t reject = 0;
    int32_t ones = 0;
    int32_t low;

    for (unsigned i = 0; i < p->k; i++) {
        struct mldsa_poly *w = &t->w[i];
        mldsa_unpack_below(&ct0, s->t0 + (size_t)32 * MLDSA_D * i, MLDSA_D, 1 << (MLDSA_D - 1));
        times_challenge(&ct0, t);
        reject |= mldsa_exceeds(&ct0, p->gamma2);
        mldsa_add(&ct0, w);
        mldsa_canonical(&ct0);
        /* FIPS 204 algorithm 39 with r = w - c s2 + c t0 and r + z = w - c s2. */
        for (unsigned j = 0; j < 256; j++) {
            int32_t r1 = mldsa_decompose(p->gamma2, ct0.c[j], &low);
            int32_t v1 = mldsa_decompose(p->gamma2, w->c[j], &low);
            w->c[j] = (int32_t)((0u - (uint32_t)(r1 ^ v1)) >> 31);
            ones += w->c[j];
        }
    }
    reject |= (uint32_t)((p->omega - ones) >> 31);
    bytes_wipe(&ct0, sizeof ct0);
    bytes_declassify(&reject, sizeof reject);
    return reject != 0;
}

/* FIPS 204 algorithm 26. */
static void encode(const struct mldsa_params *p, struct attempt *t, uint8_t *signature)
{
    unsigned z_bits = p->gamma1_bits + 1u;
    uint8_t *out = signature + p->challenge_size;

    /* An accepted attempt is the signature: all of it is public. */
    bytes_declassify(t->z, sizeof t->z);
    bytes_declassify(t->w, sizeof t->w);
    bytes_copy(signature, t->challenge, p->challenge_size);
    for (unsigned j = 0; j < p->l; j++)
        mldsa_pack_below(out + (size_t)32 * z_bits * j, &t->z[j], z_bits, 1 << p->gamma1_bits);
    mldsa_pack_hint(p, out + (size_t)32 * z_bits * p->l, t->w);
}

/* Lines 8 to 32. */
static int attempt_all(const struct signer *s, uint8_t *signature)
{
    struct attempt t;
    int error = PQ_ERROR_ATTEMPTS;

    for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
        unsigned kappa = i * s->p->l;
        commit(s, &t, kappa);
        challenge(s, &t);
        if (respond(s, &t, kappa) || check_low_bits(s, &t) || make_hint(s, &t))
            continue;
        encode(s->p, &t, signature);
        error = PQ_OK;
        break;
    }
    bytes_wipe(&t, sizeof t);
    return error;
}

int mldsa_sign(const struct mldsa_params *p, const uint8_t *secret_key,
               const struct message *message, const uint8_t rnd[32], uint8_t *signature)
{
    struct pq_keccak xof;
    struct signer s;
    int error;

    /* Line 1. */
    s.p = p;
    s.rho = secret_key;
    s.s1 = secret_key + 128;
    s.s2 = s.s1 + (size_t)32 * p->eta_bits * p->l;
    s.t0 = s.s2 + (size_t)32 * p->eta_bits * p->k;
    bytes_declassify(s.rho, 32);
    error = check_secret(&s);
    if (error)
        return error;

    /* Lines 6 and 7. */
    mldsa_message_digest(s.mu, secret_key + 64, message);
    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, secret_key + 32, 32);
    keccak_absorb(&xof, rnd, 32);
    keccak_absorb(&xof, s.mu, 64);
    keccak_finish(&xof);
    keccak_squeeze(&xof, s.rho_pp, 64);
    bytes_wipe(&xof, sizeof xof);

    error = attempt_all(&s, signature);
    bytes_wipe(&s, sizeof s);
    return error;
}
