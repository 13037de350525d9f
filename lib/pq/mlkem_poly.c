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

/* For |a| < 2^15 q: a 2^-16 mod q, absolute value below q. */
PQ_INLINE int16_t montgomery_reduce(int32_t a)
{
    int16_t t = (int16_t)(uint16_t)((uint32_t)a * Q_INVERSE);
    return (int16_t)((a - t * Q) >> 16);
}

PQ_INLINE int16_t multiply(int16_t a, int16_t b)
{
    return montgomery_reduce((int32_t)a * b);
}

/* a mod q by Barrett's method; absolute value at most (q + 1) / 2. 20159 = round(2^26 / q). */
PQ_INLINE int16_t barrett_reduce(int16_t a)
{
    int32_t quotient = (20159 * (int32_t)a + (1 << 25)) >> 26;
    return (int16_t)(a - quotient * Q);
}

/* FIPS 203 algorithm 9. In: |c| < q. 7 layers add q each: 8 q < 2^15. Out: |c| <= (q + 1) / 2. */
void mlkem_ntt(struct mlkem_poly *f)
{
    unsigned i = 0;
    for (unsigned length = 128; length >= 2; length >>= 1) {
        for (unsigned start = 0; start < 256; start += 2 * length) {
            int16_t zeta = zetas[++i];
            for (unsigned j = start; j < start + length; j++) {
                int16_t t = multiply(zeta, f->c[j + length]);
                f->c[j + length] = (int16_t)(f->c[j] - t);
                f->c[j] = (int16_t)(f->c[j] + t);
            }
        }
    }
    mlkem_reduce(f);
}

/* FIPS 203 algorithm 10, then a factor 2^16. In and out: |c| < q. The sums double with each layer,
 * and the differences take twice that: after three layers, at 8 q < 2^15, they are reduced. */
void mlkem_ntt_inverse(struct mlkem_poly *f)
{
    unsigned i = 128;
    for (unsigned length = 2; length <= 128; length <<= 1) {
        for (unsigned start = 0; start < 256; start += 2 * length) {
            int16_t zeta = zetas[--i];
            for (unsigned j = start; j < start + length; j++) {
                int16_t t = f->c[j];
                f->c[j] = (int16_t)(t + f->c[j + length]);
                f->c[j + length] = multiply(zeta, (int16_t)(f->c[j + length] - t));
            }
        }
        if (length == 8 || length == 64)
            mlkem_reduce(f);
    }
    for (unsigned j = 0; j < 256; j++)
        f->c[j] = multiply(INVERSE_SCALE, f->c[j]);
}

void mlkem_sum_clear(struct mlkem_sum *sum)
{
    bytes_zero(sum->c, sizeof sum->c);
}

/* FIPS 203 algorithms 11 and 12, without reduction of the sums. */
void mlkem_sum_add(struct mlkem_sum *sum, const struct mlkem_poly *a, const struct mlkem_poly *b)
{
    for (unsigned i = 0; i < 128; i++) {
        /* gamma = 17^(2 BitRev7(i) + 1): zetas[64 + i / 2], negated for odd i. */
        int16_t zeta = zetas[64 + i / 2];
        int16_t gamma = (int16_t)(i % 2 ? -zeta : zeta);
        int32_t a0 = a->c[2 * i];
        int32_t a1 = a->c[2 * i + 1];
        int32_t b0 = b->c[2 * i];
        int32_t b1 = b->c[2 * i + 1];

        sum->c[2 * i] += a0 * b0 + a1 * multiply(gamma, (int16_t)b1);
        sum->c[2 * i + 1] += a0 * b1 + a1 * b0;
    }
}

void mlkem_sum_reduce(struct mlkem_poly *out, const struct mlkem_sum *sum)
{
    for (unsigned j = 0; j < 256; j++)
        out->c[j] = montgomery_reduce(sum->c[j]);
}

void mlkem_to_montgomery(struct mlkem_poly *a)
{
    for (unsigned j = 0; j < 256; j++)
        a->c[j] = multiply(TO_MONTGOMERY, a->c[j]);
}

void mlkem_reduce(struct mlkem_poly *a)
{
    for (unsigned j = 0; j < 256; j++)
        a->c[j] = barrett_reduce(a->c[j]);
}

void mlkem_canonical(struct mlkem_poly *a)
{
    for (unsigned j = 0; j < 256; j++) {
        int16_t c = barrett_reduce(a->c[j]);
        a->c[j] = (int16_t)(c + ((c >> 15) & Q));
    }
}

void mlkem_add(struct mlkem_poly *a, const struct mlkem_poly *b)
{
    for (unsigned j = 0; j < 256; j++)
        a->c[j] = (int16_t)(a->c[j] + b->c[j]);
}

void mlkem_subtract(struct mlkem_poly *a, const struct mlkem_poly *b)
{
    for (unsigned j = 0; j < 256; j++)
        a->c[j] = (int16_t)(a->c[j] - b->c[j]);
}

/* FIPS 203 equation 4.7. The quotient by q is a product with 2^40 / q rounded up: exact, as the
 * excess adds less than 2^23 / 2^40 and the fraction is at most 1 - 1 / q. */
void mlkem_compress(struct mlkem_poly *a, unsigned bits)
{
    const uint64_t reciprocal = ((uint64_t)1 << 40) / Q + 1;
    for (unsigned j = 0; j < 256; j++) {
        uint64_t scaled = ((uint64_t)(uint16_t)a->c[j] << bits) + Q / 2;
        a->c[j] = (int16_t)(scaled * reciprocal >> 40 & ((1u << bits) - 1));
    }
}

/* FIPS 203 equation 4.8. */
void mlkem_decompress(struct mlkem_poly *a, unsigned bits)
{
    for (unsigned j = 0; j < 256; j++)
        a->c[j] = (int16_t)((a->c[j] * Q + (1 << (bits - 1))) >> bits);
}

/* FIPS 203 algorithm 5. */
void mlkem_encode(uint8_t *out, const struct mlkem_poly *a, unsigned bits)
{
    uint32_t held = 0;
    unsigned count = 0;

    for (unsigned j = 0; j < 256; j++) {
        held |= (uint32_t)(uint16_t)a->c[j] << count;
        for (count += bits; count >= 8; count -= 8) {
            *out++ = (uint8_t)held;
            held >>= 8;
        }
    }
}

/* FIPS 203 algorithm 6, without the reduction mod q that it has for 12 bits. */
void mlkem_decode(struct mlkem_poly *a, const uint8_t *in, unsigned bits)
{
    uint32_t held = 0;
    unsigned count = 0;

    for (unsigned j = 0; j < 256; j++) {
        for (; count < bits; count += 8)
            held |= (uint32_t)*in++ << count;
        a->c[j] = (int16_t)(held & ((1u << bits) - 1));
        held >>= bits;
        count -= bits;
    }
}
