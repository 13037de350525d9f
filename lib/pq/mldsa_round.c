/* SPDX-License-Identifier: BSD-2-Clause */
/* ML-DSA: high and low bits, hints, and the norm check (FIPS 204 section 7.4). */
#include "bytes.h"
#include "mldsa.h"

/* Divisions here are unsigned and by powers of two, which are shifts, or by a product with a
 * reciprocal: none takes a time that depends on its operands. */

/*@ requires 0 <= r < MLDSA_Q && \valid(r0);
    assigns *r0;
    ensures -4096 < *r0 <= 4096;
    ensures r == \result * 8192 + *r0; */
int32_t mldsa_power2round(int32_t r, int32_t *r0)
{
    /* Rounds half down, so that r0 lies in (-2^12, 2^12]. */
    int32_t r1 = (int32_t)((uint32_t)(r + (1 << (MLDSA_D - 1)) - 1) / (1u << MLDSA_D));
    *r0 = r - r1 * (1 << MLDSA_D);
    return r1;
}

/* floor(x / (2 gamma2)) by the reciprocal 2^44 / (2 gamma2) rounded up: its excess adds less than
 * 2^24 / 2^44 to a quotient whose fraction is at most 1 - 2^-19. */
/*@ requires gamma2 == (MLDSA_Q - 1) / 32 || gamma2 == (MLDSA_Q - 1) / 88;
    requires 0 <= x < 0x1000000;
    assigns \nothing;
    ensures \result == x / (2 * gamma2); */
PQ_INLINE int32_t divide_2gamma2(int32_t gamma2, int32_t x)
{
    const uint64_t one = (uint64_t)1 << 44;
    const uint64_t by_32 = one / (2 * ((MLDSA_Q - 1) / 32)) + 1;
    const uint64_t by_88 = one / (2 * ((MLDSA_Q - 1) / 88)) + 1;
    uint64_t reciprocal = gamma2 == (MLDSA_Q - 1) / 32 ? by_32 : by_88;
    return (int32_t)((uint64_t)x * reciprocal / one);
}

/*@ requires gamma2 == (MLDSA_Q - 1) / 32 || gamma2 == (MLDSA_Q - 1) / 88;
    requires 0 <= r < MLDSA_Q && \valid(r0);
    assigns *r0;
    ensures 0 <= \result < (MLDSA_Q - 1) / (2 * gamma2);
    ensures -gamma2 <= *r0 <= gamma2;
    ensures r == \result * 2 * gamma2 + *r0 ||
            (\result == 0 && r == MLDSA_Q + *r0 && r > MLDSA_Q - 1 - gamma2); */
int32_t mldsa_decompose(int32_t gamma2, int32_t r, int32_t *r0)
{
    int32_t top = gamma2 == (MLDSA_Q - 1) / 32 ? 16 : 44; /* (q - 1) / (2 gamma2) */
    /* Line 2: r0 = r mod+- 2 gamma2, so r1 = ceil((r - gamma2) / (2 gamma2)). */
    int32_t r1 = divide_2gamma2(gamma2, r + gamma2 - 1);
    int32_t low = r - r1 * 2 * gamma2;

    /* Lines 3 to 5: when r - r0 = q - 1, r1 becomes 0 and r0 one less. r1 is at most top, and top
     * at most 44, so the quotient is 1 in that case and 0 in all others. */
    int32_t at_top = (int32_t)((uint32_t)(r1 - top + 64) / 64u);
    *r0 = low - at_top;
    return r1 - at_top * top;
}

/*@ requires gamma2 == (MLDSA_Q - 1) / 32 || gamma2 == (MLDSA_Q - 1) / 88;
    requires 0 <= r < MLDSA_Q;
    assigns \nothing;
    ensures 0 <= \result < (MLDSA_Q - 1) / (2 * gamma2); */
int32_t mldsa_use_hint(int32_t gamma2, int32_t hint, int32_t r)
{
    int32_t m = gamma2 == (MLDSA_Q - 1) / 32 ? 16 : 44;
    int32_t r0;
    int32_t r1 = mldsa_decompose(gamma2, r, &r0);

    if (hint == 0)
        return r1;
    if (r0 > 0)
        return r1 + 1 == m ? 0 : r1 + 1;
    return r1 == 0 ? m - 1 : r1 - 1;
}

uint32_t mldsa_exceeds(const struct mldsa_poly *a, int32_t bound)
{
    int32_t any = 0;
    for (unsigned j = 0; j < 256; j++) {
        int32_t sign = a->c[j] >> 31;
        int32_t magnitude = (a->c[j] ^ sign) - sign;
        any |= (bound - 1 - magnitude) >> 31;
    }
    return bytes_opaque((uint32_t)any);
}
