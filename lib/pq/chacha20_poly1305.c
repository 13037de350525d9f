/* SPDX-License-Identifier: BSD-2-Clause */
/* ChaCha20-Poly1305 (RFC 8439). */
#include "aead.h"
#include "bytes.h"

#define BLOCK_SIZE 64

/*@ requires 0 < n < 32;
    assigns \nothing; */
PQ_INLINE uint32_t rotate_left(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

/* RFC 8439 section 2.1. */
/*@ requires \valid(x + (0 .. 15)) && a < 16 && b < 16 && c < 16 && d < 16;
    assigns x[0 .. 15]; */
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

/* RFC 8439 section 2.3: the state that a block begins with. */
/*@ requires aead_whole((struct pq_aead *)aead) && \valid(start + (0 .. 15));
    assigns start[0 .. 15]; */
PQ_INLINE void chacha20_start(const struct pq_aead *aead, uint32_t counter, uint32_t start[16])
{
    start[0] = 0x61707865;
    start[1] = 0x3320646e;
    start[2] = 0x79622d32;
    start[3] = 0x6b206574;
    /*@ loop invariant 0 <= i <= 8 && aead_whole((struct pq_aead *)aead);
        loop assigns i, start[4 .. 11];
        loop variant 8 - i; */
    for (unsigned i = 0; i < 8; i++)
        start[4 + i] = bytes_load32_le(aead->key.data + 4 * i);
    start[12] = counter;
    /*@ loop invariant 0 <= i <= 3 && aead_whole((struct pq_aead *)aead);
        loop assigns i, start[13 .. 15];
        loop variant 3 - i; */
    for (unsigned i = 0; i < 3; i++)
        start[13 + i] = bytes_load32_le(aead->nonce.data + 4 * i);
}

/* Twenty rounds, and the sum with what they began with. */
/*@ requires \valid_read(start + (0 .. 15)) && \valid(out + (0 .. BLOCK_SIZE - 1));
    assigns out[0 .. BLOCK_SIZE - 1]; */
PQ_INLINE void chacha20_rounds(const uint32_t start[16], uint8_t out[BLOCK_SIZE])
{
    uint32_t x[16];

    /*@ loop invariant 0 <= i <= 16;
        loop assigns i, x[0 .. 15];
        loop variant 16 - i; */
    for (unsigned i = 0; i < 16; i++)
        x[i] = start[i];
    /*@ loop invariant 0 <= i <= 10;
        loop assigns i, x[0 .. 15];
        loop variant 10 - i; */
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
    /*@ loop invariant 0 <= i <= 16;
        loop assigns i, out[0 .. BLOCK_SIZE - 1];
        loop variant 16 - i; */
    for (unsigned i = 0; i < 16; i++)
        bytes_store32_le(out + 4 * i, x[i] + start[i]);
}

/*@ requires aead_whole((struct pq_aead *)aead) && \valid(out + (0 .. BLOCK_SIZE - 1));
    assigns out[0 .. BLOCK_SIZE - 1]; */
static void chacha20_block(const struct pq_aead *aead, uint32_t counter, uint8_t out[BLOCK_SIZE])
{
    uint32_t start[16];

    chacha20_start(aead, counter, start);
    chacha20_rounds(start, out);
    bytes_wipe(start, sizeof start);
}

/* RFC 8439 section 2.4, from counter 1 as section 2.8 has it. */
/*@ requires aead_whole((struct pq_aead *)aead) && readable(in);
    requires in.size == 0 || \valid(out + (0 .. in.size - 1));
    requires in.size <= 0x1000000000 && \valid(stream + (0 .. BLOCK_SIZE - 1));
    assigns out[0 .. in.size - 1], stream[0 .. BLOCK_SIZE - 1]; */
PQ_INLINE void crypt_blocks(const struct pq_aead *aead, struct pq_bytes in, uint8_t *out,
                            uint8_t stream[BLOCK_SIZE])
{
    uint32_t counter = 1;

    /*@ loop invariant 0 <= at && aead_whole((struct pq_aead *)aead);
        loop assigns at, counter, out[0 .. in.size - 1], stream[0 .. BLOCK_SIZE - 1];
        loop variant in.size - at; */
    for (size_t at = 0; at < in.size; at += BLOCK_SIZE, counter++) {
        size_t part = in.size - at < BLOCK_SIZE ? in.size - at : BLOCK_SIZE;
        chacha20_block(aead, counter, stream);
        /*@ loop invariant 0 <= i <= part;
            loop assigns i, out[0 .. in.size - 1];
            loop variant part - i; */
        for (size_t i = 0; i < part; i++)
            out[at + i] = in.data[at + i] ^ stream[i];
    }
}

void chacha20_poly1305_crypt(const struct pq_aead *aead, struct pq_bytes in, uint8_t *out)
{
    uint8_t stream[BLOCK_SIZE];

    crypt_blocks(aead, in, out, stream);
    bytes_wipe(stream, sizeof stream);
}

/* Poly1305 over numbers of five limbs of 26 bits (RFC 8439 section 2.5). */
struct poly1305 {
    uint32_t r[5];
    uint32_t h[5]; /* each below 2^27 */
    uint8_t s[16];
};

/*@ requires \valid(p) && \valid_read(key + (0 .. 31)) && \separated(p, key + (0 .. 31));
    assigns *p; */
static void poly1305_init(struct poly1305 *p, const uint8_t key[32])
{
    /* r is clamped: section 2.5.1. */
    p->r[0] = bytes_load32_le(key) & 0x3ffffff;
    p->r[1] = bytes_load32_le(key + 3) >> 2 & 0x3ffff03;
    p->r[2] = bytes_load32_le(key + 6) >> 4 & 0x3ffc0ff;
    p->r[3] = bytes_load32_le(key + 9) >> 6 & 0x3f03fff;
    p->r[4] = bytes_load32_le(key + 12) >> 8 & 0x00fffff;
    /*@ loop invariant 0 <= i <= 5;
        loop assigns i, p->h[0 .. 4];
        loop variant 5 - i; */
    for (unsigned i = 0; i < 5; i++)
        p->h[i] = 0;
    bytes_copy(p->s, key + 16, 16);
}

/* h = (h + block + 2^128) r mod 2^130 - 5, partly reduced. */
/*@ requires \valid(p) && \valid_read(block + (0 .. 15));
    assigns p->h[0 .. 4]; */
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
    /*@ loop invariant 0 <= i <= 5;
        loop assigns i, d[0 .. 4];
        loop variant 5 - i; */
    for (unsigned i = 0; i < 5; i++) {
        d[i] = 0;
        /*@ loop invariant 0 <= j <= 5;
            loop assigns j, d[0 .. 4];
            loop variant 5 - j; */
        for (unsigned j = 0; j < 5; j++)
            d[i] += (uint64_t)h[j] * (j <= i ? r[i - j] : 5 * r[i + 5 - j]);
    }
    /*@ loop invariant 0 <= i <= 5;
        loop assigns i, carry, d[0 .. 4], p->h[0 .. 4];
        loop variant 5 - i; */
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
/*@ requires \valid(p) && readable(data);
    requires data.size == 0 || \separated(p, data.data + (0 .. data.size - 1));
    assigns p->h[0 .. 4]; */
static void poly1305_padded(struct poly1305 *p, struct pq_bytes data)
{
    uint8_t last[16];
    size_t whole = data.size - data.size % 16;

    /*@ loop invariant 0 <= at <= whole && at % 16 == 0;
        loop assigns at, p->h[0 .. 4];
        loop variant whole - at; */
    for (size_t at = 0; at < whole; at += 16)
        poly1305_block(p, data.data + at);
    if (whole != data.size) {
        /*@ loop invariant 0 <= i <= 16;
            loop assigns i, last[0 .. 15];
            loop variant 16 - i; */
        for (unsigned i = 0; i < 16; i++)
            last[i] = 0;
        bytes_copy(last, data.data + whole, data.size - whole);
        poly1305_block(p, last);
    }
}

/* h mod 2^130 - 5, plus s, mod 2^128. */
/*@ requires \valid(p) && \valid(g + (0 .. 4)) && \valid(tag + (0 .. 15));
    requires \separated(p, g + (0 .. 4), tag + (0 .. 15));
    assigns p->h[0 .. 4], g[0 .. 4], tag[0 .. 15]; */
static void poly1305_final(struct poly1305 *p, uint32_t g[5], uint8_t tag[16])
{
    uint32_t *h = p->h;
    uint32_t carry = 0;
    uint32_t mask;
    uint64_t sum = 0;

    /* Two rounds of carries leave every limb below 2^26. */
    /*@ loop invariant 0 <= round <= 2;
        loop assigns round, carry, p->h[0 .. 4];
        loop variant 2 - round; */
    for (unsigned round = 0; round < 2; round++) {
        /*@ loop invariant 0 <= i <= 5;
            loop assigns i, carry, p->h[0 .. 4];
            loop variant 5 - i; */
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
    /*@ loop invariant 0 <= i <= 5;
        loop assigns i, carry, g[0 .. 4];
        loop variant 5 - i; */
    for (unsigned i = 0; i < 5; i++) {
        g[i] = h[i] + carry;
        carry = g[i] >> 26;
        g[i] &= 0x3ffffff;
    }
    mask = bytes_opaque(0u - carry);
    /*@ loop invariant 0 <= i <= 5;
        loop assigns i, p->h[0 .. 4];
        loop variant 5 - i; */
    for (unsigned i = 0; i < 5; i++)
        h[i] ^= (h[i] ^ g[i]) & mask;

    /*@ loop invariant 0 <= i <= 4;
        loop assigns i, sum, tag[0 .. 15];
        loop variant 4 - i; */
    for (unsigned i = 0; i < 4; i++) {
        /* Word i is bits 32 i to 32 i + 31: limb i above its lowest 6 i bits, and limb i + 1. */
        uint32_t word = h[i] >> 6 * i | h[i + 1] << (26 - 6 * i);
        sum += (uint64_t)word + bytes_load32_le(p->s + 4 * i);
        bytes_store32_le(tag + 4 * i, (uint32_t)sum);
        sum >>= 32;
    }
}

/* RFC 8439 sections 2.6 and 2.8: what one tag takes, all of it secret. */
struct tag_work {
    struct poly1305 p;
    uint32_t g[5];
    uint8_t block[BLOCK_SIZE];
};

/*@ requires aead_whole((struct pq_aead *)aead) && readable(sealed);
    requires \valid(work) && \valid(tag + (0 .. PQ_AEAD_TAG - 1));
    requires \separated(work, tag + (0 .. PQ_AEAD_TAG - 1), aead);
    requires aead->aad.size == 0 ||
             \separated(work, aead->aad.data + (0 .. aead->aad.size - 1));
    requires sealed.size == 0 || \separated(work, sealed.data + (0 .. sealed.size - 1));
    assigns *work, tag[0 .. PQ_AEAD_TAG - 1]; */
PQ_INLINE void make_tag(const struct pq_aead *aead, struct pq_bytes sealed,
                        uint8_t tag[PQ_AEAD_TAG], struct tag_work *work)
{
    uint8_t lengths[16];

    chacha20_block(aead, 0, work->block);
    poly1305_init(&work->p, work->block);
    bytes_store64_le(lengths, aead->aad.size);
    bytes_store64_le(lengths + 8, sealed.size);
    poly1305_padded(&work->p, aead->aad);
    poly1305_padded(&work->p, sealed);
    poly1305_block(&work->p, lengths);
    poly1305_final(&work->p, work->g, tag);
}

void chacha20_poly1305_tag(const struct pq_aead *aead, struct pq_bytes sealed,
                           uint8_t tag[PQ_AEAD_TAG])
{
    struct tag_work work;

    make_tag(aead, sealed, tag, &work);
    bytes_wipe(&work, sizeof work);
}
