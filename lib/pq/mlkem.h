/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-KEM (FIPS 203) inside lib/pq; users call pq_kem_*(). */
#ifndef PQ_MLKEM_H
#define PQ_MLKEM_H

#include "pq.h"

#define MLKEM_Q              3329
#define MLKEM_K_MAX          4
#define MLKEM_CIPHERTEXT_MAX 1568

/* One parameter set: FIPS 203 table 2, with the sizes of table 3. eta2 is 2 in all of them. */
struct mlkem_params {
    enum pq_algorithm algorithm;
    uint8_t k;
    uint8_t eta1;
    uint8_t du;
    uint8_t dv;
    uint16_t public_size; /* encapsulation key */
    uint16_t secret_size; /* decapsulation key */
    uint16_t ciphertext_size;
};

/* A polynomial of degree below 256, in normal or NTT form. */
struct mlkem_poly {
    int16_t c[256];
};

/* A sum of products of polynomials in NTT form, not yet reduced. */
struct mlkem_sum {
    int32_t c[256];
};

/* NULL for an id that is not ML-KEM. */
const struct mlkem_params *mlkem_find(enum pq_algorithm algorithm);

/*@ // 2^bits for the widths that FIPS 203 encodes with, 0 for others.
    logic integer width(integer bits) =
      bits == 1 ? 2 : bits == 4 ? 16 : bits == 5 ? 32 : bits == 10 ? 1024 : bits == 11 ? 2048 :
      bits == 12 ? 4096 : 0;
    predicate encodable(integer x, integer bits) = 0 <= x < width(bits);

    // FIPS 203 equation 4.8: q x / 2^bits, rounded.
    logic integer decompressed(integer x, integer bits) =
      bits == 1 ? (MLKEM_Q * x + 1) / 2 : bits == 4 ? (MLKEM_Q * x + 8) / 16 :
      bits == 5 ? (MLKEM_Q * x + 16) / 32 : bits == 10 ? (MLKEM_Q * x + 512) / 1024 :
      (MLKEM_Q * x + 1024) / 2048;

    // The first n coefficients are there: lowest <= c <= highest.
    predicate sampled{L}(struct mlkem_poly *a, integer n, integer lowest, integer highest) =
      \forall integer k; 0 <= k < n ==> lowest <= a->c[k] <= highest;
*/

/* ---- mlkem_poly.c ---- */

/* In: |c| < q. Out: |c| <= (q + 1) / 2. */
void mlkem_ntt(struct mlkem_poly *f);

/* In: |c| < q. Out: the inverse transform times 2^16, |c| < q. */
void mlkem_ntt_inverse(struct mlkem_poly *f);

/* Up to 4 products of |a| <= q by |b| <= (q + 1) / 2; mlkem_sum_reduce gives the sum times 2^-16,
 * |c| < q. */
void mlkem_sum_clear(struct mlkem_sum *sum);
void mlkem_sum_add(struct mlkem_sum *sum, const struct mlkem_poly *a, const struct mlkem_poly *b);
void mlkem_sum_reduce(struct mlkem_poly *out, const struct mlkem_sum *sum);

/* Times 2^16; out |c| < q. */
void mlkem_to_montgomery(struct mlkem_poly *a);

/* To |c| <= (q + 1) / 2, or to [0, q); any c. */
void mlkem_reduce(struct mlkem_poly *a);
void mlkem_canonical(struct mlkem_poly *a);

/* a += b, a -= b; the result must stay within 16 bits. */
void mlkem_add(struct mlkem_poly *a, const struct mlkem_poly *b);
void mlkem_subtract(struct mlkem_poly *a, const struct mlkem_poly *b);

/* ---- mlkem_pack.c ---- */

/* In place; compress takes c in [0, q) and gives [0, 2^bits), decompress the other way. bits is 1
 * to 11. */
/*@ requires \valid(a) && encodable(0, bits) && bits <= 11;
    requires \forall integer k; 0 <= k < 256 ==> 0 <= a->c[k] < MLKEM_Q;
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==> encodable(a->c[k], bits); */
void mlkem_compress(struct mlkem_poly *a, unsigned bits);
/*@ requires \valid(a) && encodable(0, bits) && bits <= 11;
    requires \forall integer k; 0 <= k < 256 ==> encodable(a->c[k], bits);
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==> 0 <= a->c[k] < MLKEM_Q;
    ensures \forall integer k; 0 <= k < 256 ==>
      a->c[k] == decompressed(\old(a->c[k]), bits); */
void mlkem_decompress(struct mlkem_poly *a, unsigned bits);

/* 32 * bits bytes; c in [0, 2^bits), bits 1 to 12. */
/*@ requires encodable(0, bits) && \valid_read(a) && \valid(out + (0 .. 32 * bits - 1));
    requires \separated(a, out + (0 .. 32 * bits - 1));
    requires \forall integer k; 0 <= k < 256 ==> encodable(a->c[k], bits);
    assigns out[0 .. 32 * bits - 1]; */
void mlkem_encode(uint8_t *out, const struct mlkem_poly *a, unsigned bits);
/*@ requires encodable(0, bits) && \valid(a) && \valid_read(in + (0 .. 32 * bits - 1));
    requires \separated(a, in + (0 .. 32 * bits - 1));
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==> encodable(a->c[k], bits); */
void mlkem_decode(struct mlkem_poly *a, const uint8_t *in, unsigned bits);

/* ---- mlkem_sample.c ---- */

/* FIPS 203 algorithm 7 on rho || first || second: c in [0, q), in NTT form. */
/*@ requires \valid(a) && \valid_read(rho + (0 .. 31)) && \separated(a, rho + (0 .. 31));
    assigns a->c[0 .. 255];
    ensures sampled(a, 256, 0, MLKEM_Q - 1); */
void mlkem_sample_ntt(struct mlkem_poly *a, const uint8_t rho[32], unsigned first, unsigned second);

/* FIPS 203 algorithm 8 on PRF_eta(seed, nonce), eta 2 or 3: |c| <= eta. */
void mlkem_sample_cbd(struct mlkem_poly *a, const uint8_t seed[32], unsigned nonce, unsigned eta);

/* ---- mlkem.c ---- */

/* FIPS 203 algorithm 16: seed is d and z. */
void mlkem_keygen(const struct mlkem_params *p, const uint8_t seed[64], uint8_t *public_key,
                  uint8_t *secret_key);

/* FIPS 203 section 7.2, modulus check: PQ_ERROR_KEY when a coefficient is not below q. */
int mlkem_check_public(const struct mlkem_params *p, const uint8_t *public_key);

/* FIPS 203 section 7.3, hash check: PQ_ERROR_KEY when the key's halves do not belong together. */
int mlkem_check_secret(const struct mlkem_params *p, const uint8_t *secret_key);

/* FIPS 203 algorithms 17 and 18. */
void mlkem_encapsulate(const struct mlkem_params *p, const uint8_t *public_key, const uint8_t m[32],
                       uint8_t *ciphertext, uint8_t secret[32]);
void mlkem_decapsulate(const struct mlkem_params *p, const uint8_t *secret_key,
                       const uint8_t *ciphertext, uint8_t secret[32]);

#endif
