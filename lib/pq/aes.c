/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-256 (FIPS 197) on bit planes: four blocks at once, no table, no branch, no memory access that
 * depends on data.
 *
 * SubBytes inverts in GF(2^8) seen as pairs over GF(2^4), where that takes five small products. The
 * small field is GF(2)[w] / (w^4 + w + 1), the large one GF(2^4)[y] / (y^2 + y + w^3 + w); the maps
 * between it and FIPS 197's field are linear, and the second is joined with the affine map of
 * section 5.1.1. The unit test compares all 256 values with the definition.
 */
#include "aes.h"
#include "bytes.h"

/* 64 elements of GF(2^4) in four bit planes. */
struct gf16 {
    uint64_t c[4];
};

PQ_INLINE struct gf16 gf16_add(struct gf16 a, struct gf16 b)
{
    return (struct gf16){{a.c[0] ^ b.c[0], a.c[1] ^ b.c[1], a.c[2] ^ b.c[2], a.c[3] ^ b.c[3]}};
}

PQ_INLINE struct gf16 gf16_multiply(struct gf16 a, struct gf16 b)
{
    uint64_t p0 = a.c[0] & b.c[0];
    uint64_t p1 = (a.c[0] & b.c[1]) ^ (a.c[1] & b.c[0]);
    uint64_t p2 = (a.c[0] & b.c[2]) ^ (a.c[1] & b.c[1]) ^ (a.c[2] & b.c[0]);
    uint64_t p3 = (a.c[0] & b.c[3]) ^ (a.c[1] & b.c[2]) ^ (a.c[2] & b.c[1]) ^ (a.c[3] & b.c[0]);
    uint64_t p4 = (a.c[1] & b.c[3]) ^ (a.c[2] & b.c[2]) ^ (a.c[3] & b.c[1]);
    uint64_t p5 = (a.c[2] & b.c[3]) ^ (a.c[3] & b.c[2]);
    uint64_t p6 = a.c[3] & b.c[3];
    /* w^4 = w + 1, w^5 = w^2 + w, w^6 = w^3 + w^2. */
    return (struct gf16){{p0 ^ p4, p1 ^ p4 ^ p5, p2 ^ p5 ^ p6, p3 ^ p6}};
}

PQ_INLINE struct gf16 gf16_square(struct gf16 a)
{
    return (struct gf16){{a.c[0] ^ a.c[2], a.c[2], a.c[1] ^ a.c[3], a.c[3]}};
}

/* a^2 (w^3 + w). */
PQ_INLINE struct gf16 gf16_square_scale(struct gf16 a)
{
    return (struct gf16){
        {a.c[2] ^ a.c[3], a.c[0] ^ a.c[1], a.c[1] ^ a.c[2], a.c[0] ^ a.c[1] ^ a.c[2]}};
}

/* a^14, which is the inverse of a, and 0 for 0. */
PQ_INLINE struct gf16 gf16_invert(struct gf16 a)
{
    struct gf16 a2 = gf16_square(a);
    struct gf16 a4 = gf16_square(a2);
    struct gf16 a8 = gf16_square(a4);
    return gf16_multiply(gf16_multiply(a2, a4), a8);
}

void aes_substitute(struct aes_planes *s)
{
    const uint64_t *x = s->plane;
    struct gf16 low = {{
        x[0] ^ x[2] ^ x[5] ^ x[7],
        x[2] ^ x[5] ^ x[6] ^ x[7],
        x[2],
        x[3] ^ x[4],
    }};
    struct gf16 high = {{
        x[1] ^ x[5] ^ x[7],
        x[2] ^ x[3],
        x[1] ^ x[4] ^ x[6] ^ x[7],
        x[5] ^ x[7],
    }};

    /* (h y + l)^-1 = (h y + h + l) / (h^2 (w^3 + w) + h l + l^2). */
    struct gf16 norm =
        gf16_add(gf16_add(gf16_square_scale(high), gf16_multiply(high, low)), gf16_square(low));
    struct gf16 inverse = gf16_invert(norm);
    struct gf16 h = gf16_multiply(high, inverse);
    struct gf16 l = gf16_multiply(gf16_add(high, low), inverse);

    s->plane[0] = ~(l.c[0] ^ l.c[1] ^ l.c[2] ^ l.c[3] ^ h.c[1] ^ h.c[3]);
    s->plane[1] = ~(l.c[0] ^ l.c[1] ^ h.c[0]);
    s->plane[2] = l.c[0] ^ l.c[2] ^ l.c[3] ^ h.c[1] ^ h.c[2] ^ h.c[3];
    s->plane[3] = l.c[0] ^ l.c[1] ^ l.c[2] ^ l.c[3] ^ h.c[2];
    s->plane[4] = l.c[0] ^ l.c[3] ^ h.c[0];
    s->plane[5] = ~(l.c[1] ^ l.c[2] ^ h.c[1] ^ h.c[2]);
    s->plane[6] = ~(h.c[0] ^ h.c[1] ^ h.c[2]);
    s->plane[7] = l.c[1] ^ l.c[2] ^ l.c[3];
}

/* Transposes the 8 x 8 bits of a word, whose rows are its bytes. */
PQ_INLINE uint64_t transpose8(uint64_t x)
{
    uint64_t t = (x ^ x >> 7) & 0x00aa00aa00aa00aa;
    x ^= t ^ t << 7;
    t = (x ^ x >> 14) & 0x0000cccc0000cccc;
    x ^= t ^ t << 14;
    t = (x ^ x >> 28) & 0x00000000f0f0f0f0;
    return x ^ t ^ t << 28;
}

void aes_to_planes(struct aes_planes *s, const uint8_t in[AES_BATCH])
{
    for (unsigned b = 0; b < 8; b++)
        s->plane[b] = 0;
    for (unsigned word = 0; word < 8; word++) {
        uint64_t x = transpose8(bytes_load64_le(in + 8 * word));
        for (unsigned b = 0; b < 8; b++)
            s->plane[b] |= (x >> 8 * b & 0xff) << 8 * word;
    }
}

void aes_from_planes(uint8_t out[AES_BATCH], const struct aes_planes *s)
{
    for (unsigned word = 0; word < 8; word++) {
        uint64_t x = 0;
        for (unsigned b = 0; b < 8; b++)
            x |= (s->plane[b] >> 8 * word & 0xff) << 8 * b;
        bytes_store64_le(out + 8 * word, transpose8(x));
    }
}

/* FIPS 197 section 5.1.2. Byte 4 c + r of a block is row r, column c; row r takes column c + r. */
PQ_INLINE void shift_rows(struct aes_planes *s)
{
    for (unsigned b = 0; b < 8; b++) {
        uint64_t x = s->plane[b];
        uint64_t y = x & 0x1111111111111111;
        y |= (x >> 4 & 0x0222022202220222) | (x << 12 & 0x2000200020002000);
        y |= (x >> 8 & 0x0044004400440044) | (x << 8 & 0x4400440044004400);
        y |= (x >> 12 & 0x0008000800080008) | (x << 4 & 0x8880888088808880);
        s->plane[b] = y;
    }
}

/* Each byte's place takes the byte n rows below it in the same column. */
PQ_INLINE uint64_t row_below_1(uint64_t x)
{
    return (x >> 1 & 0x7777777777777777) | (x << 3 & 0x8888888888888888);
}

PQ_INLINE uint64_t row_below_2(uint64_t x)
{
    return (x >> 2 & 0x3333333333333333) | (x << 2 & 0xcccccccccccccccc);
}

/* FIPS 197 section 5.1.3: a' = 2 (a + a1) + a1 + a2 + a3, with an from n rows below. */
PQ_INLINE void mix_columns(struct aes_planes *s)
{
    uint64_t sum[8]; /* a + a1 */
    uint64_t rest[8];

    for (unsigned b = 0; b < 8; b++) {
        uint64_t below = row_below_1(s->plane[b]);
        sum[b] = s->plane[b] ^ below;
        rest[b] = below ^ row_below_2(sum[b]);
    }
    s->plane[0] = rest[0] ^ sum[7];
    s->plane[1] = rest[1] ^ sum[0] ^ sum[7];
    s->plane[2] = rest[2] ^ sum[1];
    s->plane[3] = rest[3] ^ sum[2] ^ sum[7];
    s->plane[4] = rest[4] ^ sum[3] ^ sum[7];
    s->plane[5] = rest[5] ^ sum[4];
    s->plane[6] = rest[6] ^ sum[5];
    s->plane[7] = rest[7] ^ sum[6];
}

PQ_INLINE void add_round_key(struct aes_planes *s, const struct aes_planes *key)
{
    for (unsigned b = 0; b < 8; b++)
        s->plane[b] ^= key->plane[b];
}

/* SubWord of FIPS 197 section 5.2. */
static void substitute_word(uint8_t word[4])
{
    struct aes_planes s;
    uint8_t batch[AES_BATCH] = {0};

    bytes_copy(batch, word, 4);
    aes_to_planes(&s, batch);
    aes_substitute(&s);
    aes_from_planes(batch, &s);
    bytes_copy(word, batch, 4);
    bytes_wipe(batch, sizeof batch);
}

/* FIPS 197 algorithm 2 with Nk = 8. */
void aes256_expand(struct aes256 *aes, const uint8_t key[32])
{
    uint8_t w[16 * (AES_ROUNDS + 1)];
    uint8_t batch[AES_BATCH];
    uint8_t constant = 1;

    bytes_copy(w, key, 32);
    for (unsigned i = 8; i < 4 * (AES_ROUNDS + 1); i++) {
        uint8_t t[4];

        bytes_copy(t, w + 4 * (i - 1), 4);
        if (i % 8 == 0) {
            uint8_t first = t[0];
            t[0] = t[1];
            t[1] = t[2];
            t[2] = t[3];
            t[3] = first;
            substitute_word(t);
            t[0] ^= constant;
            constant = (uint8_t)(constant << 1);
        } else if (i % 8 == 4) {
            substitute_word(t);
        }
        for (unsigned j = 0; j < 4; j++)
            w[4 * i + j] = w[4 * (i - 8) + j] ^ t[j];
    }
    for (unsigned round = 0; round <= AES_ROUNDS; round++) {
        for (unsigned block = 0; block < 4; block++)
            bytes_copy(batch + 16 * block, w + 16 * round, 16);
        aes_to_planes(&aes->round_key[round], batch);
    }
    bytes_wipe(w, sizeof w);
    bytes_wipe(batch, sizeof batch);
}

/* FIPS 197 algorithm 1. */
void aes256_encrypt(const struct aes256 *aes, const uint8_t in[AES_BATCH], uint8_t out[AES_BATCH])
{
    struct aes_planes s;

    aes_to_planes(&s, in);
    add_round_key(&s, &aes->round_key[0]);
    for (unsigned round = 1; round < AES_ROUNDS; round++) {
        aes_substitute(&s);
        shift_rows(&s);
        mix_columns(&s);
        add_round_key(&s, &aes->round_key[round]);
    }
    aes_substitute(&s);
    shift_rows(&s);
    add_round_key(&s, &aes->round_key[AES_ROUNDS]);
    aes_from_planes(out, &s);
}
