/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 compression and its incremental form (FIPS 180-4 sections 5 and 6). */
#include "bytes.h"
#include "sha2.h"

/* FIPS 180-4 section 4.2.2: first 32 bits of the fractions of cube roots of the first 64 primes. */
const uint32_t sha256_round_constant[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* Section 5.3.2. */
static const uint32_t initial_224[8] = {
    0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4,
};

/* Section 5.3.3. */
static const uint32_t initial_256[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/*@ requires 1 <= n <= 31;
    assigns \nothing; */
PQ_INLINE uint32_t rotate_right(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* FIPS 180-4 section 6.2.2 step 3, one round. Names rotate at the call instead of moving. The
 * functions of section 4.1.2 with their rotations nested, which takes one copy instead of three;
 * Maj(a, b, c) is b ^ ((a ^ b) & (b ^ c)), and b ^ c is what the round before had as a ^ b. */
/*@ requires \valid(bc) && \valid(d) && \valid(h) && \separated(bc, d, h);
    assigns *bc, *d, *h; */
PQ_INLINE void round_step(uint32_t a, uint32_t b, uint32_t *bc, uint32_t *d, uint32_t e, uint32_t f,
                          uint32_t g, uint32_t *h, uint32_t input)
{
    uint32_t big1 = rotate_right(e ^ rotate_right(e ^ rotate_right(e, 14), 5), 6);
    uint32_t choose = g ^ (e & (f ^ g));
    uint32_t big0 = rotate_right(a ^ rotate_right(a ^ rotate_right(a, 9), 11), 2);
    uint32_t ab = a ^ b;
    uint32_t majority = b ^ (ab & *bc);
    uint32_t t1 = *h + big1 + choose + input;
    *bc = ab;
    *d += t1;
    *h = t1 + big0 + majority;
}

/* FIPS 180-4 section 6.2.2 step 1: the schedule, kept as a window of 16 words. */
/*@ requires \valid(w + (0 .. 15)) && i <= 15;
    assigns w[0 .. 15]; */
PQ_INLINE uint32_t schedule_next(uint32_t w[16], unsigned i)
{
    uint32_t x = w[(i + 1) % 16];
    uint32_t y = w[(i + 14) % 16];
    uint32_t small0 = rotate_right(x ^ rotate_right(x, 11), 7) ^ x >> 3;
    uint32_t small1 = rotate_right(y ^ rotate_right(y, 2), 17) ^ y >> 10;
    w[i % 16] += small0 + w[(i + 9) % 16] + small1;
    return w[i % 16];
}

/*@ requires \valid(s + (0 .. 7)) && \valid(bc) && \valid_read(w + (0 .. 15)) && i <= 8;
    requires \valid_read(k + (0 .. 7));
    requires \separated(s + (0 .. 7), bc, w + (0 .. 15)) &&
             \separated(k + (0 .. 7), s + (0 .. 7), bc);
    assigns s[0 .. 7], *bc; */
PQ_INLINE void eight_first(uint32_t s[8], uint32_t *bc, const uint32_t w[16], unsigned i,
                           const uint32_t *k)
{
    SHA2_EIGHT(SHA2_WORD);
}

/*@ requires \valid(s + (0 .. 7)) && \valid(bc) && \valid(w + (0 .. 15)) && i <= 8;
    requires \valid_read(k + (0 .. 7));
    requires \separated(s + (0 .. 7), bc, w + (0 .. 15)) &&
             \separated(k + (0 .. 7), s + (0 .. 7), bc, w + (0 .. 15));
    assigns s[0 .. 7], *bc, w[0 .. 15]; */
PQ_INLINE void eight_later(uint32_t s[8], uint32_t *bc, uint32_t w[16], unsigned i,
                           const uint32_t *k)
{
    SHA2_EIGHT(schedule_next);
}

void sha256_compress_portable(uint32_t h[8], const uint8_t *data, size_t blocks)
{
    uint32_t w[16];
    uint32_t s[8];
    uint32_t bc;

    /*@ loop invariant 0 <= blocks <= \at(blocks, Pre);
        loop invariant data == \at(data, Pre) + 64 * (\at(blocks, Pre) - blocks);
        loop assigns blocks, data, bc, s[0 .. 7], w[0 .. 15], h[0 .. 7];
        loop variant blocks; */
    for (; blocks != 0; blocks--, data += 64) {
        /*@ assert block: \valid_read(data + (0 .. 63)); */
        /*@ loop invariant 0 <= i <= 8;
            loop assigns i, s[0 .. 7];
            loop variant 8 - i; */
        for (unsigned i = 0; i < 8; i++)
            s[i] = h[i];
        /*@ loop invariant 0 <= i <= 16;
            loop assigns i, w[0 .. 15];
            loop variant 16 - i; */
        for (unsigned i = 0; i < 16; i++)
            w[i] = bytes_load32_be(data + 4 * i);

        bc = s[1] ^ s[2];
        eight_first(s, &bc, w, 0, sha256_round_constant);
        eight_first(s, &bc, w, 8, sha256_round_constant + 8);
        /*@ loop invariant 16 <= r <= 64 && r % 16 == 0;
            loop assigns r, bc, s[0 .. 7], w[0 .. 15];
            loop variant 64 - r; */
        for (unsigned r = 16; r < 64; r += 16) {
            eight_later(s, &bc, w, 0, sha256_round_constant + r);
            eight_later(s, &bc, w, 8, sha256_round_constant + r + 8);
        }

        /*@ loop invariant 0 <= i <= 8;
            loop assigns i, h[0 .. 7];
            loop variant 8 - i; */
        for (unsigned i = 0; i < 8; i++)
            h[i] += s[i];
    }
}

/*@ requires \valid(hash) &&
             \separated(hash, initial_224 + (0 .. 7), initial_256 + (0 .. 7));
    assigns hash->h[0 .. 7], hash->total; */
void sha256_init(struct pq_sha256 *hash, enum pq_algorithm algorithm)
{
    const uint32_t *initial = initial_256;
    if (algorithm == PQ_SHA2_224)
        initial = initial_224;
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
void sha256_update(struct pq_sha256 *hash, const uint8_t *data, size_t size)
{
    size_t held = (size_t)(hash->total % 64);

    hash->total += size;
    if (held != 0) {
        size_t part = 64 - held < size ? 64 - held : size;
        bytes_copy(hash->block + held, data, part);
        if (held + part < 64)
            return;
        sha256_compress(hash->h, hash->block, 1);
        data += part;
        size -= part;
    }
    sha256_compress(hash->h, data, size / 64);
    bytes_copy(hash->block, data + size / 64 * 64, size % 64);
}

/* FIPS 180-4 section 5.1.1: a one bit, zeros, and the length in bits. */
/*@ requires \valid(hash) && \valid(digest + (0 .. 31));
    requires \separated(hash, digest + (0 .. 31));
    assigns *hash, digest[0 .. 31]; */
static void finish(struct pq_sha256 *hash, uint8_t digest[32])
{
    size_t held = (size_t)(hash->total % 64);

    hash->block[held++] = 0x80;
    if (held > 64 - 8) {
        /*@ loop invariant held <= 64;
            loop assigns held, hash->block[0 .. 63];
            loop variant 64 - held; */
        while (held < 64)
            hash->block[held++] = 0;
        sha256_compress(hash->h, hash->block, 1);
        held = 0;
    }
    /*@ loop invariant held <= 56;
        loop assigns held, hash->block[0 .. 63];
        loop variant 56 - held; */
    while (held < 56)
        hash->block[held++] = 0;
    bytes_store64_be(hash->block + 64 - 8, hash->total << 3);
    sha256_compress(hash->h, hash->block, 1);
    /*@ loop invariant 0 <= i <= 8;
        loop assigns i, digest[0 .. 31];
        loop variant 8 - i; */
    for (unsigned i = 0; i < 8; i++)
        bytes_store32_be(digest + 4 * i, hash->h[i]);
}

void sha256_final(struct pq_sha256 *hash, uint8_t digest[32])
{
    finish(hash, digest);
    bytes_wipe(hash, sizeof *hash);
}
