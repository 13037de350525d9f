/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-DSA: bit packing (FIPS 204 section 7.1) and hints (section 7.2). */
#include "bytes.h"
#include "mldsa.h"

/* FIPS 204 algorithms 16 and 17: the latter subtracts from top. */
/*@ requires packable(0, bits) && \valid_read(a) && \valid(out + (0 .. 32 * bits - 1));
    requires \separated(a, out + (0 .. 32 * bits - 1));
    requires 0 <= top <= 0x80000;
    requires subtract == 0 ==> \forall integer k; 0 <= k < 256 ==> packable(a->c[k], bits);
    requires subtract != 0 ==> \forall integer k; 0 <= k < 256 ==> packable(top - a->c[k], bits);
    assigns out[0 .. 32 * bits - 1]; */
PQ_INLINE void pack(uint8_t *out, const struct mldsa_poly *a, unsigned bits, int subtract,
                    int32_t top)
{
    uint64_t held = 0;
    unsigned count = 0;
    /*@ ghost size_t at = 0; */

    /*@ loop invariant 0 <= j <= 256 && count < 8 && 8 * at + count == j * bits;
        loop invariant out == \at(out, Pre) + at;
        loop assigns j, held, count, at, out, \at(out, Pre)[0 .. 32 * bits - 1];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        int32_t value = subtract ? top - a->c[j] : a->c[j];
        held |= (uint64_t)(uint32_t)value << count;
        /*@ loop invariant count <= 27 && 8 * at + count == (j + 1) * bits;
            loop invariant out == \at(out, Pre) + at;
            loop assigns held, count, at, out, \at(out, Pre)[0 .. 32 * bits - 1];
            loop variant count; */
        for (count += bits; count >= 8; count -= 8) {
            /*@ assert room: at < 32 * bits; */
            *out++ = (uint8_t)held;
            /*@ ghost at++; */
            held >>= 8;
        }
    }
}

void mldsa_pack(uint8_t *out, const struct mldsa_poly *a, unsigned bits)
{
    pack(out, a, bits, 0, 0);
}

void mldsa_pack_below(uint8_t *out, const struct mldsa_poly *a, unsigned bits, int32_t top)
{
    pack(out, a, bits, 1, top);
}

/* 2^bits - 1. */
/*@ requires packable(0, bits);
    assigns \nothing;
    ensures packable(\result, bits); */
PQ_INLINE uint64_t mask_of(unsigned bits)
{
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    /*@ assert three: bits == 3 ==> mask == 7; */
    /*@ assert four: bits == 4 ==> mask == 15; */
    /*@ assert six: bits == 6 ==> mask == 63; */
    /*@ assert ten: bits == 10 ==> mask == 1023; */
    /*@ assert thirteen: bits == 13 ==> mask == 8191; */
    /*@ assert eighteen: bits == 18 ==> mask == 262143; */
    /*@ assert twenty: bits == 20 ==> mask == 1048575; */
    return mask;
}

/* FIPS 204 algorithms 18 and 19. */
/*@ requires packable(0, bits) && \valid(a) && \valid_read(in + (0 .. 32 * bits - 1));
    requires \separated(a, in + (0 .. 32 * bits - 1));
    requires 0 <= top <= 0x80000;
    assigns a->c[0 .. 255];
    ensures subtract == 0 ==> \forall integer k; 0 <= k < 256 ==> packable(a->c[k], bits);
    ensures subtract != 0 ==> \forall integer k; 0 <= k < 256 ==> packable(top - a->c[k], bits); */
PQ_INLINE void unpack(struct mldsa_poly *a, const uint8_t *in, unsigned bits, int subtract,
                      int32_t top)
{
    uint64_t held = 0;
    unsigned count = 0;
    size_t at = 0;
    uint64_t mask = mask_of(bits);

    /*@ loop invariant 0 <= j <= 256 && count < 8 && 8 * at == j * bits + count;
        loop invariant subtract == 0 ==>
          \forall integer k; 0 <= k < j ==> packable(a->c[k], bits);
        loop invariant subtract != 0 ==>
          \forall integer k; 0 <= k < j ==> packable(top - a->c[k], bits);
        loop assigns j, held, count, at, a->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++) {
        int32_t value;
        /*@ loop invariant count < bits + 8 && 8 * at == j * bits + count;
            loop assigns held, count, at;
            loop variant bits + 8 - count; */
        for (; count < bits; count += 8) {
            /*@ assert there: at < 32 * bits; */
            held |= (uint64_t)in[at++] << count;
        }
        value = (int32_t)(held & mask);
        /*@ assert value: packable(value, bits); */
        a->c[j] = subtract ? top - value : value;
        held >>= bits;
        count -= bits;
    }
}

void mldsa_unpack(struct mldsa_poly *a, const uint8_t *in, unsigned bits)
{
    unpack(a, in, bits, 0, 0);
}

void mldsa_unpack_below(struct mldsa_poly *a, const uint8_t *in, unsigned bits, int32_t top)
{
    unpack(a, in, bits, 1, top);
}

void mldsa_pack_hint(const struct mldsa_params *p, uint8_t *out, const struct mldsa_poly *hint)
{
    unsigned index = 0;
    unsigned omega = p->omega;
    unsigned rows = p->k;

    /*@ loop invariant 0 <= i <= omega + rows;
        loop assigns i, out[0 .. omega + rows - 1];
        loop variant omega + rows - i; */
    for (unsigned i = 0; i < omega + rows; i++)
        out[i] = 0;
    /*@ loop invariant 0 <= i <= rows && index <= omega;
        loop assigns i, index, out[0 .. omega + rows - 1];
        loop variant rows - i; */
    for (unsigned i = 0; i < rows; i++) {
        /*@ loop invariant 0 <= j <= 256 && index <= omega;
            loop assigns j, index, out[0 .. omega + rows - 1];
            loop variant 256 - j; */
        for (unsigned j = 0; j < 256; j++) {
            if (hint[i].c[j] != 0 && index < omega)
                out[index++] = (uint8_t)j;
        }
        out[omega + i] = (uint8_t)index;
    }
}

/* Lines 8 to 10 of algorithm 21: positions rise strictly within a row. */
/*@ requires from <= to <= 255 && \valid_read(y + (from .. to - 1));
    assigns \nothing;
    ensures \result != 0 <==> rises((uint8_t *)y, from, to); */
static int rises(const uint8_t *y, unsigned from, unsigned to)
{
    /*@ loop invariant from < i && rises((uint8_t *)y, from, i);
        loop assigns i;
        loop variant to - i; */
    for (unsigned i = from + 1; i < to; i++) {
        if (y[i - 1] >= y[i])
            return 0;
    }
    return 1;
}

/* Lines 16 to 18: what is left over is zero. */
/*@ requires from <= to <= 255 && \valid_read(y + (from .. to - 1));
    assigns \nothing;
    ensures \result != 0 <==> zeros((uint8_t *)y, from, to); */
static int zeros(const uint8_t *y, unsigned from, unsigned to)
{
    /*@ loop invariant from <= i <= to && zeros((uint8_t *)y, from, i);
        loop assigns i;
        loop variant to - i; */
    for (unsigned i = from; i < to; i++) {
        if (y[i] != 0)
            return 0;
    }
    return 1;
}

int mldsa_check_hint(const struct mldsa_params *p, const uint8_t *y)
{
    unsigned from = 0;

    /*@ loop invariant 0 <= i <= p->k && rows_proper((uint8_t *)y, p->omega, i);
        loop invariant from == row_start((uint8_t *)y, p->omega, i) <= p->omega;
        loop assigns i, from;
        loop variant p->k - i; */
    for (unsigned i = 0; i < p->k; i++) {
        unsigned to = y[p->omega + i];
        /*@ assert end: to == row_start((uint8_t *)y, p->omega, i + 1); */
        /* Line 4: row ends neither go back nor beyond omega. */
        if (to < from || to > p->omega || !rises(y, from, to)) {
            /*@ assert improper: !row_proper((uint8_t *)y, p->omega, i); */
            return PQ_ERROR_MISMATCH;
        }
        /*@ assert proper: row_proper((uint8_t *)y, p->omega, i); */
        from = to;
    }
    return zeros(y, from, p->omega) ? PQ_OK : PQ_ERROR_MISMATCH;
}

void mldsa_unpack_hint(const struct mldsa_params *p, struct mldsa_poly *hint, const uint8_t *y,
                       unsigned i)
{
    unsigned from = i == 0 ? 0 : y[p->omega + i - 1];
    unsigned to = y[p->omega + i];

    /*@ assert first: i == 0 ==> from == row_start((uint8_t *)y, p->omega, i); */
    /*@ assert later: i > 0 ==> from == row_start((uint8_t *)y, p->omega, i); */
    /*@ assert start: from == row_start((uint8_t *)y, p->omega, i); */
    /*@ assert row: row_proper((uint8_t *)y, p->omega, i); */
    /*@ assert end: to == row_start((uint8_t *)y, p->omega, i + 1); */
    /*@ loop invariant 0 <= j <= 256;
        loop invariant \forall integer k; 0 <= k < j ==> hint->c[k] == 0;
        loop assigns j, hint->c[0 .. 255];
        loop variant 256 - j; */
    for (unsigned j = 0; j < 256; j++)
        hint->c[j] = 0;
    /*@ loop invariant from <= index <= to;
        loop invariant \forall integer k; 0 <= k < 256 ==> hint->c[k] == 0 || hint->c[k] == 1;
        loop invariant \forall integer t; from <= t < index ==> hint->c[y[t]] == 1;
        loop invariant \forall integer k; 0 <= k < 256 ==> hint->c[k] == 1 ==>
          \exists integer t; from <= t < index && y[t] == k;
        loop assigns index, hint->c[0 .. 255];
        loop variant to - index; */
    for (unsigned index = from; index < to; index++)
        hint->c[y[index]] = 1;
}
