/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-KEM: compression and encoding (FIPS 203 section 4.2.1). */
#include "bytes.h"
#include "mlkem.h"

/* The quotient by q is a product with 2^40 / q rounded up: exact, as the excess adds less than
 * 2^23 / 2^40 and the fraction is at most 1 - 1 / q. A division by 2^40 is a shift. */
/*@ requires x < 0x800000;
    assigns \nothing;
    ensures \result == x / MLKEM_Q; */
PQ_INLINE uint64_t divide_q(uint64_t x)
{
    const uint64_t one = (uint64_t)1 << 40;
    return x * (one / MLKEM_Q + 1) / one;
}

/* 2^bits. */
/*@ requires encodable(0, bits);
    assigns \nothing;
    ensures \result == width(bits); */
PQ_INLINE uint32_t power(unsigned bits)
{
    uint32_t result = 1u << bits;
    /*@ assert one: bits == 1 ==> result == 2; */
    /*@ assert four: bits == 4 ==> result == 16; */
    /*@ assert five: bits == 5 ==> result == 32; */
    /*@ assert ten: bits == 10 ==> result == 1024; */
    /*@ assert eleven: bits == 11 ==> result == 2048; */
    /*@ assert twelve: bits == 12 ==> result == 4096; */
    return result;
}

/* FIPS 203 equation 4.7. */
void mlkem_compress(struct mlkem_poly *a, unsigned bits)
{
    uint32_t scale = power(bits);

    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==> encodable(a->c[k], bits);
        loop invariant \forall integer k; j <= k < 256 ==> 0 <= a->c[k] < MLKEM_Q;
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        uint32_t scaled = (uint16_t)a->c[j] * scale;
        /*@ assert scaled: scaled == a->c[\at(j, Here)] * scale; */
        uint64_t value = divide_q(scaled + MLKEM_Q / 2) & (scale - 1);
        /*@ assert value: encodable(value, bits); */
        a->c[j] = (int16_t)value;
    }
}

/* FIPS 203 equation 4.8. What has fewer bits than 11 is one of 11 bits with zeros below: the
 * division by 2^11 is a shift by a constant. */
void mlkem_decompress(struct mlkem_poly *a, unsigned bits)
{
    uint32_t up = 2048 / power(bits);
    /*@ assert up_one: bits == 1 ==> up == 1024; */
    /*@ assert up_four: bits == 4 ==> up == 128; */
    /*@ assert up_five: bits == 5 ==> up == 64; */
    /*@ assert up_ten: bits == 10 ==> up == 2; */
    /*@ assert up_eleven: bits == 11 ==> up == 1; */

    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==> 0 <= a->c[k] < MLKEM_Q &&
          a->c[k] == decompressed(\at(a->c[k], Pre), bits);
        loop invariant \forall integer k; j <= k < 256 ==> a->c[k] == \at(a->c[k], Pre);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        uint32_t c = (uint16_t)a->c[j];
        /*@ assert same: c == \at(a->c[\at(j, Here)], Pre) && encodable(c, bits); */
        uint32_t value = (c * up * MLKEM_Q + 1024) / 2048;
        /*@ assert one: bits == 1 ==> value == (MLKEM_Q * c + 1) / 2; */
        /*@ assert four: bits == 4 ==> value == (MLKEM_Q * c + 8) / 16; */
        /*@ assert five: bits == 5 ==> value == (MLKEM_Q * c + 16) / 32; */
        /*@ assert ten: bits == 10 ==> value == (MLKEM_Q * c + 512) / 1024; */
        /*@ assert eleven: bits == 11 ==> value == (MLKEM_Q * c + 1024) / 2048; */
        /*@ assert value: value == decompressed(c, bits); */
        /*@ assert small: value < MLKEM_Q; */
        a->c[j] = (int16_t)value;
    }
}

/* FIPS 203 algorithm 5. */
void mlkem_encode(uint8_t *out, const struct mlkem_poly *a, unsigned bits)
{
    uint32_t held = 0;
    unsigned count = 0;
    /*@ ghost size_t at = 0; */

    /*@ loop invariant 0 <= j <= 256 && count < 8 && 8 * at + count == j * bits;
        loop invariant out == \at(out, Pre) + at;
        loop assigns j, held, count, at, out, \at(out, Pre)[0 .. 32 * bits - 1];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        held |= (uint32_t)(uint16_t)a->c[j] << count;
        /*@ loop invariant count <= 19 && 8 * at + count == (j + 1) * bits;
            loop invariant out == \at(out, Pre) + at;
            loop assigns held, count, at, out, \at(out, Pre)[0 .. 32 * bits - 1];
            loop variant count; */
        for (count += bits; count >= 8; count -= 8) {
            /*@ assert room: at < 32 * bits; */
            *out++ = (uint8_t)held;
            /*@ ghost at++; */
            held >>= 8;
        }
    }
}

/* FIPS 203 algorithm 6, without the reduction mod q that it has for 12 bits. */
void mlkem_decode(struct mlkem_poly *a, const uint8_t *in, unsigned bits)
{
    uint32_t held = 0;
    unsigned count = 0;
    uint32_t mask = power(bits) - 1;
    /*@ ghost size_t at = 0; */

    /*@ loop invariant 0 <= j <= 256 && count < 8 && 8 * at == j * bits + count;
        loop invariant in == \at(in, Pre) + at;
        loop invariant \forall integer k; 0 <= k < j ==> encodable(a->c[k], bits);
        loop assigns j, held, count, at, in, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        /*@ loop invariant count < bits + 8 && 8 * at == j * bits + count;
            loop invariant in == \at(in, Pre) + at;
            loop assigns held, count, at, in;
            loop variant bits + 8 - count; */
        for (; count < bits; count += 8) {
            /*@ assert there: at < 32 * bits; */
            held |= (uint32_t)*in++ << count;
            /*@ ghost at++; */
        }
        /*@ assert value: encodable(held & mask, bits); */
        a->c[j] = (int16_t)(held & mask);
        held >>= bits;
        count -= bits;
    }
}
