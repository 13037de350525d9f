/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-KEM: sampling (FIPS 203 section 4.2.2). */
#include "bytes.h"
#include "mlkem.h"
#include "sha3.h"

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
    while (have < 256) {
        keccak_squeeze(&xof, bytes, sizeof bytes);
        for (unsigned i = 0; i < sizeof bytes && have < 256; i += 3) {
            int d1 = bytes[i] | (bytes[i + 1] & 15) << 8;
            int d2 = bytes[i + 1] >> 4 | bytes[i + 2] << 4;
            if (d1 < MLKEM_Q)
                a->c[have++] = (int16_t)d1;
            if (d2 < MLKEM_Q && have < 256)
                a->c[have++] = (int16_t)d2;
        }
    }
}

void mlkem_sample_cbd(struct mlkem_poly *a, const uint8_t seed[32], unsigned nonce, unsigned eta)
{
    struct pq_keccak xof;
    uint8_t bytes[64 * 3];
    uint8_t last = (uint8_t)nonce;

    keccak_init(&xof, SHAKE256_RATE, SHAKE_SUFFIX);
    keccak_absorb(&xof, seed, 32);
    keccak_absorb(&xof, &last, 1);
    keccak_finish(&xof);
    keccak_squeeze(&xof, bytes, (size_t)64 * eta);

    /* Four coefficients from eta bytes: first the sums of eta bits each, then their differences. */
    for (unsigned j = 0; j < 256; j += 4) {
        const uint8_t *in = bytes + (size_t)eta * j / 4;
        uint32_t bits = in[0] | (uint32_t)in[1] << 8;
        uint32_t sums;

        if (eta == 2) {
            sums = (bits & 0x5555) + (bits >> 1 & 0x5555);
        } else {
            bits |= (uint32_t)in[2] << 16;
            sums = (bits & 0x249249) + (bits >> 1 & 0x249249) + (bits >> 2 & 0x249249);
        }
        for (unsigned i = 0; i < 4; i++, sums >>= 2 * eta) {
            int first = (int)(sums & ((1u << eta) - 1));
            int second = (int)(sums >> eta & ((1u << eta) - 1));
            a->c[j + i] = (int16_t)(first - second);
        }
    }
    bytes_wipe(&xof, sizeof xof);
    bytes_wipe(bytes, sizeof bytes);
}
