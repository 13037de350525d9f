/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-DSA: bit packing (FIPS 204 section 7.1) and hints (section 7.2). */
#include "bytes.h"
#include "mldsa.h"

/* FIPS 204 algorithms 16 and 17, with the subtraction of the latter. */
PQ_INLINE void pack(uint8_t *out, const struct mldsa_poly *a, unsigned bits, int32_t sign,
                    int32_t top)
{
    uint64_t held = 0;
    unsigned count = 0;

    for (unsigned j = 0; j < 256; j++) {
        held |= (uint64_t)(uint32_t)(top + sign * a->c[j]) << count;
        for (count += bits; count >= 8; count -= 8) {
            *out++ = (uint8_t)held;
            held >>= 8;
        }
    }
}

void mldsa_pack(uint8_t *out, const struct mldsa_poly *a, unsigned bits)
{
    pack(out, a, bits, 1, 0);
}

void mldsa_pack_below(uint8_t *out, const struct mldsa_poly *a, unsigned bits, int32_t top)
{
    pack(out, a, bits, -1, top);
}

/* FIPS 204 algorithms 18 and 19. */
PQ_INLINE void unpack(struct mldsa_poly *a, const uint8_t *in, unsigned bits, int32_t sign,
                      int32_t top)
{
    uint64_t held = 0;
    unsigned count = 0;
    uint64_t mask = ((uint64_t)1 << bits) - 1;

    for (unsigned j = 0; j < 256; j++) {
        for (; count < bits; count += 8)
            held |= (uint64_t)*in++ << count;
        a->c[j] = top + sign * (int32_t)(held & mask);
        held >>= bits;
        count -= bits;
    }
}

void mldsa_unpack(struct mldsa_poly *a, const uint8_t *in, unsigned bits)
{
    unpack(a, in, bits, 1, 0);
}

void mldsa_unpack_below(struct mldsa_poly *a, const uint8_t *in, unsigned bits, int32_t top)
{
    unpack(a, in, bits, -1, top);
}

void mldsa_pack_hint(const struct mldsa_params *p, uint8_t *out, const struct mldsa_poly *hint)
{
    unsigned index = 0;

    bytes_zero(out, (size_t)p->omega + p->k);
    for (unsigned i = 0; i < p->k; i++) {
        for (unsigned j = 0; j < 256; j++) {
            if (hint[i].c[j] != 0 && index < p->omega)
                out[index++] = (uint8_t)j;
        }
        out[p->omega + i] = (uint8_t)index;
    }
}

int mldsa_check_hint(const struct mldsa_params *p, const uint8_t *y)
{
    unsigned index = 0;

    for (unsigned i = 0; i < p->k; i++) {
        unsigned end = y[p->omega + i];
        /* Line 4: row ends neither go back nor beyond omega. */
        if (end < index || end > p->omega)
            return PQ_ERROR_MISMATCH;
        /* Lines 8 to 10: positions rise strictly within a row. */
        for (unsigned first = index; index < end; index++) {
            if (index > first && y[index - 1] >= y[index])
                return PQ_ERROR_MISMATCH;
        }
    }
    /* Lines 16 to 18: what is left over is zero. */
    for (; index < p->omega; index++) {
        if (y[index] != 0)
            return PQ_ERROR_MISMATCH;
    }
    return PQ_OK;
}

void mldsa_unpack_hint(const struct mldsa_params *p, struct mldsa_poly *hint, const uint8_t *y,
                       unsigned i)
{
    unsigned from = i == 0 ? 0 : y[p->omega + i - 1];

    bytes_zero(hint->c, sizeof hint->c);
    for (unsigned index = from; index < y[p->omega + i]; index++)
        hint->c[y[index]] = 1;
}
