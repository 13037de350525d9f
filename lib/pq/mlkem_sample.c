/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-KEM: sampling (FIPS 203 section 4.2.2). */
#include "bytes.h"
#include "mlkem.h"
#include "sha3.h"

/* The loop of algorithm 7 over one block. */
/*@ requires have <= 256;
    requires \valid(a) && \valid_read(bytes + (0 .. SHAKE128_RATE - 1));
    requires \separated(a, bytes + (0 .. SHAKE128_RATE - 1));
    requires sampled(a, have, 0, MLKEM_Q - 1);
    assigns a->c[0 .. 255];
    ensures have <= \result <= 256 && sampled(a, \result, 0, MLKEM_Q - 1); */
static unsigned reject(struct mlkem_poly *a, unsigned have, const uint8_t bytes[SHAKE128_RATE])
{
    /*@ loop invariant 0 <= i <= SHAKE128_RATE && i % 3 == 0;
        loop invariant \at(have, Pre) <= have <= 256 && sampled(a, have, 0, MLKEM_Q - 1);
        loop assigns i, have, a->c[0 .. 255];
        loop variant SHAKE128_RATE - i; */
    for (unsigned i = 0; i < SHAKE128_RATE && have < 256; i += 3) {
        unsigned d1 = bytes[i] + 256u * (bytes[i + 1] % 16u);
        unsigned d2 = bytes[i + 1] / 16u + 16u * bytes[i + 2];
        if (d1 < MLKEM_Q)
            a->c[have++] = (int16_t)d1;
        if (d2 < MLKEM_Q && have < 256)
            a->c[have++] = (int16_t)d2;
    }
    return have;
}

void mlkem_sample_ntt(struct mlkem_poly *a, const uint8_t rho[32], unsigned first, unsigned second)
{
    struct pq_keccak xof;
    uint8_t bytes[SHAKE128_RATE];
    uint8_t index[2] = {(uint8_t)first, (uint8_t)second};
    unsigned have = 0;

    keccak_init(&xof, SHAKE128_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, rho, 32);
    keccak_absorb(&xof, index, 2);
    keccak_finish(&xof);
    /*@ loop invariant have <= 256 && sampled(a, have, 0, MLKEM_Q - 1) && sponge_good(&xof);
        loop assigns have, a->c[0 .. 255], xof, bytes[0 .. SHAKE128_RATE - 1]; */
    while (have < 256) {
        keccak_squeeze(&xof, bytes, SHAKE128_RATE);
        have = reject(a, have, bytes);
    }
}

#define CBD_BYTES (64 * 3)

/*@ requires mask == 3 || mask == 7;
    assigns \nothing;
    ensures 0 <= \result <= mask; */
PQ_INLINE int low_bits(uint32_t x, uint32_t mask)
{
    return (int)(x & mask);
}

/* FIPS 203 algorithm 8. Four coefficients from eta bytes: first the sums of eta bits each, then
 * their differences. That no sum is above eta, and so no |c|, is not proved. */
/*@ requires eta == 2 || eta == 3;
    requires \valid(a) && \valid_read(bytes + (0 .. 64 * eta - 1));
    requires \separated(a, bytes + (0 .. 64 * eta - 1));
    assigns a->c[0 .. 255];
    ensures eta == 2 ==> sampled(a, 256, -3, 3);
    ensures eta == 3 ==> sampled(a, 256, -7, 7); */
PQ_INLINE void binomial(struct mlkem_poly *a, const uint8_t *bytes, unsigned eta)
{
    uint32_t mask = (1u << eta) - 1;

    /*@ assert two: eta == 2 ==> mask == 3; */
    /*@ assert three: eta == 3 ==> mask == 7; */
    /*@ loop invariant 0 <= j <= 256 && j % 4 == 0;
        loop invariant sampled(a, j, -mask, mask);
        loop assigns j, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j += 4) {
        const uint8_t *in = bytes + (size_t)eta * j / 4;
        /*@ assert at_two: eta == 2 ==> in == bytes + j / 2; */
        /*@ assert at_three: eta == 3 ==> in == bytes + 3 * (j / 4); */
        uint32_t bits = in[0] | (uint32_t)in[1] << 8;
        uint32_t sums;

        if (eta == 2) {
            sums = (bits & 0x5555) + (bits >> 1 & 0x5555);
        } else {
            bits |= (uint32_t)in[2] << 16;
            sums = (bits & 0x249249) + (bits >> 1 & 0x249249) + (bits >> 2 & 0x249249);
        }
        /*@ loop invariant 0 <= i <= 4 && sampled(a, j + i, -mask, mask);
            loop assigns i, sums, a->c[0 .. 255];
            loop variant 4 - i; */
        for (unsigned i = 0; i < 4; i++, sums >>= 2 * eta) {
            int first = low_bits(sums, mask);
            int second = low_bits(sums >> eta, mask);
            a->c[j + i] = (int16_t)(first - second);
        }
    }
}

/*@ requires eta == 2 || eta == 3;
    requires \valid(a) && \valid_read(seed + (0 .. 31));
    requires \valid(xof) && \valid(bytes + (0 .. CBD_BYTES - 1));
    requires \separated(a, seed + (0 .. 31), xof, bytes + (0 .. CBD_BYTES - 1));
    assigns a->c[0 .. 255], *xof, bytes[0 .. CBD_BYTES - 1];
    ensures eta == 2 ==> sampled(a, 256, -3, 3);
    ensures eta == 3 ==> sampled(a, 256, -7, 7); */
static void sample_cbd(struct mlkem_poly *a, const uint8_t seed[32], unsigned nonce, unsigned eta,
                       struct pq_keccak *xof, uint8_t bytes[CBD_BYTES])
{
    uint8_t last = (uint8_t)nonce;

    keccak_init(xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(xof, seed, 32);
    keccak_absorb(xof, &last, 1);
    keccak_finish(xof);
    keccak_squeeze(xof, bytes, (size_t)64 * eta);
    binomial(a, bytes, eta);
}

void mlkem_sample_cbd(struct mlkem_poly *a, const uint8_t seed[32], unsigned nonce, unsigned eta)
{
    struct pq_keccak xof;
    uint8_t bytes[CBD_BYTES];

    sample_cbd(a, seed, nonce, eta, &xof, bytes);
    bytes_wipe(&xof, sizeof xof);
    bytes_wipe(bytes, sizeof bytes);
}
