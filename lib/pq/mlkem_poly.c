/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ML-KEM: arithmetic modulo q = 3329 and the number-theoretic transform (FIPS 203 section 4.3).
 *
 * Coefficients are signed and reduced late; each function states the bounds it takes and gives.
 * Products go through Montgomery reduction with R = 2^16.
 */
#include "bytes.h"
#include "mlkem.h"

#define Q MLKEM_Q

/* zetas[i] = 17^BitRev7(i) * 2^16 mod q (FIPS 203 appendix A), least absolute residue. The factors
 * of algorithm 11 are +-zetas[64 + i]. */
static const int16_t zetas[128] = {
    -1044, -758,  -359,  -1517, 1493,  1422,  287,   202,   -171,  622,   1577,  182,   962,
    -1202, -1474, 1468,  573,   -1325, 264,   383,   -829,  1458,  -1602, -130,  -681,  1017,
    732,   608,   -1542, 411,   -205,  -1571, 1223,  652,   -552,  1015,  -1293, 1491,  -282,
    -1544, 516,   -8,    -320,  -666,  -1618, -1162, 126,   1469,  -853,  -90,   -271,  830,
    107,   -1421, -247,  -951,  -398,  961,   -1508, -725,  448,   -1065, 677,   -1275, -1103,
    430,   555,   843,   -1251, 871,   1550,  105,   422,   587,   177,   -235,  -291,  -460,
    1574,  1653,  -246,  778,   1159,  -147,  -777,  1483,  -602,  1119,  -1590, 644,   -872,
    349,   418,   329,   -156,  -75,   817,   1097,  603,   610,   1322,  -1285, -1465, 384,
    -1215, -136,  1218,  -1335, -874,  220,   -1187, -1659, -1185, -1530, -1278, 794,   -1510,
    -854,  -870,  478,   -108,  -308,  996,   991,   958,   -1460, 1522,  1628,
};

/* q^-1 mod 2^16. */
#define Q_INVERSE 62209u

/* 2^32 / 128 mod q, and 2^32 mod q. */
#define INVERSE_SCALE 1441
#define TO_MONTGOMERY 1353

/*@ predicate congruent(integer x, integer y) = \exists integer k; x == y + k * Q;
    lemma multiple: \forall integer x, k; congruent(x - k * Q, x);
    lemma next: \forall integer x, y, z; congruent(x, y) ==>
      (z == x || z == x + Q || z == x - Q) ==> congruent(z, y);

    // |c[from .. to - 1]| < bound
    predicate below(int16_t *c, integer from, integer to, integer bound) =
      \forall integer k; from <= k < to ==> -bound < c[k] < bound;

    // What montgomery_reduce() takes, and what an int16_t holds.
    predicate in_reach(integer x) = -32768 * Q < x < 32768 * Q;
    predicate fits(integer x) = -32768 <= x < 32768;
*/

/*@ requires m < 128;
    assigns \nothing;
    ensures -(Q / 2) <= \result <= Q / 2; */
PQ_INLINE int16_t zeta_at(unsigned m)
{
    /*@ assert known: AMONG_128(m, 0); */
    return zetas[m];
}

/* For |a| < 2^15 q: a 2^-16 mod q, absolute value below q. */
/*@ requires in_reach(a);
    assigns \nothing;
    ensures -Q < \result < Q && congruent(\result * 65536, a); */
PQ_INLINE int16_t montgomery_reduce(int32_t a)
{
    uint32_t product = (uint32_t)a * Q_INVERSE;
    int16_t t = (int16_t)(uint16_t)product;
    /*@ assert product: product == a * Q_INVERSE - 4294967296 * (Q_INVERSE * turns_uint32(a) +
                          turns_uint32(Q_INVERSE * (uint32_t)a)); */
    /*@ assert low: t == product - 65536 * turns_sint16(product); */
    /*@ assert divides: \exists integer m; a - t * Q == 65536 * m; */
    /*@ assert shifted: ((a - t * Q) >> 16) * 65536 == a - t * Q; */
    /*@ assert multiple: congruent(a - t * Q, a); */
    return (int16_t)((a - t * Q) >> 16);
}

/*@ requires in_reach(a * b);
    assigns \nothing;
    ensures -Q < \result < Q && congruent(\result * 65536, a * b); */
PQ_INLINE int16_t multiply(int16_t a, int16_t b)
{
    return montgomery_reduce((int32_t)a * b);
}

/*@ assigns \nothing;
    ensures -((Q + 1) / 2) <= \result <= (Q + 1) / 2 && congruent(\result, a); */
/* a mod q by Barrett's method; absolute value at most (q + 1) / 2. 20159 = round(2^26 / q). */
PQ_INLINE int16_t barrett_reduce(int16_t a)
{
    int32_t quotient = (20159 * (int32_t)a + (1 << 25)) >> 26;
    /*@ assert multiple: congruent(a - quotient * Q, a); */
    return (int16_t)(a - quotient * Q);
}

/* One layer: the blocks of 2 length coefficients, the first with zetas[i]. */
/*@ requires (length == 2 && i == 64) || (length == 4 && i == 32) || (length == 8 && i == 16) ||
             (length == 16 && i == 8) || (length == 32 && i == 4) || (length == 64 && i == 2) ||
             (length == 128 && i == 1);
    requires \valid(c + (0 .. 255)) && Q <= bound <= 7 * Q && below(c, 0, 256, bound);
    assigns c[0 .. 255];
    ensures below(c, 0, 256, bound + Q); */
PQ_INLINE void layer(int16_t *c, unsigned length, unsigned i) /*@ ghost (int32_t bound) */
{
    /*@ loop invariant (length == 2 && start == 4 * i - 256 && i <= 128) ||
                       (length == 4 && start == 8 * i - 256 && i <= 64) ||
                       (length == 8 && start == 16 * i - 256 && i <= 32) ||
                       (length == 16 && start == 32 * i - 256 && i <= 16) ||
                       (length == 32 && start == 64 * i - 256 && i <= 8) ||
                       (length == 64 && start == 128 * i - 256 && i <= 4) ||
                       (length == 128 && start == 256 * i - 256 && i <= 2);
        loop invariant 0 <= start <= 256;
        loop invariant below(c, 0, start, bound + Q) && below(c, start, 256, bound);
        loop assigns start, i, c[0 .. 255];
        loop variant 256 - start; */
    for (unsigned start = 0; start < 256; start += 2 * length, i++) {
        int16_t zeta = zeta_at(i);
        /*@ assert block: start + 2 * length <= 256; */
        /*@ loop invariant start <= j <= start + length;
            loop invariant below(c, 0, start, bound + Q) && below(c, start + 2 * length, 256,
           bound); loop invariant below(c, start, j, bound + Q) && below(c, j, start + length,
           bound); loop invariant below(c, start + length, j + length, bound + Q) && below(c, j +
           length, start + 2 * length, bound); loop assigns j, c[0 .. 255]; loop variant start +
           length - j; */
        for (unsigned j = start; j < start + length; j++) {
            int16_t t = multiply(zeta, c[j + length]);
            c[j + length] = (int16_t)(c[j] - t);
            c[j] = (int16_t)(c[j] + t);
        }
    }
}

/* FIPS 203 algorithm 9. In: |c| < q. 7 layers add q each: 8 q < 2^15. Out: |c| <= (q + 1) / 2. */
/*@ requires \valid(f) && below(&f->c[0], 0, 256, Q);
    assigns f->c[0 .. 255];
    ensures below(&f->c[0], 0, 256, (Q + 1) / 2 + 1); */
void mlkem_ntt(struct mlkem_poly *f)
{
    unsigned i = 1;
    /*@ ghost int32_t bound = Q; */

    /*@ loop invariant (length == 128 && i == 1 && bound == Q) ||
                       (length == 64 && i == 2 && bound == 2 * Q) ||
                       (length == 32 && i == 4 && bound == 3 * Q) ||
                       (length == 16 && i == 8 && bound == 4 * Q) ||
                       (length == 8 && i == 16 && bound == 5 * Q) ||
                       (length == 4 && i == 32 && bound == 6 * Q) ||
                       (length == 2 && i == 64 && bound == 7 * Q) ||
                       (length == 1 && i == 128 && bound == 8 * Q);
        loop invariant below(&f->c[0], 0, 256, bound);
        loop assigns length, i, bound, f->c[0 .. 255];
        loop variant length; */
    for (unsigned length = 128; length >= 2; length /= 2, i *= 2) {
        layer(f->c, length, i) /*@ ghost (bound) */;
        /*@ ghost bound += Q; */
    }
    mlkem_reduce(f);
}

/* One layer back: the blocks of 2 length coefficients, the first with zetas[i - 1]. */
/*@ requires (length == 2 && i == 128) || (length == 4 && i == 64) || (length == 8 && i == 32) ||
             (length == 16 && i == 16) || (length == 32 && i == 8) || (length == 64 && i == 4) ||
             (length == 128 && i == 2);
    requires \valid(c + (0 .. 255)) && Q / 2 < bound <= 4 * Q && below(c, 0, 256, bound);
    assigns c[0 .. 255];
    ensures below(c, 0, 256, 2 * bound); */
PQ_INLINE void inverse_layer(int16_t *c, unsigned length, unsigned i)
/*@ ghost (int32_t bound) */
{
    /*@ loop invariant (length == 2 && start == 512 - 4 * i && i >= 64) ||
                       (length == 4 && start == 512 - 8 * i && i >= 32) ||
                       (length == 8 && start == 512 - 16 * i && i >= 16) ||
                       (length == 16 && start == 512 - 32 * i && i >= 8) ||
                       (length == 32 && start == 512 - 64 * i && i >= 4) ||
                       (length == 64 && start == 512 - 128 * i && i >= 2) ||
                       (length == 128 && start == 512 - 256 * i && i >= 1);
        loop invariant 0 <= start <= 256;
        loop invariant below(c, 0, start, 2 * bound) && below(c, start, 256, bound);
        loop assigns start, i, c[0 .. 255];
        loop variant 256 - start; */
    for (unsigned start = 0; start < 256; start += 2 * length) {
        int16_t zeta = zeta_at(--i);
        /*@ assert block: start + 2 * length <= 256; */
        /*@ loop invariant start <= j <= start + length;
            loop invariant below(c, 0, start, 2 * bound) &&
                           below(c, start + 2 * length, 256, bound);
            loop invariant below(c, start, j, 2 * bound) && below(c, j, start + length, bound);
            loop invariant below(c, start + length, j + length, 2 * bound) &&
                           below(c, j + length, start + 2 * length, bound);
            loop assigns j, c[0 .. 255];
            loop variant start + length - j; */
        for (unsigned j = start; j < start + length; j++) {
            int16_t t = c[j];
            c[j] = (int16_t)(t + c[j + length]);
            c[j + length] = multiply(zeta, (int16_t)(c[j + length] - t));
        }
    }
}

/* FIPS 203 algorithm 10, then a factor 2^16. In and out: |c| < q. The sums double with each layer,
 * and the differences take twice that: after three layers, at 8 q < 2^15, they are reduced. */
/*@ requires \valid(f) && below(&f->c[0], 0, 256, Q);
    assigns f->c[0 .. 255];
    ensures below(&f->c[0], 0, 256, Q); */
void mlkem_ntt_inverse(struct mlkem_poly *f)
{
    unsigned i = 128;
    /*@ ghost int32_t bound = Q; */

    /*@ loop invariant (length == 2 && i == 128 && bound == Q) ||
                       (length == 4 && i == 64 && bound == 2 * Q) ||
                       (length == 8 && i == 32 && bound == 4 * Q) ||
                       (length == 16 && i == 16 && bound == Q) ||
                       (length == 32 && i == 8 && bound == 2 * Q) ||
                       (length == 64 && i == 4 && bound == 4 * Q) ||
                       (length == 128 && i == 2 && bound == Q) ||
                       (length == 256 && i == 1 && bound == 2 * Q);
        loop invariant below(&f->c[0], 0, 256, bound);
        loop assigns length, i, bound, f->c[0 .. 255];
        loop variant 256 - length; */
    for (unsigned length = 2; length <= 128; length *= 2, i /= 2) {
        inverse_layer(f->c, length, i) /*@ ghost (bound) */;
        /*@ ghost bound *= 2; */
        if (length == 8 || length == 64) {
            mlkem_reduce(f);
            /*@ ghost bound = Q; */
        }
    }
    /*@ loop invariant 0 <= j <= 256 && below(&f->c[0], 0, j, Q);
        loop invariant below(&f->c[0], j, 256, 2 * Q);
        loop assigns j, f->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        f->c[j] = multiply(INVERSE_SCALE, f->c[j]);
}

void mlkem_sum_clear(struct mlkem_sum *sum)
{
    bytes_zero(sum->c, sizeof sum->c);
}

/* FIPS 203 algorithm 12, added to a sum: less than 2 * 3330 * 3330 each, and in_reach() has room
 * for four. */
/*@ requires \valid(sum0) && \valid(sum1) && \separated(sum0, sum1);
    requires -2000000000 <= *sum0 <= 2000000000 && -2000000000 <= *sum1 <= 2000000000;
    requires -Q <= a0 <= Q && -Q <= a1 <= Q;
    requires -(Q + 1) / 2 <= b0 <= (Q + 1) / 2 && -(Q + 1) / 2 <= b1 <= (Q + 1) / 2;
    requires -(Q / 2) <= gamma <= Q / 2;
    assigns *sum0, *sum1;
    ensures -2 * Q * Q <= *sum0 - \old(*sum0) <= 2 * Q * Q;
    ensures -2 * Q * Q <= *sum1 - \old(*sum1) <= 2 * Q * Q; */
PQ_INLINE void add_product(int32_t *sum0, int32_t *sum1, int32_t a0, int32_t a1, int32_t b0,
                           int32_t b1, int16_t gamma)
{
    int32_t twisted = multiply(gamma, (int16_t)b1);
    /*@ assert first: -Q * Q <= a0 * b0 <= Q * Q; */
    /*@ assert second: -Q * Q <= a1 * twisted <= Q * Q; */
    /*@ assert third: -Q * Q <= a0 * b1 <= Q * Q; */
    /*@ assert fourth: -Q * Q <= a1 * b0 <= Q * Q; */
    *sum0 += a0 * b0 + a1 * twisted;
    *sum1 += a0 * b1 + a1 * b0;
}

/* FIPS 203 algorithm 11, without reduction of the sums. */
/*@ requires \valid(sum) && \valid_read(a) && \valid_read(b) && \separated(sum, a) &&
             \separated(sum, b);
    requires below((int16_t *)&a->c[0], 0, 256, Q + 1) &&
             below((int16_t *)&b->c[0], 0, 256, (Q + 1) / 2 + 1);
    requires \forall integer k; 0 <= k < 256 ==> -2000000000 <= sum->c[k] <= 2000000000;
    assigns sum->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==>
              -2 * Q * Q <= sum->c[k] - \old(sum->c[k]) <= 2 * Q * Q; */
void mlkem_sum_add(struct mlkem_sum *sum, const struct mlkem_poly *a, const struct mlkem_poly *b)
{
    /*@ loop invariant 0 <= i <= 128;
        loop invariant \forall integer k; 0 <= k < 2 * i ==>
          -2 * Q * Q <= sum->c[k] - \at(sum->c[k], Pre) <= 2 * Q * Q;
        loop invariant \forall integer k; 2 * i <= k < 256 ==> sum->c[k] == \at(sum->c[k], Pre);
        loop assigns i, sum->c[0 .. 255];
        loop variant 128 - i; */
    for (unsigned i = 0; i < 128; i++) {
        /* gamma = 17^(2 BitRev7(i) + 1): zetas[64 + i / 2], negated for odd i. */
        int16_t zeta = zeta_at(64 + i / 2);
        int16_t gamma = (int16_t)(i % 2 ? -zeta : zeta);
        add_product(&sum->c[2 * i], &sum->c[2 * i + 1], a->c[2 * i], a->c[2 * i + 1], b->c[2 * i],
                    b->c[2 * i + 1], gamma);
    }
}

/*@ requires \valid(out) && \valid_read(sum) && \separated(out, sum);
    requires \forall integer k; 0 <= k < 256 ==> in_reach(sum->c[k]);
    assigns out->c[0 .. 255];
    ensures below(&out->c[0], 0, 256, Q);
    ensures \forall integer k; 0 <= k < 256 ==> congruent(out->c[k] * 65536, sum->c[k]); */
void mlkem_sum_reduce(struct mlkem_poly *out, const struct mlkem_sum *sum)
{
    /*@ loop invariant 0 <= j <= 256 && below(&out->c[0], 0, j, Q);
        loop invariant \forall integer k; 0 <= k < j ==>
          congruent(out->c[k] * 65536, sum->c[k]);
        loop assigns j, out->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        out->c[j] = montgomery_reduce(sum->c[j]);
}

/*@ requires \valid(a);
    assigns a->c[0 .. 255];
    ensures below(&a->c[0], 0, 256, Q); */
void mlkem_to_montgomery(struct mlkem_poly *a)
{
    /*@ loop invariant 0 <= j <= 256 && below(&a->c[0], 0, j, Q);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        a->c[j] = multiply(TO_MONTGOMERY, a->c[j]);
}

/*@ requires \valid(a);
    assigns a->c[0 .. 255];
    ensures below(&a->c[0], 0, 256, (Q + 1) / 2 + 1);
    ensures \forall integer k; 0 <= k < 256 ==> congruent(a->c[k], \old(a->c[k])); */
void mlkem_reduce(struct mlkem_poly *a)
{
    /*@ loop invariant 0 <= j <= 256 && below(&a->c[0], 0, j, (Q + 1) / 2 + 1);
        loop invariant \forall integer k; 0 <= k < j ==> congruent(a->c[k], \at(a->c[k], Pre));
        loop invariant \forall integer k; j <= k < 256 ==> a->c[k] == \at(a->c[k], Pre);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        a->c[j] = barrett_reduce(a->c[j]);
}

/*@ requires \valid(a);
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==>
              0 <= a->c[k] < Q && congruent(a->c[k], \old(a->c[k])); */
void mlkem_canonical(struct mlkem_poly *a)
{
    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==>
          0 <= a->c[k] < Q && congruent(a->c[k], \at(a->c[k], Pre));
        loop invariant \forall integer k; j <= k < 256 ==> a->c[k] == \at(a->c[k], Pre);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        int16_t c = barrett_reduce(a->c[j]);
        a->c[j] = (int16_t)(c + ((c >> 15) & Q));
    }
}

/*@ requires \valid(a) && \valid_read(b) && \separated(a, b);
    requires \forall integer k; 0 <= k < 256 ==> fits(a->c[k] + b->c[k]);
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==> a->c[k] == \old(a->c[k]) + b->c[k]; */
void mlkem_add(struct mlkem_poly *a, const struct mlkem_poly *b)
{
    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==> a->c[k] == \at(a->c[k], Pre) + b->c[k];
        loop invariant \forall integer k; j <= k < 256 ==> a->c[k] == \at(a->c[k], Pre);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        a->c[j] = (int16_t)(a->c[j] + b->c[j]);
}

/*@ requires \valid(a) && \valid_read(b) && \separated(a, b);
    requires \forall integer k; 0 <= k < 256 ==> fits(a->c[k] - b->c[k]);
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==> a->c[k] == \old(a->c[k]) - b->c[k]; */
void mlkem_subtract(struct mlkem_poly *a, const struct mlkem_poly *b)
{
    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==> a->c[k] == \at(a->c[k], Pre) - b->c[k];
        loop invariant \forall integer k; j <= k < 256 ==> a->c[k] == \at(a->c[k], Pre);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        a->c[j] = (int16_t)(a->c[j] - b->c[j]);
}
