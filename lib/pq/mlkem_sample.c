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

    for (unsigned j = 0, bit = 0; j < 256; j++) {
        int sum = 0;
        for (unsigned i = 0; i < eta; i++, bit++)
            sum += bytes[bit / 8] >> bit % 8 & 1;
        for (unsigned i = 0; i < eta; i++, bit++)
            sum -= bytes[bit / 8] >> bit % 8 & 1;
        a->c[j] = (int16_t)sum;
    }
    bytes_wipe(&xof, sizeof xof);
    bytes_wipe(bytes, sizeof bytes);
}
