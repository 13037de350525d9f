/* SPDX-License-Identifier: BSD-2-Clause */
/* AES-256-GCM with nonces of 96 bits (NIST SP 800-38D). */
#include "aead.h"
#include "aes.h"
#include "bytes.h"

/* An element of GF(2^128) as SP 800-38D section 6.3 writes it, read as a big-endian number: x^i is
 * bit 127 - i. */
struct block {
    uint64_t high;
    uint64_t low;
};

/*
 * The low 64 bits of the product of two polynomials over GF(2). Integer products do it when every
 * fourth bit only is used: a sum of at most 15 ones stays within its four bits, and where 16 meet
 * (the topmost place) the carry leaves the word.
 */
PQ_INLINE uint64_t multiply_low(uint64_t x, uint64_t y)
{
    const uint64_t m0 = 0x1111111111111111;
    const uint64_t m1 = m0 << 1;
    const uint64_t m2 = m0 << 2;
    const uint64_t m3 = m0 << 3;
    uint64_t x0 = x & m0, x1 = x & m1, x2 = x & m2, x3 = x & m3;
    uint64_t y0 = y & m0, y1 = y & m1, y2 = y & m2, y3 = y & m3;
    uint64_t z0 = (x0 * y0) ^ (x1 * y3) ^ (x2 * y2) ^ (x3 * y1);
    uint64_t z1 = (x0 * y1) ^ (x1 * y0) ^ (x2 * y3) ^ (x3 * y2);
    uint64_t z2 = (x0 * y2) ^ (x1 * y1) ^ (x2 * y0) ^ (x3 * y3);
    uint64_t z3 = (x0 * y3) ^ (x1 * y2) ^ (x2 * y1) ^ (x3 * y0);
    return (z0 & m0) | (z1 & m1) | (z2 & m2) | (z3 & m3);
}

PQ_INLINE uint64_t reverse_bits(uint64_t x)
{
    x = (x & 0x5555555555555555) << 1 | (x >> 1 & 0x5555555555555555);
    x = (x & 0x3333333333333333) << 2 | (x >> 2 & 0x3333333333333333);
    x = (x & 0x0f0f0f0f0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0f);
    x = (x & 0x00ff00ff00ff00ff) << 8 | (x >> 8 & 0x00ff00ff00ff00ff);
    x = (x & 0x0000ffff0000ffff) << 16 | (x >> 16 & 0x0000ffff0000ffff);
    return x << 32 | x >> 32;
}

/* A product of 127 bits in two words; the upper one comes from the reversed operands. */
PQ_INLINE struct block multiply_wide(uint64_t x, uint64_t y)
{
    uint64_t upper = multiply_low(reverse_bits(x), reverse_bits(y));
    return (struct block){reverse_bits(upper) >> 1, multiply_low(x, y)};
}

/* SP 800-38D section 6.3: the product in GF(2^128). */
static struct block multiply(struct block a, struct block b)
{
    /* Karatsuba: 255 bits of product in v3 (highest) to v0. */
    struct block h = multiply_wide(a.high, b.high);
    struct block l = multiply_wide(a.low, b.low);
    struct block m = multiply_wide(a.high ^ a.low, b.high ^ b.low);
    uint64_t v0 = l.low;
    uint64_t v1 = l.high ^ m.low ^ h.low ^ l.low;
    uint64_t v2 = h.low ^ m.high ^ h.high ^ l.high;
    uint64_t v3 = h.high;

    /* One place up: then x^i is bit 255 - i. */
    v3 = v3 << 1 | v2 >> 63;
    v2 = v2 << 1 | v1 >> 63;
    v1 = v1 << 1 | v0 >> 63;
    v0 <<= 1;

    /* x^128 = 1 + x + x^2 + x^7: the lower words fold into those 128 bits up, x^n to the right. */
    v2 ^= v0 ^ v0 >> 1 ^ v0 >> 2 ^ v0 >> 7;
    v1 ^= v0 << 63 ^ v0 << 62 ^ v0 << 57;
    v3 ^= v1 ^ v1 >> 1 ^ v1 >> 2 ^ v1 >> 7;
    v2 ^= v1 << 63 ^ v1 << 62 ^ v1 << 57;
    return (struct block){v3, v2};
}

/* SP 800-38D section 6.4, one string padded with zeros to whole blocks. */
static void ghash(struct block *y, struct block h, struct pq_bytes data)
{
    uint8_t last[16];

    for (size_t at = 0; at < data.size; at += 16) {
        const uint8_t *in = data.data + at;
        if (data.size - at < 16) {
            bytes_zero(last, sizeof last);
            bytes_copy(last, in, data.size - at);
            in = last;
        }
        y->high ^= bytes_load64_be(in);
        y->low ^= bytes_load64_be(in + 8);
        *y = multiply(*y, h);
    }
}

/* Four counter blocks from nonce and first (section 7.1, step 2, and inc_32 of section 6.2). */
static void counters(uint8_t out[AES_BATCH], const uint8_t *nonce, uint32_t first)
{
    for (uint32_t i = 0; i < 4; i++) {
        bytes_copy(out + 16 * i, nonce, PQ_AEAD_NONCE);
        bytes_store32_be(out + 16 * i + 12, first + i);
    }
}

/* Section 7.1, steps 1, 5 and 6. */
void gcm_tag(const struct pq_aead *aead, struct pq_bytes sealed, uint8_t tag[PQ_AEAD_TAG])
{
    struct aes256 aes;
    struct block h;
    struct block y = {0, 0};
    uint8_t batch[AES_BATCH];
    uint8_t lengths[16];

    /* The zero block gives H, counter 1 gives J0's key stream. */
    aes256_expand(&aes, aead->key.data);
    counters(batch, aead->nonce.data, 1);
    bytes_zero(batch + 16, 16);
    aes256_encrypt(&aes, batch, batch);
    h.high = bytes_load64_be(batch + 16);
    h.low = bytes_load64_be(batch + 24);

    bytes_store64_be(lengths, (uint64_t)aead->aad.size * 8);
    bytes_store64_be(lengths + 8, (uint64_t)sealed.size * 8);
    ghash(&y, h, aead->aad);
    ghash(&y, h, sealed);
    ghash(&y, h, (struct pq_bytes){lengths, sizeof lengths});

    bytes_store64_be(tag, y.high ^ bytes_load64_be(batch));
    bytes_store64_be(tag + 8, y.low ^ bytes_load64_be(batch + 8));
    bytes_wipe(&aes, sizeof aes);
    bytes_wipe(batch, sizeof batch);
    bytes_wipe(&h, sizeof h);
    bytes_wipe(&y, sizeof y);
}

/* Section 6.5 (GCTR) from counter 2. */
void gcm_crypt(const struct pq_aead *aead, struct pq_bytes in, uint8_t *out)
{
    struct aes256 aes;
    uint8_t stream[AES_BATCH];
    uint32_t counter = 2;

    aes256_expand(&aes, aead->key.data);
    for (size_t at = 0; at < in.size; at += AES_BATCH, counter += 4) {
        size_t part = in.size - at < AES_BATCH ? in.size - at : AES_BATCH;
        counters(stream, aead->nonce.data, counter);
        aes256_encrypt(&aes, stream, stream);
        for (size_t i = 0; i < part; i++)
            out[at + i] = in.data[at + i] ^ stream[i];
    }
    bytes_wipe(&aes, sizeof aes);
    bytes_wipe(stream, sizeof stream);
}
