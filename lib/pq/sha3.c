/* SPDX-License-Identifier: BSD-2-Clause */
/* Keccak-f[1600] and the sponge of SHA-3 and SHAKE (FIPS 202). */
#include "bytes.h"
#include "sha3.h"

/*@ // Between two calls: a rate of whole lanes, and a place in it.
    predicate good{L}(struct pq_keccak *sponge) =
      8 <= sponge->rate < 200 && sponge->rate % 8 == 0 && sponge->position <= sponge->rate;
*/

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

/*
 * One round, iota(chi(pi(rho(theta(a))))), from a to e. Lane (x, y) is a[x + 5y].
 *
 * The plane y of the output takes, by pi (algorithm 3), its lane x from a[(x + 3y) mod 5, x],
 * rotated by rho's offset (table 2), and then mixes the five by chi (algorithm 4): out[x] = b[x] ^
 * (~b[x + 1] & b[x + 2]). To save most of those complements, the lanes of complemented[] are held
 * inverted from round to round; by De Morgan's laws each term below is chi on the true values, with
 * its result inverted where that lane is one of them.
 */
/*@ requires \valid(e + (0 .. 24)) && \valid_read(a + (0 .. 24));
    requires \separated(e + (0 .. 24), a + (0 .. 24));
    assigns e[0 .. 24]; */
PQ_INLINE void keccak_round(uint64_t e[25], const uint64_t a[25], uint64_t constant)
{
    uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
    uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
    uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
    uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
    uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
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
    e[0] = b0 ^ (b1 | b2) ^ constant;
    e[1] = b1 ^ (~b2 | b3);
    e[2] = b2 ^ (b3 & b4);
    e[3] = b3 ^ (b4 | b0);
    e[4] = b4 ^ (b0 & b1);

    b0 = rotate_left(a[3] ^ d3, 28);
    b1 = rotate_left(a[9] ^ d4, 20);
    b2 = rotate_left(a[10] ^ d0, 3);
    b3 = rotate_left(a[16] ^ d1, 45);
    b4 = rotate_left(a[22] ^ d2, 61);
    e[5] = b0 ^ (b1 | b2);
    e[6] = b1 ^ (b2 & b3);
    e[7] = b2 ^ (b3 | ~b4);
    e[8] = b3 ^ (b4 | b0);
    e[9] = b4 ^ (b0 & b1);

    b0 = rotate_left(a[1] ^ d1, 1);
    b1 = rotate_left(a[7] ^ d2, 6);
    b2 = rotate_left(a[13] ^ d3, 25);
    b3 = rotate_left(a[19] ^ d4, 8);
    b4 = rotate_left(a[20] ^ d0, 18);
    e[10] = b0 ^ (b1 | b2);
    e[11] = b1 ^ (b2 & b3);
    e[12] = b2 ^ (~b3 & b4);
    e[13] = ~b3 ^ (b4 | b0);
    e[14] = b4 ^ (b0 & b1);

    b0 = rotate_left(a[4] ^ d4, 27);
    b1 = rotate_left(a[5] ^ d0, 36);
    b2 = rotate_left(a[11] ^ d1, 10);
    b3 = rotate_left(a[17] ^ d2, 15);
    b4 = rotate_left(a[23] ^ d3, 56);
    e[15] = b0 ^ (b1 & b2);
    e[16] = b1 ^ (b2 | b3);
    e[17] = b2 ^ (~b3 | b4);
    e[18] = ~b3 ^ (b4 & b0);
    e[19] = b4 ^ (b0 | b1);

    b0 = rotate_left(a[2] ^ d2, 62);
    b1 = rotate_left(a[8] ^ d3, 55);
    b2 = rotate_left(a[14] ^ d4, 39);
    b3 = rotate_left(a[15] ^ d0, 41);
    b4 = rotate_left(a[21] ^ d1, 2);
    e[20] = b0 ^ (~b1 & b2);
    e[21] = ~b1 ^ (b2 | b3);
    e[22] = b2 ^ (b3 & b4);
    e[23] = b3 ^ (b4 | b0);
    e[24] = b4 ^ (b0 & b1);
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

/*@ requires \valid(sponge) && 8 <= rate < 200 && rate % 8 == 0;
    assigns *sponge;
    ensures good(sponge) && sponge->position == 0; */
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
/*@ requires \valid(sponge) && good(sponge) && sponge->position < sponge->rate;
    requires size == 0 || (\valid_read(data + (0 .. size - 1)) &&
                          \separated(sponge, data + (0 .. size - 1)));
    assigns sponge->lane[0 .. 24], sponge->position;
    ensures good(sponge) && sponge->position < sponge->rate; */
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
/*@ requires \valid(sponge) && good(sponge) && sponge->position < sponge->rate;
    assigns sponge->lane[0 .. 24], sponge->position;
    ensures good(sponge); */
void keccak_finish(struct pq_keccak *sponge)
{
    lane_xor_byte(sponge, sponge->position, sponge->suffix);
    lane_xor_byte(sponge, sponge->rate - 1, 0x80);
    sponge->position = sponge->rate;
}

/* FIPS 202 section 4, algorithm 8 steps 7 to 10, resumable. */
/*@ requires \valid(sponge) && good(sponge);
    requires size == 0 || (\valid(out + (0 .. size - 1)) &&
                          \separated(sponge, out + (0 .. size - 1)));
    assigns sponge->lane[0 .. 24], sponge->position, out[0 .. size - 1];
    ensures good(sponge); */
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
