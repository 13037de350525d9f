/* SPDX-License-Identifier: BSD-2-Clause */
/* Keccak-f[1600] and the sponge of SHA-3 and SHAKE (FIPS 202). */
#include "bytes.h"
#include "sha3.h"

/* FIPS 202 section 3.2.5, algorithm 5: the lanes that iota adds. */
static const uint64_t round_constant[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/*@ requires 1 <= n <= 63;
    assigns \nothing; */
PQ_INLINE uint64_t rotate_left(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/* The sum of a column, theta's C (FIPS 202 algorithm 1). Lane (x, y) is a[x + 5y]. */
/*@ requires \valid_read(a + (0 .. 24)) && x < 5;
    assigns \nothing; */
PQ_INLINE uint64_t column(const uint64_t a[25], unsigned x)
{
    return a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
}

/* chi (FIPS 202 algorithm 4) on the planes of one round, each with its own lanes inverted: see
 * keccak_round(). */
/*@ requires \valid(e + (0 .. 4));
    assigns e[0 .. 4]; */
PQ_INLINE void chi_0(uint64_t e[5], uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3, uint64_t b4,
                     uint64_t constant)
{
    e[0] = b0 ^ (b1 | b2) ^ constant;
    e[1] = b1 ^ (~b2 | b3);
    e[2] = b2 ^ (b3 & b4);
    e[3] = b3 ^ (b4 | b0);
    e[4] = b4 ^ (b0 & b1);
}

/*@ requires \valid(e + (0 .. 4));
    assigns e[0 .. 4]; */
PQ_INLINE void chi_1(uint64_t e[5], uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3, uint64_t b4)
{
    e[0] = b0 ^ (b1 | b2);
    e[1] = b1 ^ (b2 & b3);
    e[2] = b2 ^ (b3 | ~b4);
    e[3] = b3 ^ (b4 | b0);
    e[4] = b4 ^ (b0 & b1);
}

/*@ requires \valid(e + (0 .. 4));
    assigns e[0 .. 4]; */
PQ_INLINE void chi_2(uint64_t e[5], uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3, uint64_t b4)
{
    e[0] = b0 ^ (b1 | b2);
    e[1] = b1 ^ (b2 & b3);
    e[2] = b2 ^ (~b3 & b4);
    e[3] = ~b3 ^ (b4 | b0);
    e[4] = b4 ^ (b0 & b1);
}

/*@ requires \valid(e + (0 .. 4));
    assigns e[0 .. 4]; */
PQ_INLINE void chi_3(uint64_t e[5], uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3, uint64_t b4)
{
    e[0] = b0 ^ (b1 & b2);
    e[1] = b1 ^ (b2 | b3);
    e[2] = b2 ^ (~b3 | b4);
    e[3] = ~b3 ^ (b4 & b0);
    e[4] = b4 ^ (b0 | b1);
}

/*@ requires \valid(e + (0 .. 4));
    assigns e[0 .. 4]; */
PQ_INLINE void chi_4(uint64_t e[5], uint64_t b0, uint64_t b1, uint64_t b2, uint64_t b3, uint64_t b4)
{
    e[0] = b0 ^ (~b1 & b2);
    e[1] = ~b1 ^ (b2 | b3);
    e[2] = b2 ^ (b3 & b4);
    e[3] = b3 ^ (b4 | b0);
    e[4] = b4 ^ (b0 & b1);
}

/*
 * One round, iota(chi(pi(rho(theta(a))))), from a to e. Lane (x, y) is a[x + 5y].
 *
 * The plane y of the output takes, by pi (algorithm 3), its lane x from a[(x + 3y) mod 5, x],
 * rotated by rho's offset (table 2), and then mixes the five by chi (algorithm 4): out[x] = b[x] ^
 * (~b[x + 1] & b[x + 2]). To save most of those complements, the lanes of complemented[] are held
 * inverted from round to round; by De Morgan's laws each term above is chi on the true values, with
 * its result inverted where that lane is one of them.
 */
/*@ requires \valid(e + (0 .. 24)) && \valid_read(a + (0 .. 24));
    requires \separated(e + (0 .. 24), a + (0 .. 24));
    assigns e[0 .. 24]; */
PQ_INLINE void keccak_round(uint64_t e[25], const uint64_t a[25], uint64_t constant)
{
    uint64_t c0 = column(a, 0);
    uint64_t c1 = column(a, 1);
    uint64_t c2 = column(a, 2);
    uint64_t c3 = column(a, 3);
    uint64_t c4 = column(a, 4);
    uint64_t d0 = c4 ^ rotate_left(c1, 1);
    uint64_t d1 = c0 ^ rotate_left(c2, 1);
    uint64_t d2 = c1 ^ rotate_left(c3, 1);
    uint64_t d3 = c2 ^ rotate_left(c4, 1);
    uint64_t d4 = c3 ^ rotate_left(c0, 1);
    uint64_t b0, b1, b2, b3, b4;

    b0 = a[0] ^ d0;
    b1 = rotate_left(a[6] ^ d1, 44);
    b2 = rotate_left(a[12] ^ d2, 43);
    b3 = rotate_left(a[18] ^ d3, 21);
    b4 = rotate_left(a[24] ^ d4, 14);
    chi_0(e, b0, b1, b2, b3, b4, constant);

    b0 = rotate_left(a[3] ^ d3, 28);
    b1 = rotate_left(a[9] ^ d4, 20);
    b2 = rotate_left(a[10] ^ d0, 3);
    b3 = rotate_left(a[16] ^ d1, 45);
    b4 = rotate_left(a[22] ^ d2, 61);
    chi_1(e + 5, b0, b1, b2, b3, b4);

    b0 = rotate_left(a[1] ^ d1, 1);
    b1 = rotate_left(a[7] ^ d2, 6);
    b2 = rotate_left(a[13] ^ d3, 25);
    b3 = rotate_left(a[19] ^ d4, 8);
    b4 = rotate_left(a[20] ^ d0, 18);
    chi_2(e + 10, b0, b1, b2, b3, b4);

    b0 = rotate_left(a[4] ^ d4, 27);
    b1 = rotate_left(a[5] ^ d0, 36);
    b2 = rotate_left(a[11] ^ d1, 10);
    b3 = rotate_left(a[17] ^ d2, 15);
    b4 = rotate_left(a[23] ^ d3, 56);
    chi_3(e + 15, b0, b1, b2, b3, b4);

    b0 = rotate_left(a[2] ^ d2, 62);
    b1 = rotate_left(a[8] ^ d3, 55);
    b2 = rotate_left(a[14] ^ d4, 39);
    b3 = rotate_left(a[15] ^ d0, 41);
    b4 = rotate_left(a[21] ^ d1, 2);
    chi_4(e + 20, b0, b1, b2, b3, b4);
}

/* The lanes that keccak_round() takes and gives inverted. */
static const uint8_t complemented[] = {1, 2, 8, 12, 17, 20};

/*@ requires \valid(a + (0 .. 24));
    assigns a[0 .. 24]; */
PQ_INLINE void complement(uint64_t a[25])
{
    /*@ loop invariant 0 <= i <= 6;
        loop assigns i, a[0 .. 24];
        loop variant 6 - i; */
    for (unsigned i = 0; i < sizeof complemented; i++) {
        /*@ assert known: AMONG_4(i, 0) || i == 4 || i == 5; */
        a[complemented[i]] = ~a[complemented[i]];
    }
}

/* FIPS 202 section 3.3, algorithm 7 with 24 rounds. */
/*@ requires \valid(lane + (0 .. 24));
    assigns lane[0 .. 24]; */
static void keccak_permute(uint64_t lane[25])
{
    uint64_t a[25];
    uint64_t e[25];

    /*@ loop invariant 0 <= i <= 25;
        loop assigns i, a[0 .. 24];
        loop variant 25 - i; */
    for (unsigned i = 0; i < 25; i++)
        a[i] = lane[i];
    complement(a);
    /*@ loop invariant 0 <= i <= 24 && i % 2 == 0;
        loop assigns i, a[0 .. 24], e[0 .. 24];
        loop variant 24 - i; */
    for (unsigned i = 0; i < 24; i += 2) {
        keccak_round(e, a, round_constant[i]);
        keccak_round(a, e, round_constant[i + 1]);
    }
    complement(a);
    /*@ loop invariant 0 <= i <= 25;
        loop assigns i, lane[0 .. 24];
        loop variant 25 - i; */
    for (unsigned i = 0; i < 25; i++)
        lane[i] = a[i];
}

void keccak_init(struct pq_keccak *sponge, uint32_t rate, uint8_t suffix)
{
    /*@ loop invariant 0 <= i <= 25;
        loop assigns i, sponge->lane[0 .. 24];
        loop variant 25 - i; */
    for (unsigned i = 0; i < 25; i++)
        sponge->lane[i] = 0;
    sponge->rate = rate;
    sponge->position = 0;
    sponge->suffix = suffix;
}

/*@ requires \valid(sponge) && at < 200;
    assigns sponge->lane[0 .. 24]; */
PQ_INLINE void lane_xor_byte(struct pq_keccak *sponge, uint32_t at, uint8_t value)
{
    sponge->lane[at / 8] ^= (uint64_t)value << 8 * (at % 8);
}

/* FIPS 202 section 4, algorithm 8 steps 2 to 6. */
void keccak_absorb(struct pq_keccak *sponge, const uint8_t *data, size_t size)
{
    uint32_t at = sponge->position;

    /*@ loop invariant size <= \at(size, Pre) && at < sponge->rate;
        loop invariant data == \at(data, Pre) + (\at(size, Pre) - size);
        loop assigns size, data, at, sponge->lane[0 .. 24];
        loop variant size; */
    while (size != 0) {
        if (at % 8 == 0 && size >= 8) {
            sponge->lane[at / 8] ^= bytes_load64_le(data);
            at += 8;
            data += 8;
            size -= 8;
        } else {
            lane_xor_byte(sponge, at++, *data++);
            size--;
        }
        if (at == sponge->rate) {
            keccak_permute(sponge->lane);
            at = 0;
        }
    }
    sponge->position = at;
}

/* The suffix holds the domain bits of FIPS 202 sections 6.1 and 6.2 and the first bit of pad10*1.
 */
void keccak_finish(struct pq_keccak *sponge)
{
    lane_xor_byte(sponge, sponge->position, sponge->suffix);
    lane_xor_byte(sponge, sponge->rate - 1, 0x80);
    sponge->position = sponge->rate;
}

/* FIPS 202 section 4, algorithm 8 steps 7 to 10, resumable. */
void keccak_squeeze(struct pq_keccak *sponge, uint8_t *out, size_t size)
{
    uint32_t at = sponge->position;

    /*@ loop invariant size <= \at(size, Pre) && at <= sponge->rate;
        loop invariant out == \at(out, Pre) + (\at(size, Pre) - size);
        loop assigns size, out, at, sponge->lane[0 .. 24], \at(out, Pre)[0 .. \at(size, Pre) - 1];
        loop variant size; */
    while (size != 0) {
        if (at == sponge->rate) {
            keccak_permute(sponge->lane);
            at = 0;
        }
        if (at % 8 == 0 && size >= 8) {
            bytes_store64_le(out, sponge->lane[at / 8]);
            at += 8;
            out += 8;
            size -= 8;
        } else {
            *out++ = (uint8_t)(sponge->lane[at / 8] >> 8 * (at % 8));
            at++;
            size--;
        }
    }
    sponge->position = at;
}
