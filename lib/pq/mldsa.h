/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-DSA (FIPS 204) inside lib/pq; users call pq_sign_*() and pq_verify(). */
#ifndef PQ_MLDSA_H
#define PQ_MLDSA_H

#include "message.h"
#include "pq.h"
#include "sha3.h"

#define MLDSA_Q 8380417
#define MLDSA_D 13 /* bits dropped from t */

#define MLDSA_K_MAX         8
#define MLDSA_L_MAX         7
#define MLDSA_CHALLENGE_MAX 64 /* bytes of c~ */
#define MLDSA_OMEGA_MAX     80

/* One parameter set: FIPS 204 table 1, with the sizes of table 2. */
struct mldsa_params {
    enum pq_algorithm algorithm;
    uint8_t k;
    uint8_t l;
    uint8_t eta;
    uint8_t eta_bits; /* bits of a packed coefficient of s1, s2 */
    uint8_t tau;
    uint8_t omega;
    uint8_t gamma1_bits;    /* gamma1 = 2^gamma1_bits */
    uint8_t w1_bits;        /* bits of a packed coefficient of w1 */
    uint8_t challenge_size; /* lambda / 4 bytes */
    int32_t beta;           /* tau * eta */
    int32_t gamma2;
    uint16_t public_size;
    uint16_t secret_size;
    uint16_t signature_size;
};

/* A polynomial of degree below 256, in normal or NTT form. */
struct mldsa_poly {
    int32_t c[256];
};

/* A sum of products of polynomials in NTT form, not yet reduced. */
struct mldsa_sum {
    int64_t c[256];
};

/* NULL for an id that is not ML-DSA. */
const struct mldsa_params *mldsa_find(enum pq_algorithm algorithm);

/* ---- mldsa_ntt.c ---- */

/* In: |c| < q. Out: |c| < 9q. */
void mldsa_ntt(struct mldsa_poly *f);

/* In: |c| < q. Out: the inverse transform times 2^32, |c| < q. */
void mldsa_ntt_inverse(struct mldsa_poly *f);

/* out = a b 2^-32, pointwise; |a b| < 2^31 q; out |c| < q. out may be a or b. */
void mldsa_multiply(struct mldsa_poly *out, const struct mldsa_poly *a, const struct mldsa_poly *b);

/* Sums of products; the sum of all |a b| must stay below 2^31 q (for instance 8 of q by 9q and one
 * of 9q by 9q). mldsa_sum_reduce gives the sum times 2^-32, |c| < q. */
void mldsa_sum_clear(struct mldsa_sum *sum);
void mldsa_sum_add(struct mldsa_sum *sum, const struct mldsa_poly *a, const struct mldsa_poly *b);
void mldsa_sum_subtract(struct mldsa_sum *sum, const struct mldsa_poly *a,
                        const struct mldsa_poly *b);
void mldsa_sum_reduce(struct mldsa_poly *out, const struct mldsa_sum *sum);

/* a += b, a -= b without reduction. */
void mldsa_add(struct mldsa_poly *a, const struct mldsa_poly *b);
void mldsa_subtract(struct mldsa_poly *a, const struct mldsa_poly *b);

/* To the residue of least absolute value, or to [0, q). In: |c| < 2^31 - 2^22. */
void mldsa_center(struct mldsa_poly *a);
void mldsa_canonical(struct mldsa_poly *a);

/* ---- mldsa_round.c ---- */

/* FIPS 204 algorithm 35. r in [0, q): r = r1 2^13 + r0, r0 in (-2^12, 2^12]. Gives r1. */
int32_t mldsa_power2round(int32_t r, int32_t *r0);

/* FIPS 204 algorithm 36. r in [0, q), gamma2 one of the two. Gives r1 in [0, (q - 1) / (2 gamma2)).
 */
int32_t mldsa_decompose(int32_t gamma2, int32_t r, int32_t *r0);

/* FIPS 204 algorithm 40. hint is 0 or 1, r in [0, q). */
int32_t mldsa_use_hint(int32_t gamma2, int32_t hint, int32_t r);

/* 0xffffffff when some |c| >= bound, else 0; in: |c| < 2^30. Takes the same time for any c. */
uint32_t mldsa_exceeds(const struct mldsa_poly *a, int32_t bound);

/* ---- mldsa_pack.c ---- */

/*@ // bits is a width that FIPS 204 packs with, and 0 <= x < 2^bits.
    predicate packable(integer x, integer bits) =
      0 <= x && ((bits == 3 && x < 8) || (bits == 4 && x < 16) || (bits == 6 && x < 64) ||
                 (bits == 10 && x < 1024) || (bits == 13 && x < 8192) ||
                 (bits == 18 && x < 262144) || (bits == 20 && x < 1048576));

    // The first n coefficients are there: lowest <= c <= highest.
    predicate sampled{L}(struct mldsa_poly *a, integer n, integer lowest, integer highest) =
      \forall integer k; 0 <= k < n ==> lowest <= a->c[k] <= highest;

    // What algorithm 20 gives and algorithm 21 accepts: the end of each of k rows does not go back
    // and not beyond omega, positions rise within a row, and what is left over is zero.
    logic integer row_start{L}(uint8_t *y, integer omega, integer i) =
      i == 0 ? 0 : y[omega + i - 1];
    predicate rises{L}(uint8_t *y, integer from, integer to) =
      \forall integer t; from < t < to ==> y[t - 1] < y[t];
    predicate row_proper{L}(uint8_t *y, integer omega, integer i) =
      row_start(y, omega, i) <= row_start(y, omega, i + 1) <= omega &&
      rises(y, row_start(y, omega, i), row_start(y, omega, i + 1));
    predicate rows_proper{L}(uint8_t *y, integer omega, integer n) =
      \forall integer i; 0 <= i < n ==> row_proper(y, omega, i);
    predicate zeros{L}(uint8_t *y, integer from, integer to) =
      \forall integer t; from <= t < to ==> y[t] == 0;
    predicate hint_proper{L}(uint8_t *y, integer omega, integer k) =
      rows_proper(y, omega, k) && zeros(y, row_start(y, omega, k), omega);
*/

/* Writes 32 * bits bytes: top - c for each coefficient, or c itself (in [0, 2^bits)). */
/*@ requires packable(0, bits) && \valid_read(a) && \valid(out + (0 .. 32 * bits - 1));
    requires \separated(a, out + (0 .. 32 * bits - 1));
    requires \forall integer k; 0 <= k < 256 ==> packable(a->c[k], bits);
    assigns out[0 .. 32 * bits - 1]; */
void mldsa_pack(uint8_t *out, const struct mldsa_poly *a, unsigned bits);
/*@ requires packable(0, bits) && \valid_read(a) && \valid(out + (0 .. 32 * bits - 1));
    requires \separated(a, out + (0 .. 32 * bits - 1));
    requires 0 <= top <= 0x80000;
    requires \forall integer k; 0 <= k < 256 ==> packable(top - a->c[k], bits);
    assigns out[0 .. 32 * bits - 1]; */
void mldsa_pack_below(uint8_t *out, const struct mldsa_poly *a, unsigned bits, int32_t top);

/* The inverses; coefficients are in [0, 2^bits) or (top - 2^bits, top]. */
/*@ requires packable(0, bits) && \valid(a) && \valid_read(in + (0 .. 32 * bits - 1));
    requires \separated(a, in + (0 .. 32 * bits - 1));
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==> packable(a->c[k], bits); */
void mldsa_unpack(struct mldsa_poly *a, const uint8_t *in, unsigned bits);
/*@ requires packable(0, bits) && \valid(a) && \valid_read(in + (0 .. 32 * bits - 1));
    requires \separated(a, in + (0 .. 32 * bits - 1));
    requires 0 <= top <= 0x80000;
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==> packable(top - a->c[k], bits); */
void mldsa_unpack_below(struct mldsa_poly *a, const uint8_t *in, unsigned bits, int32_t top);

/* FIPS 204 algorithm 20. Each coefficient of hint[k] is 0 or 1, at most omega ones in all. */
/*@ requires \valid_read(p) && 1 <= p->k <= MLDSA_K_MAX && p->omega <= MLDSA_OMEGA_MAX;
    requires \valid_read(hint + (0 .. p->k - 1)) && \valid(out + (0 .. p->omega + p->k - 1));
    requires \separated(out + (0 .. p->omega + p->k - 1), p, hint + (0 .. p->k - 1));
    assigns out[0 .. p->omega + p->k - 1]; */
void mldsa_pack_hint(const struct mldsa_params *p, uint8_t *out, const struct mldsa_poly *hint);

/* FIPS 204 algorithm 21, the checks only: 0 when y is a proper encoding, PQ_ERROR_MISMATCH
 * otherwise. */
/*@ requires \valid_read(p) && 1 <= p->k <= MLDSA_K_MAX && p->omega <= MLDSA_OMEGA_MAX;
    requires \valid_read(y + (0 .. p->omega + p->k - 1));
    assigns \nothing;
    ensures \result == PQ_OK || \result == PQ_ERROR_MISMATCH;
    ensures \result == PQ_OK <==> hint_proper((uint8_t *)y, p->omega, p->k); */
int mldsa_check_hint(const struct mldsa_params *p, const uint8_t *y);

/* FIPS 204 algorithm 21 for one row i of a checked y. */
/*@ requires \valid_read(p) && i < p->k <= MLDSA_K_MAX && p->omega <= MLDSA_OMEGA_MAX;
    requires \valid(hint) && \valid_read(y + (0 .. p->omega + p->k - 1));
    requires \separated(hint, p, y + (0 .. p->omega + p->k - 1));
    requires hint_proper((uint8_t *)y, p->omega, p->k);
    assigns hint->c[0 .. 255];
    ensures \forall integer j; 0 <= j < 256 ==> hint->c[j] == 0 || hint->c[j] == 1;
    ensures \forall integer t;
      row_start((uint8_t *)y, p->omega, i) <= t < row_start((uint8_t *)y, p->omega, i + 1) ==>
        hint->c[y[t]] == 1;
    ensures \forall integer j; 0 <= j < 256 && hint->c[j] == 1 ==> \exists integer t;
      row_start((uint8_t *)y, p->omega, i) <= t < row_start((uint8_t *)y, p->omega, i + 1) &&
        y[t] == j; */
void mldsa_unpack_hint(const struct mldsa_params *p, struct mldsa_poly *hint, const uint8_t *y,
                       unsigned i);

/* ---- mldsa_sample.c ---- */

/* FIPS 204 algorithm 32 for one element: A[row][column] in NTT form, c in [0, q). */
/*@ requires \valid(a) && \valid_read(rho + (0 .. 31)) && \separated(a, rho + (0 .. 31));
    assigns a->c[0 .. 255];
    ensures sampled(a, 256, 0, MLDSA_Q - 1); */
void mldsa_expand_a(struct mldsa_poly *a, const uint8_t rho[32], unsigned row, unsigned column);

/* FIPS 204 algorithm 33 for one polynomial (s1 has the indexes below l, s2 those from l). */
void mldsa_expand_s(struct mldsa_poly *s, const struct mldsa_params *p, const uint8_t rho[64],
                    unsigned index);

/* FIPS 204 algorithm 34 for one polynomial; nonce is mu + r there. */
void mldsa_expand_mask(struct mldsa_poly *y, const struct mldsa_params *p, const uint8_t rho[64],
                       unsigned nonce);

/* FIPS 204 algorithm 29. */
/*@ requires \valid(c) && \valid_read(p) && p->tau <= MLDSA_CHALLENGE_MAX;
    requires \valid_read(challenge + (0 .. p->challenge_size - 1)) && p->challenge_size > 0;
    requires \separated(c, p, challenge + (0 .. p->challenge_size - 1));
    assigns c->c[0 .. 255];
    ensures sampled(c, 256, -1, 1); */
void mldsa_sample_in_ball(struct mldsa_poly *c, const struct mldsa_params *p,
                          const uint8_t *challenge);

/* ---- mldsa_keygen.c, mldsa_sign.c, mldsa_verify.c ---- */

/* FIPS 204 algorithm 6. Sizes as in the parameters. */
void mldsa_keygen(const struct mldsa_params *p, const uint8_t seed[32], uint8_t *public_key,
                  uint8_t *secret_key);

/* FIPS 204 algorithm 7. rnd is zeros for the deterministic variant. PQ_ERROR_KEY when the key is
 * no encoding of one, PQ_ERROR_ATTEMPTS when no attempt was accepted. */
int mldsa_sign(const struct mldsa_params *p, const uint8_t *secret_key,
               const struct message *message, const uint8_t rnd[32], uint8_t *signature);

/* FIPS 204 algorithm 8. PQ_ERROR_MISMATCH when the signature is not valid. */
int mldsa_verify(const struct mldsa_params *p, const uint8_t *public_key,
                 const struct message *message, const uint8_t *signature);

/* mu = H(tr || M', 64), algorithms 7 and 8, line 6. */
void mldsa_message_digest(uint8_t mu[64], const uint8_t tr[64], const struct message *message);

#endif
