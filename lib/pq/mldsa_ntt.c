/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ML-DSA: arithmetic modulo q = 8380417 and the number-theoretic transform (FIPS 204 section 7.5).
 *
 * Coefficients are signed and reduced late. Each function states the bounds it takes and gives; all
 * of them together keep every intermediate inside its type. Products go through Montgomery
 * reduction (FIPS 204 appendix A) with R = 2^32.
 */
#include "bytes.h"
#include "mldsa.h"

/* zetas[m] = 1753^BitRev8(m) * 2^32 mod q (FIPS 204 appendix B), least absolute residue. */
static const int32_t zetas[256] = {
    0,        25847,    -2608894, -518909,  237124,   -777960,  -876248,  466468,   1826347,
    2353451,  -359251,  -2091905, 3119733,  -2884855, 3111497,  2680103,  2725464,  1024112,
    -1079900, 3585928,  -549488,  -1119584, 2619752,  -2108549, -2118186, -3859737, -1399561,
    -3277672, 1757237,  -19422,   4010497,  280005,   2706023,  95776,    3077325,  3530437,
    -1661693, -3592148, -2537516, 3915439,  -3861115, -3043716, 3574422,  -2867647, 3539968,
    -300467,  2348700,  -539299,  -1699267, -1643818, 3505694,  -3821735, 3507263,  -2140649,
    -1600420, 3699596,  811944,   531354,   954230,   3881043,  3900724,  -2556880, 2071892,
    -2797779, -3930395, -1528703, -3677745, -3041255, -1452451, 3475950,  2176455,  -1585221,
    -1257611, 1939314,  -4083598, -1000202, -3190144, -3157330, -3632928, 126922,   3412210,
    -983419,  2147896,  2715295,  -2967645, -3693493, -411027,  -2477047, -671102,  -1228525,
    -22981,   -1308169, -381987,  1349076,  1852771,  -1430430, -3343383, 264944,   508951,
    3097992,  44288,    -1100098, 904516,   3958618,  -3724342, -8578,    1653064,  -3249728,
    2389356,  -210977,  759969,   -1316856, 189548,   -3553272, 3159746,  -1851402, -2409325,
    -177440,  1315589,  1341330,  1285669,  -1584928, -812732,  -1439742, -3019102, -3881060,
    -3628969, 3839961,  2091667,  3407706,  2316500,  3817976,  -3342478, 2244091,  -2446433,
    -3562462, 266997,   2434439,  -1235728, 3513181,  -3520352, -3759364, -1197226, -3193378,
    900702,   1859098,  909542,   819034,   495491,   -1613174, -43260,   -522500,  -655327,
    -3122442, 2031748,  3207046,  -3556995, -525098,  -768622,  -3595838, 342297,   286988,
    -2437823, 4108315,  3437287,  -3342277, 1735879,  203044,   2842341,  2691481,  -2590150,
    1265009,  4055324,  1247620,  2486353,  1595974,  -3767016, 1250494,  2635921,  -3548272,
    -2994039, 1869119,  1903435,  -1050970, -1333058, 1237275,  -3318210, -1430225, -451100,
    1312455,  3306115,  -1962642, -1279661, 1917081,  -2546312, -1374803, 1500165,  777191,
    2235880,  3406031,  -542412,  -2831860, -1671176, -1846953, -2584293, -3724270, 594136,
    -3776993, -2013608, 2432395,  2454455,  -164721,  1957272,  3369112,  185531,   -1207385,
    -3183426, 162844,   1616392,  3014001,  810149,   1652634,  -3694233, -1799107, -3038916,
    3523897,  3866901,  269760,   2213111,  -975884,  1717735,  472078,   -426683,  1723600,
    -1803090, 1910376,  -1667432, -1104333, -260646,  -3833893, -2939036, -2235985, -420899,
    -2286327, 183443,   -976891,  1612842,  -3545687, -554416,  3919660,  -48306,   -1362209,
    3937738,  1400424,  -846154,  1976782,
};

/* q^-1 mod 2^32. */
#define Q_INVERSE 58728449u

/* 2^64 / 256 mod q: undoes the factors of the pointwise product and of the inverse transform. */
#define INVERSE_SCALE 41978

/*@ predicate congruent(integer x, integer y) = \exists integer k; x == y + k * MLDSA_Q;
    lemma multiple: \forall integer x, k; congruent(x - k * MLDSA_Q, x);
    lemma next: \forall integer x, y, z; congruent(x, y) ==>
      (z == x || z == x + MLDSA_Q || z == x - MLDSA_Q) ==> congruent(z, y);

    // |c[from .. to - 1]| < bound
    predicate below(int32_t *c, integer from, integer to, integer bound) =
      \forall integer k; from <= k < to ==> -bound < c[k] < bound;

    // What montgomery_reduce() takes, and what an int32_t holds.
    predicate in_reach(integer x) = -2147483648 * MLDSA_Q < x < 2147483648 * MLDSA_Q;
    predicate fits(integer x) = -2147483648 <= x < 2147483648;
*/

/*@ requires m < 256;
    assigns \nothing;
    ensures -(MLDSA_Q / 2) <= \result <= MLDSA_Q / 2; */
PQ_INLINE int32_t zeta(unsigned m)
{
    /*@ assert known: AMONG_256(m, 0); */
    return zetas[m];
}

/* FIPS 204 algorithm 49. For |a| < 2^31 q: r = a 2^-32 mod q with |r| < q. */
/*@ requires in_reach(a);
    assigns \nothing;
    ensures -MLDSA_Q < \result < MLDSA_Q;
    ensures congruent(\result * 4294967296, a); */
PQ_INLINE int32_t montgomery_reduce(int64_t a)
{
    int32_t t = (int32_t)((uint32_t)a * Q_INVERSE);
    /*@ assert product: t == a * Q_INVERSE - 4294967296 * (Q_INVERSE * turns_uint32(a) +
                             turns_sint32(Q_INVERSE * (uint32_t)a)); */
    /*@ assert divides: \exists integer m; a - t * MLDSA_Q == 4294967296 * m; */
    /*@ assert shifted: ((a - t * MLDSA_Q) >> 32) * 4294967296 == a - t * MLDSA_Q; */
    /*@ assert congruent(a - t * MLDSA_Q, a); */
    return (int32_t)((a - (int64_t)t * MLDSA_Q) >> 32);
}

/* FIPS 204 algorithm 41, lines 10 to 12. */
/*@ requires \valid(upper) && \valid(lower) && \separated(upper, lower);
    requires -(MLDSA_Q / 2) <= z <= MLDSA_Q / 2;
    requires -8 * MLDSA_Q < *upper < 8 * MLDSA_Q;
    assigns *upper, *lower;
    ensures -MLDSA_Q < *upper - \old(*upper) < MLDSA_Q;
    ensures *upper - \old(*upper) == \old(*upper) - *lower;
    ensures congruent((*upper - \old(*upper)) * 4294967296, z * \old(*lower)); */
PQ_INLINE void butterfly(int32_t *upper, int32_t *lower, int32_t z)
{
    int32_t t = montgomery_reduce((int64_t)z * *lower);
    *lower = *upper - t;
    *upper += t;
}

/* Two layers over the four quarters of the block that begins at start. */
/*@ requires (half == 1 || half == 4 || half == 16 || half == 64) && start + 4 * half <= 256;
    requires \valid(c + (0 .. 255));
    requires -(MLDSA_Q / 2) <= z <= MLDSA_Q / 2 && -(MLDSA_Q / 2) <= z_left <= MLDSA_Q / 2 &&
             -(MLDSA_Q / 2) <= z_right <= MLDSA_Q / 2;
    requires MLDSA_Q <= bound <= 7 * MLDSA_Q && below(c, start, start + 4 * half, bound);
    assigns c[start .. start + 4 * half - 1];
    ensures below(c, start, start + 4 * half, bound + 2 * MLDSA_Q); */
PQ_INLINE void two_layers(int32_t *c, unsigned start, unsigned half, int32_t z, int32_t z_left,
                          int32_t z_right) /*@ ghost (int32_t bound) */
{
    /*@ loop invariant start <= j <= start + half;
        loop invariant below(c, j, start + half, bound) &&
                       below(c, j + half, start + 2 * half, bound) &&
                       below(c, j + 2 * half, start + 3 * half, bound) &&
                       below(c, j + 3 * half, start + 4 * half, bound);
        loop invariant below(c, start, start + 4 * half, bound + 2 * MLDSA_Q);
        loop assigns j, c[start .. start + 4 * half - 1];
        loop variant start + half - j; */
    for (unsigned j = start; j < start + half; j++) {
        int32_t c0 = c[j];
        int32_t c1 = c[j + half];
        int32_t c2 = c[j + 2 * half];
        int32_t c3 = c[j + 3 * half];
        butterfly(&c0, &c2, z);
        butterfly(&c1, &c3, z);
        butterfly(&c0, &c1, z_left);
        butterfly(&c2, &c3, z_right);
        c[j] = c0;
        c[j + half] = c1;
        c[j + 2 * half] = c2;
        c[j + 3 * half] = c3;
    }
}

/*
 * FIPS 204 algorithm 41. In: |c| < q. Out: |c| < 9 q (each of 8 layers adds at most q).
 *
 * Two layers in one pass: block number i of the layer with 2^n blocks has m = 2^n + i, and its two
 * halves are the blocks with 2 m and 2 m + 1 of the next layer.
 */
/*@ requires \valid(f) && below(&f->c[0], 0, 256, MLDSA_Q);
    assigns f->c[0 .. 255];
    ensures below(&f->c[0], 0, 256, 9 * MLDSA_Q); */
void mldsa_ntt(struct mldsa_poly *f)
{
    unsigned m = 1;
    /*@ ghost int32_t bound = MLDSA_Q; */

    /*@ loop invariant (half == 64 && m == 1 && bound == MLDSA_Q) ||
                       (half == 16 && m == 4 && bound == 3 * MLDSA_Q) ||
                       (half == 4 && m == 16 && bound == 5 * MLDSA_Q) ||
                       (half == 1 && m == 64 && bound == 7 * MLDSA_Q) ||
                       (half == 0 && m == 256 && bound == 9 * MLDSA_Q);
        loop invariant below(&f->c[0], 0, 256, bound);
        loop assigns half, m, bound, f->c[0 .. 255];
        loop variant half; */
    for (unsigned half = 64; half >= 1; half /= 4) {
        /*@ loop invariant (half == 64 && start == 256 * m - 256 && m <= 2) ||
                           (half == 16 && start == 64 * m - 256 && m <= 8) ||
                           (half == 4 && start == 16 * m - 256 && m <= 32) ||
                           (half == 1 && start == 4 * m - 256 && m <= 128);
            loop invariant 0 <= start <= 256;
            loop invariant below(&f->c[0], 0, start, bound + 2 * MLDSA_Q);
            loop invariant below(&f->c[0], start, 256, bound);
            loop assigns start, m, f->c[0 .. 255];
            loop variant 256 - start; */
        for (unsigned start = 0; start < 256; start += 4 * half, m++)
            two_layers(f->c, start, half, zeta(m), zeta(2 * m), zeta(2 * m + 1))
                /*@ ghost (bound) */;
        m *= 2;
        /*@ ghost bound += 2 * MLDSA_Q; */
    }
}

/* FIPS 204 algorithm 42, lines 10 to 13; the sign of z is in the difference. */
/*@ requires \valid(upper) && \valid(lower) && \separated(upper, lower);
    requires -(MLDSA_Q / 2) <= z <= MLDSA_Q / 2;
    requires MLDSA_Q <= bound <= 128 * MLDSA_Q;
    requires -bound < *upper < bound && -bound < *lower < bound;
    assigns *upper, *lower;
    ensures *upper == \old(*upper) + \old(*lower);
    ensures -MLDSA_Q < *lower < MLDSA_Q; */
PQ_INLINE void inverse_butterfly(int32_t *upper, int32_t *lower, int32_t z)
/*@ ghost (int32_t bound) */
{
    int32_t t = *upper;
    *upper = t + *lower;
    *lower = montgomery_reduce((int64_t)z * (*lower - t));
}

/* Two layers over the four quarters of the block that begins at start. */
/*@ requires (quarter == 1 || quarter == 4 || quarter == 16 || quarter == 64) &&
             start + 4 * quarter <= 256;
    requires \valid(c + (0 .. 255));
    requires -(MLDSA_Q / 2) <= z <= MLDSA_Q / 2 && -(MLDSA_Q / 2) <= z_left <= MLDSA_Q / 2 &&
             -(MLDSA_Q / 2) <= z_right <= MLDSA_Q / 2;
    requires MLDSA_Q <= bound <= 64 * MLDSA_Q && below(c, start, start + 4 * quarter, bound);
    assigns c[start .. start + 4 * quarter - 1];
    ensures below(c, start, start + 4 * quarter, 4 * bound); */
PQ_INLINE void two_inverse_layers(int32_t *c, unsigned start, unsigned quarter, int32_t z,
                                  int32_t z_left, int32_t z_right) /*@ ghost (int32_t bound) */
{
    /*@ loop invariant start <= j <= start + quarter;
        loop invariant below(c, j, start + quarter, bound) &&
                       below(c, j + quarter, start + 2 * quarter, bound) &&
                       below(c, j + 2 * quarter, start + 3 * quarter, bound) &&
                       below(c, j + 3 * quarter, start + 4 * quarter, bound);
        loop invariant below(c, start, start + 4 * quarter, 4 * bound);
        loop assigns j, c[start .. start + 4 * quarter - 1];
        loop variant start + quarter - j; */
    for (unsigned j = start; j < start + quarter; j++) {
        int32_t c0 = c[j];
        int32_t c1 = c[j + quarter];
        int32_t c2 = c[j + 2 * quarter];
        int32_t c3 = c[j + 3 * quarter];
        inverse_butterfly(&c0, &c1, z_left) /*@ ghost (bound) */;
        inverse_butterfly(&c2, &c3, z_right) /*@ ghost (bound) */;
        inverse_butterfly(&c0, &c2, z) /*@ ghost ((int32_t)(2 * bound)) */;
        inverse_butterfly(&c1, &c3, z) /*@ ghost ((int32_t)(2 * bound)) */;
        c[j] = c0;
        c[j + quarter] = c1;
        c[j + 2 * quarter] = c2;
        c[j + 3 * quarter] = c3;
    }
}

/* Two layers over all blocks; the mirror of mldsa_ntt(): m counts up there, so here down. The
 * inner layer's blocks have the numbers from 2 m - 1 down to m, the outer one's those from m - 1
 * down to m / 2. */
/*@ requires (quarter == 1 && m == 128) || (quarter == 4 && m == 32) ||
             (quarter == 16 && m == 8) || (quarter == 64 && m == 2);
    requires \valid(c + (0 .. 255));
    requires MLDSA_Q <= bound <= 64 * MLDSA_Q && below(c, 0, 256, bound);
    assigns c[0 .. 255];
    ensures below(c, 0, 256, 4 * bound); */
PQ_INLINE void all_inverse_layers(int32_t *c, unsigned quarter, unsigned m)
/*@ ghost (int32_t bound) */
{
    /*@ loop invariant (quarter == 1 && start == 512 - 4 * m && 64 <= m <= 128) ||
                       (quarter == 4 && start == 512 - 16 * m && 16 <= m <= 32) ||
                       (quarter == 16 && start == 512 - 64 * m && 4 <= m <= 8) ||
                       (quarter == 64 && start == 512 - 256 * m && 1 <= m <= 2);
        loop invariant 0 <= start <= 256;
        loop invariant below(c, 0, start, 4 * bound);
        loop invariant below(c, start, 256, bound);
        loop assigns start, m, c[0 .. 255];
        loop variant 256 - start; */
    for (unsigned start = 0; start < 256; start += 4 * quarter) {
        m--;
        /*@ assert block: start + 4 * quarter <= 256; */
        two_inverse_layers(c, start, quarter, zeta(m), zeta(2 * m + 1), zeta(2 * m))
            /*@ ghost (bound) */;
    }
}

/*
 * FIPS 204 algorithm 42, then a factor 2^32. In: |c| < q. Out: |c| < q. The upper half of each
 * butterfly doubles, the lower is reduced at once: at most 256 q < 2^31.
 */
/*@ requires \valid(f) && below(&f->c[0], 0, 256, MLDSA_Q);
    assigns f->c[0 .. 255];
    ensures below(&f->c[0], 0, 256, MLDSA_Q); */
void mldsa_ntt_inverse(struct mldsa_poly *f)
{
    unsigned m = 128;
    /*@ ghost int32_t bound = MLDSA_Q; */

    /*@ loop invariant (quarter == 1 && m == 128 && bound == MLDSA_Q) ||
                       (quarter == 4 && m == 32 && bound == 4 * MLDSA_Q) ||
                       (quarter == 16 && m == 8 && bound == 16 * MLDSA_Q) ||
                       (quarter == 64 && m == 2 && bound == 64 * MLDSA_Q) ||
                       (quarter == 256 && m == 0 && bound == 256 * MLDSA_Q);
        loop invariant below(&f->c[0], 0, 256, bound);
        loop assigns quarter, m, bound, f->c[0 .. 255];
        loop variant 256 - quarter; */
    for (unsigned quarter = 1; quarter < 256; quarter *= 4, m /= 4) {
        all_inverse_layers(f->c, quarter, m) /*@ ghost (bound) */;
        /*@ ghost bound *= 4; */
    }
    /*@ loop invariant 0 <= j <= 256 && below(&f->c[0], 0, j, MLDSA_Q);
        loop invariant below(&f->c[0], j, 256, 256 * MLDSA_Q);
        loop assigns j, f->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        f->c[j] = montgomery_reduce((int64_t)INVERSE_SCALE * f->c[j]);
}

/*@ requires \valid(out) && \valid_read(a) && \valid_read(b);
    requires out == a || \separated(out, a);
    requires out == b || \separated(out, b);
    requires \forall integer k; 0 <= k < 256 ==>
               -2147483648 * MLDSA_Q < a->c[k] * b->c[k] < 2147483648 * MLDSA_Q;
    assigns out->c[0 .. 255];
    ensures below(&out->c[0], 0, 256, MLDSA_Q); */
void mldsa_multiply(struct mldsa_poly *out, const struct mldsa_poly *a, const struct mldsa_poly *b)
{
    /*@ loop invariant 0 <= j <= 256 && below(&out->c[0], 0, j, MLDSA_Q);
        loop invariant \forall integer k; j <= k < 256 ==>
          a->c[k] == \at(a->c[k], Pre) && b->c[k] == \at(b->c[k], Pre);
        loop assigns j, out->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        int64_t product = (int64_t)a->c[j] * b->c[j];
        /*@ assert same: product == \at(a->c[\at(j, Here)], Pre) * \at(b->c[\at(j, Here)], Pre); */
        out->c[j] = montgomery_reduce(product);
    }
}

void mldsa_sum_clear(struct mldsa_sum *sum)
{
    bytes_zero(sum->c, sizeof sum->c);
}

/*@ requires \valid(sum) && \valid_read(a) && \valid_read(b) && \separated(sum, a) &&
             \separated(sum, b);
    requires \forall integer k; 0 <= k < 256 ==> in_reach(sum->c[k] + a->c[k] * b->c[k]);
    assigns sum->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==>
              sum->c[k] == \old(sum->c[k]) + a->c[k] * b->c[k]; */
void mldsa_sum_add(struct mldsa_sum *sum, const struct mldsa_poly *a, const struct mldsa_poly *b)
{
    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==>
          sum->c[k] == \at(sum->c[k], Pre) + a->c[k] * b->c[k];
        loop invariant \forall integer k; j <= k < 256 ==> sum->c[k] == \at(sum->c[k], Pre);
        loop assigns j, sum->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        sum->c[j] += (int64_t)a->c[j] * b->c[j];
}

/*@ requires \valid(sum) && \valid_read(a) && \valid_read(b) && \separated(sum, a) &&
             \separated(sum, b);
    requires \forall integer k; 0 <= k < 256 ==> in_reach(sum->c[k] - a->c[k] * b->c[k]);
    assigns sum->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==>
              sum->c[k] == \old(sum->c[k]) - a->c[k] * b->c[k]; */
void mldsa_sum_subtract(struct mldsa_sum *sum, const struct mldsa_poly *a,
                        const struct mldsa_poly *b)
{
    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==>
          sum->c[k] == \at(sum->c[k], Pre) - a->c[k] * b->c[k];
        loop invariant \forall integer k; j <= k < 256 ==> sum->c[k] == \at(sum->c[k], Pre);
        loop assigns j, sum->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        sum->c[j] -= (int64_t)a->c[j] * b->c[j];
}

/*@ requires \valid(out) && \valid_read(sum) && \separated(out, sum);
    requires \forall integer k; 0 <= k < 256 ==> in_reach(sum->c[k]);
    assigns out->c[0 .. 255];
    ensures below(&out->c[0], 0, 256, MLDSA_Q);
    ensures \forall integer k; 0 <= k < 256 ==>
              congruent(out->c[k] * 4294967296, sum->c[k]); */
void mldsa_sum_reduce(struct mldsa_poly *out, const struct mldsa_sum *sum)
{
    /*@ loop invariant 0 <= j <= 256 && below(&out->c[0], 0, j, MLDSA_Q);
        loop invariant \forall integer k; 0 <= k < j ==>
          congruent(out->c[k] * 4294967296, sum->c[k]);
        loop assigns j, out->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        out->c[j] = montgomery_reduce(sum->c[j]);
}

/*@ requires \valid(a) && \valid_read(b) && \separated(a, b);
    requires \forall integer k; 0 <= k < 256 ==> fits(a->c[k] + b->c[k]);
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==> a->c[k] == \old(a->c[k]) + b->c[k]; */
void mldsa_add(struct mldsa_poly *a, const struct mldsa_poly *b)
{
    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==> a->c[k] == \at(a->c[k], Pre) + b->c[k];
        loop invariant \forall integer k; j <= k < 256 ==> a->c[k] == \at(a->c[k], Pre);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        a->c[j] += b->c[j];
}

/*@ requires \valid(a) && \valid_read(b) && \separated(a, b);
    requires \forall integer k; 0 <= k < 256 ==> fits(a->c[k] - b->c[k]);
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==> a->c[k] == \old(a->c[k]) - b->c[k]; */
void mldsa_subtract(struct mldsa_poly *a, const struct mldsa_poly *b)
{
    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==> a->c[k] == \at(a->c[k], Pre) - b->c[k];
        loop invariant \forall integer k; j <= k < 256 ==> a->c[k] == \at(a->c[k], Pre);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        a->c[j] -= b->c[j];
}

/* 2^23 = q + 2^13 - 1, so c - q round(c / 2^23) is within 2^22 + 2^8 (2^13 - 1) of 0. */
/*@ requires -2143289344 < c < 2143289344;
    assigns \nothing;
    ensures -MLDSA_Q < \result < MLDSA_Q && congruent(\result, c); */
PQ_INLINE int32_t reduce(int32_t c)
{
    /*@ assert multiple: congruent(c - ((c + 4194304) >> 23) * MLDSA_Q, c); */
    return c - ((c + (1 << 22)) >> 23) * MLDSA_Q;
}

/*@ requires \valid(a) && below(&a->c[0], 0, 256, 2143289344);
    assigns a->c[0 .. 255];
    ensures below(&a->c[0], 0, 256, MLDSA_Q / 2 + 1);
    ensures \forall integer k; 0 <= k < 256 ==> congruent(a->c[k], \old(a->c[k])); */
void mldsa_center(struct mldsa_poly *a)
{
    /*@ loop invariant 0 <= j <= 256 && below(&a->c[0], 0, j, MLDSA_Q / 2 + 1);
        loop invariant \forall integer k; 0 <= k < j ==> congruent(a->c[k], \at(a->c[k], Pre));
        loop invariant \forall integer k; j <= k < 256 ==> a->c[k] == \at(a->c[k], Pre);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        int32_t c = reduce(a->c[j]);
        /* Fold to the least absolute residue. */
        c += (c >> 31) & MLDSA_Q;
        /*@ assert folded: 0 <= c < MLDSA_Q && congruent(c, \at(a->c[\at(j, Here)], Pre)); */
        c -= (((MLDSA_Q - 1) / 2 - c) >> 31) & MLDSA_Q;
        a->c[j] = c;
    }
}

/*@ requires \valid(a) && below(&a->c[0], 0, 256, 2143289344);
    assigns a->c[0 .. 255];
    ensures \forall integer k; 0 <= k < 256 ==>
              0 <= a->c[k] < MLDSA_Q && congruent(a->c[k], \old(a->c[k])); */
void mldsa_canonical(struct mldsa_poly *a)
{
    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==>
          0 <= a->c[k] < MLDSA_Q && congruent(a->c[k], \at(a->c[k], Pre));
        loop invariant \forall integer k; j <= k < 256 ==> a->c[k] == \at(a->c[k], Pre);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        int32_t c = reduce(a->c[j]);
        a->c[j] = c + ((c >> 31) & MLDSA_Q);
    }
}
