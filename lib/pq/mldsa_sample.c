/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-DSA: pseudorandom sampling (FIPS 204 section 7.3). */
#include "bytes.h"
#include "mldsa.h"

/* Five blocks give 280 candidates, of which 256 are enough but once in about 10^37 times. */
#define EXPAND_A_FIRST (5 * SHAKE128_RATE)

/* FIPS 204 algorithm 14 and the loop of algorithm 30, over whole candidates of 3 bytes. */
static unsigned reject_ntt(struct mldsa_poly *a, unsigned have, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i + 3 <= size && have < 256; i += 3) {
        int32_t z = bytes[i] | bytes[i + 1] << 8 | (bytes[i + 2] & 0x7f) << 16;
        if (z < MLDSA_Q)
            a->c[have++] = z;
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
    while (have < 256) {
        keccak_squeeze(&xof, bytes, SHAKE128_RATE);
        have = reject_ntt(a, have, bytes, SHAKE128_RATE);
    }
}

static void shake256_with_nonce(struct pq_keccak *xof, const uint8_t seed[64], unsigned nonce)
{
    uint8_t bytes[2] = {(uint8_t)nonce, (uint8_t)(nonce >> 8)};
    keccak_init(xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(xof, seed, 64);
    keccak_absorb(xof, bytes, 2);
    keccak_finish(xof);
}

/* FIPS 204 algorithm 15; b is a half byte. What it returns is only used when accepted. */
static int32_t coefficient_from_half_byte(unsigned eta, int32_t b)
{
    if (eta == 2)
        return 2 - (b - 5 * (b * 13 >> 6)); /* b mod 5 for b < 15: 13/64 is just above 1/5 */
    return 4 - b;
}

/* FIPS 204 algorithm 31. */
void mldsa_expand_s(struct mldsa_poly *s, const struct mldsa_params *p, const uint8_t rho[64],
                    unsigned index)
{
    struct pq_keccak xof;
    uint8_t bytes[SHAKE256_RATE];
    int32_t limit = p->eta == 2 ? 15 : 9;
    unsigned have = 0;

    shake256_with_nonce(&xof, rho, index);
    while (have < 256) {
        keccak_squeeze(&xof, bytes, SHAKE256_RATE);
        for (unsigned i = 0; i < 2 * SHAKE256_RATE && have < 256; i++) {
            int32_t b = bytes[i / 2] >> 4 * (i % 2) & 15;
            /* Which candidates are refused says nothing about those that are kept. */
            int accepted = b < limit;
            bytes_declassify(&accepted, sizeof accepted);
            if (accepted)
                s->c[have++] = coefficient_from_half_byte(p->eta, b);
        }
    }
    bytes_wipe(&xof, sizeof xof);
    bytes_wipe(bytes, sizeof bytes);
}

void mldsa_expand_mask(struct mldsa_poly *y, const struct mldsa_params *p, const uint8_t rho[64],
                       unsigned nonce)
{
    struct pq_keccak xof;
    uint8_t bytes[32 * 20];
    unsigned bits = p->gamma1_bits + 1u;

    shake256_with_nonce(&xof, rho, nonce);
    keccak_squeeze(&xof, bytes, (size_t)32 * bits);
    mldsa_unpack_below(y, bytes, bits, 1 << p->gamma1_bits);
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

    bytes_zero(c->c, sizeof c->c);
    for (unsigned i = 256u - p->tau; i < 256; i++) {
        do
            keccak_squeeze(&xof, bytes, 1);
        while (bytes[0] > i);
        c->c[i] = c->c[bytes[0]];
        c->c[bytes[0]] = 1 - 2 * (int32_t)(signs & 1);
        signs >>= 1;
    }
}
