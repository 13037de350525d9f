/* SPDX-License-Identifier: BSD-2-Clause */
/* ChaCha20-Poly1305 (RFC 8439). */
#include "aead.h"
#include "bytes.h"

#define BLOCK_SIZE 64

PQ_INLINE uint32_t rotate_left(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/* RFC 8439 section 2.1. */
PQ_INLINE void quarter_round(uint32_t x[16], unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[a] += x[b];
    x[d] = rotate_left(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate_left(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate_left(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate_left(x[b] ^ x[c], 7);
}

/* RFC 8439 section 2.3. */
static void chacha20_block(const struct pq_aead *aead, uint32_t counter, uint8_t out[BLOCK_SIZE])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    uint32_t x[16];

    for (unsigned i = 0; i < 8; i++)
        start[4 + i] = bytes_load32_le(aead->key.data + 4 * i);
    start[12] = counter;
    for (unsigned i = 0; i < 3; i++)
        start[13 + i] = bytes_load32_le(aead->nonce.data + 4 * i);
    for (unsigned i = 0; i < 16; i++)
        x[i] = start[i];
    for (unsigned i = 0; i < 10; i++) {
        quarter_round(x, 0, 4, 8, 12);
        quarter_round(x, 1, 5, 9, 13);
        quarter_round(x, 2, 6, 10, 14);
        quarter_round(x, 3, 7, 11, 15);
        quarter_round(x, 0, 5, 10, 15);
        quarter_round(x, 1, 6, 11, 12);
        quarter_round(x, 2, 7, 8, 13);
        quarter_round(x, 3, 4, 9, 14);
    }
    for (unsigned i = 0; i < 16; i++)
        bytes_store32_le(out + 4 * i, x[i] + start[i]);
    bytes_wipe(start, sizeof start);
}

/* RFC 8439 section 2.4, from counter 1 as section 2.8 has it. */
void chacha20_poly1305_crypt(const struct pq_aead *aead, struct pq_bytes in, uint8_t *out)
{
    uint8_t stream[BLOCK_SIZE];
    uint32_t counter = 1;

    for (size_t at = 0; at < in.size; at += BLOCK_SIZE, counter++) {
        size_t part = in.size - at < BLOCK_SIZE ? in.size - at : BLOCK_SIZE;
        chacha20_block(aead, counter, stream);
        for (size_t i = 0; i < part; i++)
            out[at + i] = in.data[at + i] ^ stream[i];
    }
    bytes_wipe(stream, sizeof stream);
}

/* Poly1305 over numbers of five limbs of 26 bits (RFC 8439 section 2.5). */
struct poly1305 {
    uint32_t r[5];
    uint32_t h[5]; /* each below 2^27 */
    uint8_t s[16];
};

static void poly1305_init(struct poly1305 *p, const uint8_t key[32])
{
    /* r is clamped: section 2.5.1. */
    p->r[0] = bytes_load32_le(key) & 0x3ffffff;
    p->r[1] = bytes_load32_le(key + 3) >> 2 & 0x3ffff03;
    p->r[2] = bytes_load32_le(key + 6) >> 4 & 0x3ffc0ff;
    p->r[3] = bytes_load32_le(key + 9) >> 6 & 0x3f03fff;
    p->r[4] = bytes_load32_le(key + 12) >> 8 & 0x00fffff;
    bytes_zero(p->h, sizeof p->h);
    bytes_copy(p->s, key + 16, 16);
}

/* h = (h + block + 2^128) r mod 2^130 - 5, partly reduced. */
static void poly1305_block(struct poly1305 *p, const uint8_t block[16])
{
    const uint32_t *r = p->r;
    uint32_t *h = p->h;
    uint64_t d[5];
    uint64_t carry = 0;

    h[0] += bytes_load32_le(block) & 0x3ffffff;
    h[1] += bytes_load32_le(block + 3) >> 2 & 0x3ffffff;
    h[2] += bytes_load32_le(block + 6) >> 4 & 0x3ffffff;
    h[3] += bytes_load32_le(block + 9) >> 6;
    h[4] += bytes_load32_le(block + 12) >> 8 | 1u << 24;

    /* Limb i of the product takes h[j] r[i - j], those that wrap times 5. */
    for (unsigned i = 0; i < 5; i++) {
        d[i] = 0;
        for (unsigned j = 0; j < 5; j++)
            d[i] += (uint64_t)h[j] * (j <= i ? r[i - j] : 5 * r[i + 5 - j]);
    }
    for (unsigned i = 0; i < 5; i++) {
        d[i] += carry;
        h[i] = (uint32_t)d[i] & 0x3ffffff;
        carry = d[i] >> 26;
    }
    carry = h[0] + carry * 5;
    h[0] = (uint32_t)carry & 0x3ffffff;
    h[1] += (uint32_t)(carry >> 26);
}

/* A string padded with zeros to whole blocks, as section 2.8 wants it. */
static void poly1305_padded(struct poly1305 *p, struct pq_bytes data)
{
    uint8_t last[16];
    size_t whole = data.size - data.size % 16;

    for (size_t at = 0; at < whole; at += 16)
        poly1305_block(p, data.data + at);
    if (whole != data.size) {
        bytes_zero(last, sizeof last);
        bytes_copy(last, data.data + whole, data.size - whole);
        poly1305_block(p, last);
    }
}

/* h mod 2^130 - 5, plus s, mod 2^128. */
static void poly1305_final(struct poly1305 *p, uint8_t tag[16])
{
    uint32_t *h = p->h;
    uint32_t g[5];
    uint32_t carry = 0;
    uint32_t mask;
    uint64_t sum = 0;

    /* Two rounds of carries leave every limb below 2^26. */
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 5; i++) {
            h[i] += carry;
            carry = h[i] >> 26;
            h[i] &= 0x3ffffff;
        }
        carry *= 5;
    }
    h[0] += carry;

    /* g = h + 5 - 2^130; when that is not negative it is the residue. */
    carry = 5;
    for (unsigned i = 0; i < 5; i++) {
        g[i] = h[i] + carry;
        carry = g[i] >> 26;
        g[i] &= 0x3ffffff;
    }
    mask = bytes_opaque(0u - carry);
    for (unsigned i = 0; i < 5; i++)
        h[i] ^= (h[i] ^ g[i]) & mask;

    for (unsigned i = 0; i < 4; i++) {
        /* Word i is bits 32 i to 32 i + 31: limb i above its lowest 6 i bits, and limb i + 1. */
        uint32_t word = h[i] >> 6 * i | h[i + 1] << (26 - 6 * i);
        sum += (uint64_t)word + bytes_load32_le(p->s + 4 * i);
        bytes_store32_le(tag + 4 * i, (uint32_t)sum);
        sum >>= 32;
    }
    bytes_wipe(g, sizeof g);
}

/* RFC 8439 sections 2.6 and 2.8. */
void chacha20_poly1305_tag(const struct pq_aead *aead, struct pq_bytes sealed,
                           uint8_t tag[PQ_AEAD_TAG])
{
    struct poly1305 p;
    uint8_t block[BLOCK_SIZE];
    uint8_t lengths[16];

    chacha20_block(aead, 0, block);
    poly1305_init(&p, block);
    bytes_store64_le(lengths, aead->aad.size);
    bytes_store64_le(lengths + 8, sealed.size);
    poly1305_padded(&p, aead->aad);
    poly1305_padded(&p, sealed);
    poly1305_block(&p, lengths);
    poly1305_final(&p, tag);
    bytes_wipe(&p, sizeof p);
    bytes_wipe(block, sizeof block);
}
