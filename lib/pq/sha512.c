/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-512 compression and its incremental form (FIPS 180-4 sections 5 and 6). */
#include "bytes.h"
#include "sha2.h"

/* FIPS 180-4 section 4.2.3: first 64 bits of the fractions of cube roots of the first 80 primes. */
static const uint64_t round_constant[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* Section 5.3.4. */
static const uint64_t initial_384[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

/* Section 5.3.5. */
static const uint64_t initial_512[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

/* Section 5.3.6.1. */
static const uint64_t initial_512_224[8] = {
    0x8c3d37c819544da2, 0x73e1996689dcd4d6, 0x1dfab7ae32ff9c82, 0x679dd514582f9fcf,
    0x0f6d2b697bd44da8, 0x77e36f7304c48942, 0x3f9d85a86a1d36c8, 0x1112e6ad91d692a1,
};

/* Section 5.3.6.2. */
static const uint64_t initial_512_256[8] = {
    0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151, 0x963877195940eabd,
    0x96283ee2a88effe3, 0xbe5e1e2553863992, 0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2,
};

/*@ requires 1 <= n <= 63;
    assigns \nothing; */
PQ_INLINE uint64_t rotate_right(uint64_t x, unsigned n)
{
    return x >> n | x << (64 - n);
}

/* FIPS 180-4 section 6.4.2 step 3, one round. Names rotate at the call instead of moving. The
 * functions of section 4.1.3 with their rotations nested, which takes one copy instead of three;
 * Maj(a, b, c) is b ^ ((a ^ b) & (b ^ c)), and b ^ c is what the round before had as a ^ b. */
/*@ requires \valid(bc) && \valid(d) && \valid(h) && \separated(bc, d, h);
    assigns *bc, *d, *h; */
PQ_INLINE void round_step(uint64_t a, uint64_t b, uint64_t *bc, uint64_t *d, uint64_t e, uint64_t f,
                          uint64_t g, uint64_t *h, uint64_t input)
{
    uint64_t big1 = rotate_right(e ^ rotate_right(e ^ rotate_right(e, 23), 4), 14);
    uint64_t choose = g ^ (e & (f ^ g));
    uint64_t big0 = rotate_right(a ^ rotate_right(a ^ rotate_right(a, 5), 6), 28);
    uint64_t ab = a ^ b;
    uint64_t majority = b ^ (ab & *bc);
    uint64_t t1 = *h + big1 + choose + input;
    *bc = ab;
    *d += t1;
    *h = t1 + big0 + majority;
}

/* FIPS 180-4 section 6.4.2 step 1: the schedule, kept as a window of 16 words. */
/*@ requires \valid(w + (0 .. 15)) && i <= 15;
    assigns w[0 .. 15]; */
PQ_INLINE uint64_t schedule_next(uint64_t w[16], unsigned i)
{
    uint64_t x = w[(i + 1) % 16];
    uint64_t y = w[(i + 14) % 16];
    uint64_t small0 = rotate_right(x ^ rotate_right(x, 7), 1) ^ x >> 7;
    uint64_t small1 = rotate_right(y ^ rotate_right(y, 42), 19) ^ y >> 6;
    w[i % 16] += small0 + w[(i + 9) % 16] + small1;
    return w[i % 16];
}

/*@ requires \valid(s + (0 .. 7)) && \valid(bc) && \valid_read(w + (0 .. 15)) && i <= 8;
    requires \valid_read(k + (0 .. 7));
    requires \separated(s + (0 .. 7), bc, w + (0 .. 15)) &&
             \separated(k + (0 .. 7), s + (0 .. 7), bc);
    assigns s[0 .. 7], *bc; */
PQ_INLINE void eight_first(uint64_t s[8], uint64_t *bc, const uint64_t w[16], unsigned i,
                           const uint64_t *k)
{
    SHA2_EIGHT(SHA2_WORD);
}

/*@ requires \valid(s + (0 .. 7)) && \valid(bc) && \valid(w + (0 .. 15)) && i <= 8;
    requires \valid_read(k + (0 .. 7));
    requires \separated(s + (0 .. 7), bc, w + (0 .. 15)) &&
             \separated(k + (0 .. 7), s + (0 .. 7), bc, w + (0 .. 15));
    assigns s[0 .. 7], *bc, w[0 .. 15]; */
PQ_INLINE void eight_later(uint64_t s[8], uint64_t *bc, uint64_t w[16], unsigned i,
                           const uint64_t *k)
{
    SHA2_EIGHT(schedule_next);
}

/*@ requires \valid(h + (0 .. 7)) && blocks <= 0x100000000;
    requires blocks == 0 || \valid_read(data + (0 .. 128 * blocks - 1));
    requires blocks == 0 || \separated(h + (0 .. 7), data + (0 .. 128 * blocks - 1));
    assigns h[0 .. 7]; */
void sha512_compress(uint64_t h[8], const uint8_t *data, size_t blocks)
{
    uint64_t w[16];
    uint64_t s[8];
    uint64_t bc;

    /*@ loop invariant 0 <= blocks <= \at(blocks, Pre);
        loop invariant data == \at(data, Pre) + 128 * (\at(blocks, Pre) - blocks);
        loop assigns blocks, data, bc, s[0 .. 7], w[0 .. 15], h[0 .. 7];
        loop variant blocks; */
    for (; blocks != 0; blocks--, data += 128) {
        /*@ assert block: \valid_read(data + (0 .. 127)); */
        /*@ loop invariant 0 <= i <= 8;
            loop assigns i, s[0 .. 7];
            loop variant 8 - i; */
        for (unsigned i = 0; i < 8; i++)
            s[i] = h[i];
        /*@ loop invariant 0 <= i <= 16;
            loop assigns i, w[0 .. 15];
            loop variant 16 - i; */
        for (unsigned i = 0; i < 16; i++)
            w[i] = bytes_load64_be(data + 8 * i);

        bc = s[1] ^ s[2];
        eight_first(s, &bc, w, 0, round_constant);
        eight_first(s, &bc, w, 8, round_constant + 8);
        /*@ loop invariant 16 <= r <= 80 && r % 16 == 0;
            loop assigns r, bc, s[0 .. 7], w[0 .. 15];
            loop variant 80 - r; */
        for (unsigned r = 16; r < 80; r += 16) {
            eight_later(s, &bc, w, 0, round_constant + r);
            eight_later(s, &bc, w, 8, round_constant + r + 8);
        }

        /*@ loop invariant 0 <= i <= 8;
            loop assigns i, h[0 .. 7];
            loop variant 8 - i; */
        for (unsigned i = 0; i < 8; i++)
            h[i] += s[i];
    }
}

/*@ requires \valid(hash) && \separated(hash, initial_384 + (0 .. 7), initial_512 + (0 .. 7),
                                        initial_512_224 + (0 .. 7), initial_512_256 + (0 .. 7));
    assigns hash->h[0 .. 7], hash->total; */
void sha512_init(struct pq_sha512 *hash, enum pq_algorithm algorithm)
{
    const uint64_t *initial = initial_512;
    if (algorithm == PQ_SHA2_384)
        initial = initial_384;
    else if (algorithm == PQ_SHA2_512_224)
        initial = initial_512_224;
    else if (algorithm == PQ_SHA2_512_256)
        initial = initial_512_256;
    /*@ loop invariant 0 <= i <= 8;
        loop assigns i, hash->h[0 .. 7];
        loop variant 8 - i; */
    for (unsigned i = 0; i < 8; i++)
        hash->h[i] = initial[i];
    hash->total = 0;
}

/*@ requires \valid(hash) && size <= 0x1000000000;
    requires size == 0 || \valid_read(data + (0 .. size - 1));
    requires size == 0 || \separated(hash, data + (0 .. size - 1));
    assigns *hash; */
void sha512_update(struct pq_sha512 *hash, const uint8_t *data, size_t size)
{
    size_t held = (size_t)(hash->total % 128);

    hash->total += size;
    if (held != 0) {
        size_t part = 128 - held < size ? 128 - held : size;
        bytes_copy(hash->block + held, data, part);
        if (held + part < 128)
            return;
        sha512_compress(hash->h, hash->block, 1);
        data += part;
        size -= part;
    }
    sha512_compress(hash->h, data, size / 128);
    bytes_copy(hash->block, data + size / 128 * 128, size % 128);
}

/* FIPS 180-4 section 5.1.2: a one bit, zeros, and the length in bits. */
/*@ requires \valid(hash) && \valid(digest + (0 .. 63));
    requires \separated(hash, digest + (0 .. 63));
    assigns *hash, digest[0 .. 63]; */
static void finish(struct pq_sha512 *hash, uint8_t digest[64])
{
    size_t held = (size_t)(hash->total % 128);

    hash->block[held++] = 0x80;
    if (held > 128 - 16) {
        /*@ loop invariant held <= 128;
            loop assigns held, hash->block[0 .. 127];
            loop variant 128 - held; */
        while (held < 128)
            hash->block[held++] = 0;
        sha512_compress(hash->h, hash->block, 1);
        held = 0;
    }
    /*@ loop invariant held <= 112;
        loop assigns held, hash->block[0 .. 127];
        loop variant 112 - held; */
    while (held < 112)
        hash->block[held++] = 0;
    bytes_store64_be(hash->block + 112, hash->total >> 61);
    bytes_store64_be(hash->block + 128 - 8, hash->total << 3);
    sha512_compress(hash->h, hash->block, 1);
    /*@ loop invariant 0 <= i <= 8;
        loop assigns i, digest[0 .. 63];
        loop variant 8 - i; */
    for (unsigned i = 0; i < 8; i++)
        bytes_store64_be(digest + 8 * i, hash->h[i]);
}

void sha512_final(struct pq_sha512 *hash, uint8_t digest[64])
{
    finish(hash, digest);
    bytes_wipe(hash, sizeof *hash);
}
