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

/* FIPS 204 algorithm 49. For |a| < 2^31 q: r = a 2^-32 mod q with |r| < q. */
PQ_INLINE int32_t montgomery_reduce(int64_t a)
{
    int32_t t = (int32_t)((uint32_t)a * Q_INVERSE);
    return (int32_t)((a - (int64_t)t * MLDSA_Q) >> 32);
}

/* FIPS 204 algorithm 41, lines 10 to 12. */
PQ_INLINE void butterfly(int32_t *upper, int32_t *lower, int32_t z)
{
    int32_t t = montgomery_reduce((int64_t)z * *lower);
    *lower = *upper - t;
    *upper += t;
}

/*
 * FIPS 204 algorithm 41. In: |c| < q. Out: |c| < 9 q (each of 8 layers adds at most q).
 *
 * Two layers in one pass: block number i of the layer with 2^n blocks has m = 2^n + i, and its two
 * halves are the blocks with 2 m and 2 m + 1 of the next layer.
 */
void mldsa_ntt(struct mldsa_poly *f)
{
    for (unsigned half = 64, m = 1; half >= 1; half /= 4, m *= 4) {
        for (unsigned i = 0; i < m; i++) {
            int32_t z = zetas[m + i];
            int32_t z_left = zetas[2 * (m + i)];
            int32_t z_right = zetas[2 * (m + i) + 1];
            int32_t *c = f->c + (size_t)4 * half * i;
            for (unsigned j = 0; j < half; j++) {
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
    }
}

/* FIPS 204 algorithm 42, lines 10 to 13; the sign of z is in the difference. */
PQ_INLINE void inverse_butterfly(int32_t *upper, int32_t *lower, int32_t z)
{
    int32_t t = *upper;
    *upper = t + *lower;
    *lower = montgomery_reduce((int64_t)z * (*lower - t));
}

/*
 * FIPS 204 algorithm 42, then a factor 2^32. In: |c| < q. Out: |c| < q. The upper half of each
 * butterfly is reduced at once, the lower doubles: at most 256 q < 2^31.
 */
void mldsa_ntt_inverse(struct mldsa_poly *f)
{
    for (unsigned length = 1, m = 64; length < 256; length *= 4, m /= 4) {
        for (unsigned i = 0; i < m; i++) {
            /* The mirror of mldsa_ntt(): m counts down there, so blocks go backwards. */
            unsigned at = 2 * m - 1 - i;
            int32_t z = zetas[at];
            int32_t z_left = zetas[2 * at + 1];
            int32_t z_right = zetas[2 * at];
            int32_t *c = f->c + (size_t)4 * length * i;
            for (unsigned j = 0; j < length; j++) {
                int32_t c0 = c[j];
                int32_t c1 = c[j + length];
                int32_t c2 = c[j + 2 * length];
                int32_t c3 = c[j + 3 * length];
                inverse_butterfly(&c0, &c1, z_left);
                inverse_butterfly(&c2, &c3, z_right);
                inverse_butterfly(&c0, &c2, z);
                inverse_butterfly(&c1, &c3, z);
                c[j] = c0;
                c[j + length] = c1;
                c[j + 2 * length] = c2;
                c[j + 3 * length] = c3;
            }
        }
    }
    for (unsigned j = 0; j < 256; j++)
        f->c[j] = montgomery_reduce((int64_t)INVERSE_SCALE * f->c[j]);
}

void mldsa_multiply(struct mldsa_poly *out, const struct mldsa_poly *a, const struct mldsa_poly *b)
{
    for (unsigned j = 0; j < 256; j++)
        out->c[j] = montgomery_reduce((int64_t)a->c[j] * b->c[j]);
}

void mldsa_sum_clear(struct mldsa_sum *sum)
{
    bytes_zero(sum->c, sizeof sum->c);
}

void mldsa_sum_add(struct mldsa_sum *sum, const struct mldsa_poly *a, const struct mldsa_poly *b)
{
    for (unsigned j = 0; j < 256; j++)
        sum->c[j] += (int64_t)a->c[j] * b->c[j];
}

void mldsa_sum_subtract(struct mldsa_sum *sum, const struct mldsa_poly *a,
                        const struct mldsa_poly *b)
{
    for (unsigned j = 0; j < 256; j++)
        sum->c[j] -= (int64_t)a->c[j] * b->c[j];
}

void mldsa_sum_reduce(struct mldsa_poly *out, const struct mldsa_sum *sum)
{
    for (unsigned j = 0; j < 256; j++)
        out->c[j] = montgomery_reduce(sum->c[j]);
}

void mldsa_add(struct mldsa_poly *a, const struct mldsa_poly *b)
{
    for (unsigned j = 0; j < 256; j++)
        a->c[j] += b->c[j];
}

void mldsa_subtract(struct mldsa_poly *a, const struct mldsa_poly *b)
{
    for (unsigned j = 0; j < 256; j++)
        a->c[j] -= b->c[j];
}

/* 2^23 = q + 2^13 - 1, so c - q round(c / 2^23) is within 2^22 + 2^8 (2^13 - 1) of 0. */
void mldsa_center(struct mldsa_poly *a)
{
    for (unsigned j = 0; j < 256; j++) {
        int32_t c = a->c[j];
        c -= ((c + (1 << 22)) >> 23) * MLDSA_Q;
        /* Now |c| < q: fold to the least absolute residue. */
        c += (c >> 31) & MLDSA_Q;
        c -= (((MLDSA_Q - 1) / 2 - c) >> 31) & MLDSA_Q;
        a->c[j] = c;
    }
}

void mldsa_canonical(struct mldsa_poly *a)
{
    for (unsigned j = 0; j < 256; j++) {
        int32_t c = a->c[j];
        c -= ((c + (1 << 22)) >> 23) * MLDSA_Q;
        a->c[j] = c + ((c >> 31) & MLDSA_Q);
    }
}
