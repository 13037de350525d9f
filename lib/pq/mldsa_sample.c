/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-DSA: pseudorandom sampling (FIPS 204 section 7.3). */
#include "bytes.h"
#include "mldsa.h"

/* Five blocks give 280 candidates, of which 256 are enough but once in about 10^37 times. */
#define EXPAND_A_FIRST (5 * SHAKE128_RATE)

/* FIPS 204 algorithm 14 and the loop of algorithm 30, over whole candidates of 3 bytes. */
/*@ requires have <= 256 && size <= EXPAND_A_FIRST;
    requires \valid(a) && \valid_read(bytes + (0 .. size - 1));
    requires \separated(a, bytes + (0 .. size - 1));
    requires sampled(a, have, 0, MLDSA_Q - 1);
    assigns a->c[0 .. 255];
    ensures have <= \result <= 256 && sampled(a, \result, 0, MLDSA_Q - 1); */
static unsigned reject_ntt(struct mldsa_poly *a, unsigned have, const uint8_t *bytes, size_t size)
{
    /*@ loop invariant 0 <= i <= size && \at(have, Pre) <= have <= 256;
        loop invariant sampled(a, have, 0, MLDSA_Q - 1);
        loop assigns i, have, a->c[0 .. 255];
        loop variant size - i; */
    for (size_t i = 0; i + 3 <= size && have < 256; i += 3) {
        uint32_t z = bytes[i] + 256u * bytes[i + 1] + 65536u * (bytes[i + 2] % 128u);
        if (z < MLDSA_Q)
            a->c[have++] = (int32_t)z;
    }
    return have;
}

void mldsa_expand_a(struct mldsa_poly *a, const uint8_t rho[32], unsigned row, unsigned column)
{
    struct pq_keccak xof;
    uint8_t bytes[EXPAND_A_FIRST];
    uint8_t index[2] = {(uint8_t)column, (uint8_t)row};
    unsigned have;

    keccak_init(&xof, SHAKE128_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, rho, 32);
    keccak_absorb(&xof, index, 2);
    keccak_finish(&xof);
    keccak_squeeze(&xof, bytes, EXPAND_A_FIRST);
    have = reject_ntt(a, 0, bytes, EXPAND_A_FIRST);
    /*@ loop invariant have <= 256 && sampled(a, have, 0, MLDSA_Q - 1) && sponge_good(&xof);
        loop assigns have, a->c[0 .. 255], xof, bytes[0 .. SHAKE128_RATE - 1]; */
    while (have < 256) {
        keccak_squeeze(&xof, bytes, SHAKE128_RATE);
        have = reject_ntt(a, have, bytes, SHAKE128_RATE);
    }
}

/*@ requires \valid(xof) && \valid_read(seed + (0 .. 63)) && \separated(xof, seed + (0 .. 63));
    assigns *xof;
    ensures sponge_good(xof); */
static void shake256_with_nonce(struct pq_keccak *xof, const uint8_t seed[64], unsigned nonce)
{
    uint8_t bytes[2] = {(uint8_t)nonce, (uint8_t)(nonce >> 8)};
    keccak_init(xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(xof, seed, 64);
    keccak_absorb(xof, bytes, 2);
    keccak_finish(xof);
}

/* FIPS 204 algorithm 15; b is a half byte. What it returns is only used when accepted. The
 * division is a shift. */
/*@ requires eta == 2 || eta == 4;
    requires b < (eta == 2 ? 15 : 9);
    assigns \nothing;
    ensures eta == 2 ==> \result == 2 - b % 5;
    ensures eta == 4 ==> \result == 4 - b; */
PQ_INLINE int32_t coefficient_from_half_byte(unsigned eta, uint32_t b)
{
    if (eta == 2)
        return 2 - (int32_t)(b - 5 * (b * 13 / 64)); /* b mod 5: 13/64 is just above 1/5 */
    return 4 - (int32_t)b;
}

/* Puts the coefficient that a half byte gives, if it gives one. Gives how many there are then. */
/*@ requires have <= 256 && (eta == 2 || eta == 4) && b < 16;
    requires \valid(s) && sampled(s, have, -eta, eta);
    assigns s->c[0 .. 255];
    ensures have <= \result <= 256 && sampled(s, \result, -eta, eta); */
PQ_INLINE unsigned put_half_byte(struct mldsa_poly *s, unsigned have, unsigned eta, uint32_t b)
{
    /* Which candidates are refused says nothing about those that are kept. */
    int accepted = b < (eta == 2 ? 15 : 9);

    bytes_declassify(&accepted, sizeof accepted);
    if (accepted && have < 256)
        s->c[have++] = coefficient_from_half_byte(eta, b);
    return have;
}

/* FIPS 204 algorithm 31, over one block. */
/*@ requires have <= 256 && (eta == 2 || eta == 4);
    requires \valid(s) && \valid_read(bytes + (0 .. SHAKE256_RATE - 1));
    requires \separated(s, bytes + (0 .. SHAKE256_RATE - 1));
    requires sampled(s, have, -eta, eta);
    assigns s->c[0 .. 255];
    ensures have <= \result <= 256 && sampled(s, \result, -eta, eta); */
static unsigned reject_bounded(struct mldsa_poly *s, unsigned have, unsigned eta,
                               const uint8_t bytes[SHAKE256_RATE])
{
    /*@ loop invariant 0 <= i <= SHAKE256_RATE && \at(have, Pre) <= have <= 256;
        loop invariant sampled(s, have, -eta, eta);
        loop assigns i, have, s->c[0 .. 255];
        loop variant SHAKE256_RATE - i; */
    for (unsigned i = 0; i < SHAKE256_RATE && have < 256; i++) {
        have = put_half_byte(s, have, eta, bytes[i] % 16u);
        have = put_half_byte(s, have, eta, bytes[i] / 16u);
    }
    return have;
}

/*@ requires eta == 2 || eta == 4;
    requires \valid(s) && \valid_read(rho + (0 .. 63));
    requires \valid(xof) && \valid(bytes + (0 .. SHAKE256_RATE - 1));
    requires \separated(s, rho + (0 .. 63), xof, bytes + (0 .. SHAKE256_RATE - 1));
    assigns s->c[0 .. 255], *xof, bytes[0 .. SHAKE256_RATE - 1];
    ensures sampled(s, 256, -eta, eta); */
static void sample_bounded(struct mldsa_poly *s, unsigned eta, const uint8_t rho[64],
                           unsigned index, struct pq_keccak *xof, uint8_t bytes[SHAKE256_RATE])
{
    unsigned have = 0;

    shake256_with_nonce(xof, rho, index);
    /*@ loop invariant have <= 256 && sampled(s, have, -eta, eta) && sponge_good(xof);
        loop assigns have, s->c[0 .. 255], *xof, bytes[0 .. SHAKE256_RATE - 1]; */
    while (have < 256) {
        keccak_squeeze(xof, bytes, SHAKE256_RATE);
        have = reject_bounded(s, have, eta, bytes);
    }
}

void mldsa_expand_s(struct mldsa_poly *s, const struct mldsa_params *p, const uint8_t rho[64],
                    unsigned index)
{
    struct pq_keccak xof;
    uint8_t bytes[SHAKE256_RATE];

    sample_bounded(s, p->eta, rho, index, &xof, bytes);
    bytes_wipe(&xof, sizeof xof);
    bytes_wipe(bytes, sizeof bytes);
}

#define MASK_BYTES (32 * 20)

/*@ requires gamma1_bits == 17 || gamma1_bits == 19;
    requires \valid(y) && \valid_read(rho + (0 .. 63));
    requires \valid(xof) && \valid(bytes + (0 .. MASK_BYTES - 1));
    requires \separated(y, rho + (0 .. 63), xof, bytes + (0 .. MASK_BYTES - 1));
    assigns y->c[0 .. 255], *xof, bytes[0 .. MASK_BYTES - 1];
    ensures gamma1_bits == 17 ==> sampled(y, 256, -0x1ffff, 0x20000);
    ensures gamma1_bits == 19 ==> sampled(y, 256, -0x7ffff, 0x80000); */
static void sample_mask(struct mldsa_poly *y, unsigned gamma1_bits, const uint8_t rho[64],
                        unsigned nonce, struct pq_keccak *xof, uint8_t bytes[MASK_BYTES])
{
    unsigned bits = gamma1_bits + 1u;
    int32_t gamma1 = (int32_t)(1u << gamma1_bits);

    /*@ assert small: gamma1_bits == 17 ==> gamma1 == 0x20000; */
    /*@ assert large: gamma1_bits == 19 ==> gamma1 == 0x80000; */
    shake256_with_nonce(xof, rho, nonce);
    keccak_squeeze(xof, bytes, (size_t)32 * bits);
    mldsa_unpack_below(y, bytes, bits, gamma1);
}

void mldsa_expand_mask(struct mldsa_poly *y, const struct mldsa_params *p, const uint8_t rho[64],
                       unsigned nonce)
{
    struct pq_keccak xof;
    uint8_t bytes[MASK_BYTES];

    sample_mask(y, p->gamma1_bits, rho, nonce, &xof, bytes);
    bytes_wipe(&xof, sizeof xof);
    bytes_wipe(bytes, sizeof bytes);
}

void mldsa_sample_in_ball(struct mldsa_poly *c, const struct mldsa_params *p,
                          const uint8_t *challenge)
{
    struct pq_keccak xof;
    uint8_t bytes[8];
    uint64_t signs;

    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, challenge, p->challenge_size);
    keccak_finish(&xof);
    keccak_squeeze(&xof, bytes, 8);
    signs = bytes_load64_le(bytes);

    /*@ loop invariant 0 <= i <= 256 && sampled(c, i, 0, 0);
        loop assigns i, c->c[0 .. 255];
        loop variant 256 - i; */
    for (unsigned i = 0; i < 256; i++)
        c->c[i] = 0;
    /*@ loop invariant 256 - p->tau <= i <= 256 && sampled(c, 256, -1, 1) && sponge_good(&xof);
        loop invariant \forall integer k; i <= k < 256 ==> c->c[k] == 0;
        loop assigns i, signs, c->c[0 .. 255], xof, bytes[0 .. 0];
        loop variant 256 - i; */
    for (unsigned i = 256u - p->tau; i < 256; i++) {
        /*@ loop invariant sponge_good(&xof);
            loop assigns xof, bytes[0 .. 0]; */
        do
            keccak_squeeze(&xof, bytes, 1);
        while (bytes[0] > i);
        c->c[i] = c->c[bytes[0]];
        c->c[bytes[0]] = 1 - 2 * (int32_t)(signs & 1);
        signs >>= 1;
    }
}
