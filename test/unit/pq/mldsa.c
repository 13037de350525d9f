/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of ML-DSA's arithmetic against the definitions, for every value where that is
 * feasible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mldsa.h"

#define Q MLDSA_Q

static int64_t modulo(int64_t a)
{
    int64_t r = a % Q;
    return r < 0 ? r + Q : r;
}

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

/* FIPS 204 algorithm 35, for all r. */
static void test_power2round(void **state)
{
    (void)state;
    for (int32_t r = 0; r < Q; r++) {
        int32_t r0;
        int32_t r1 = mldsa_power2round(r, &r0);
        if (r1 * 8192 + r0 != r || r0 <= -4096 || r0 > 4096)
            fail_msg("power2round of %d", r);
    }
}

/* FIPS 204 algorithms 36 and 40, as they are written, for all r and both values of gamma2. */
static void test_decompose_and_hint(void **state)
{
    static const int32_t gamma2s[] = {(Q - 1) / 88, (Q - 1) / 32};

    (void)state;
    for (unsigned g = 0; g < 2; g++) {
        int32_t gamma2 = gamma2s[g];
        int32_t m = (Q - 1) / (2 * gamma2);
        for (int32_t r = 0; r < Q; r++) {
            int32_t r0 = r % (2 * gamma2);
            int32_t r1;
            int32_t got0;
            int32_t up;

            if (r0 > gamma2)
                r0 -= 2 * gamma2;
            if (r - r0 == Q - 1) {
                r1 = 0;
                r0 -= 1;
            } else {
                r1 = (r - r0) / (2 * gamma2);
            }
            up = r0 > 0 ? (r1 + 1) % m : (r1 - 1 + m) % m;
            if (mldsa_decompose(gamma2, r, &got0) != r1 || got0 != r0)
                fail_msg("decompose of %d", r);
            if (mldsa_use_hint(gamma2, 0, r) != r1 || mldsa_use_hint(gamma2, 1, r) != up)
                fail_msg("use_hint of %d", r);
        }
    }
}

/* The product through the transform is the product in Z_q[X] / (X^256 + 1). */
static void test_ntt_product(void **state)
{
    struct mldsa_poly a;
    struct mldsa_poly b;
    int64_t expected[256];

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 256; i++) {
            /* Extremes first, then random values. */
            a.c[i] = round == 0 ? Q - 1 : round == 1 ? 1 - Q : (int32_t)(next_random() % Q);
            b.c[i] = round < 2 ? Q - 1 : (int32_t)(next_random() % Q) - Q / 2;
        }
        memset(expected, 0, sizeof expected);
        for (unsigned i = 0; i < 256; i++) {
            for (unsigned j = 0; j < 256; j++) {
                int64_t product = modulo((int64_t)a.c[i] * b.c[j]);
                if (i + j < 256)
                    expected[i + j] += product;
                else
                    expected[i + j - 256] -= product;
            }
        }
        mldsa_ntt(&a);
        mldsa_ntt(&b);
        for (unsigned i = 0; i < 256; i++) {
            assert_in_range((uint64_t)(a.c[i] + 9 * (int64_t)Q), 1, 18 * (uint64_t)Q - 1);
            assert_in_range((uint64_t)(b.c[i] + 9 * (int64_t)Q), 1, 18 * (uint64_t)Q - 1);
        }
        mldsa_multiply(&a, &a, &b);
        mldsa_ntt_inverse(&a);
        mldsa_canonical(&a);
        for (unsigned i = 0; i < 256; i++)
            assert_int_equal(a.c[i], modulo(expected[i]));
    }
}

/* The bounds that sums state: eight products of q by 9q and one of 9q by 9q. */
static void test_sum_bounds(void **state)
{
    struct mldsa_sum sum;
    struct mldsa_poly small;
    struct mldsa_poly large;
    struct mldsa_poly out;

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        small.c[i] = Q - 1;
        large.c[i] = 9 * Q - 1;
    }
    mldsa_sum_clear(&sum);
    for (unsigned i = 0; i < 8; i++)
        mldsa_sum_add(&sum, &small, &large);
    mldsa_sum_add(&sum, &large, &large);
    mldsa_sum_reduce(&out, &sum);
    for (unsigned i = 0; i < 256; i++) {
        assert_true(out.c[i] > -Q && out.c[i] < Q);
        assert_int_equal(modulo((int64_t)out.c[i] * ((int64_t)1 << 32)), modulo(sum.c[i]));
    }
}

static void test_center_and_norm(void **state)
{
    static const int32_t extremes[] = {0,  1,      -1,    (Q - 1) / 2, (Q + 1) / 2, -(Q - 1) / 2,
                                       Q,  -Q,     Q - 1, 2 * Q,       1 << 22,     -(1 << 22),
                                       -5, 123456, 9 * Q, -9 * Q,      200 * Q + 7, -200 * Q - 7};
    struct mldsa_poly a;
    struct mldsa_poly b;

    (void)state;
    memset(&a, 0, sizeof a);
    for (unsigned i = 0; i < sizeof extremes / sizeof extremes[0]; i++)
        a.c[i] = extremes[i];
    b = a;
    mldsa_center(&a);
    mldsa_canonical(&b);
    for (unsigned i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        assert_true(a.c[i] >= -(Q - 1) / 2 && a.c[i] <= (Q - 1) / 2);
        assert_int_equal(modulo(a.c[i]), modulo(extremes[i]));
        assert_int_equal(b.c[i], modulo(extremes[i]));
    }
    memset(&a, 0, sizeof a);
    a.c[255] = -100;
    assert_int_equal(mldsa_exceeds(&a, 101), 0);
    assert_int_equal(mldsa_exceeds(&a, 100), 0xffffffff);
    a.c[255] = 100;
    assert_int_equal(mldsa_exceeds(&a, 101), 0);
    assert_int_equal(mldsa_exceeds(&a, 100), 0xffffffff);
}

static void test_packing(void **state)
{
    static const unsigned widths[] = {3, 4, 6, 10, 13, 18, 20};
    struct mldsa_poly a;
    struct mldsa_poly b;
    uint8_t packed[32 * 20];

    (void)state;
    for (unsigned w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        unsigned bits = widths[w];
        for (unsigned i = 0; i < 256; i++)
            a.c[i] = (int32_t)(next_random() & ((1u << bits) - 1));
        mldsa_pack(packed, &a, bits);
        /* FIPS 204 algorithm 16: bit b of coefficient i is bit number i bits + b of the string. */
        for (unsigned i = 0; i < 256 * bits; i++)
            assert_int_equal(packed[i / 8] >> i % 8 & 1, a.c[i / bits] >> i % bits & 1);
        mldsa_unpack(&b, packed, bits);
        assert_memory_equal(a.c, b.c, sizeof a.c);
        mldsa_unpack_below(&b, packed, bits, 1 << (bits - 1));
        for (unsigned i = 0; i < 256; i++)
            assert_int_equal(b.c[i], (1 << (bits - 1)) - a.c[i]);
        memset(packed, 0, sizeof packed);
        mldsa_pack_below(packed, &b, bits, 1 << (bits - 1));
        mldsa_unpack(&b, packed, bits);
        assert_memory_equal(a.c, b.c, sizeof a.c);
    }
}

/* FIPS 204 algorithm 21 refuses each thing that algorithm 20 does not write. */
static void test_hint_encoding(void **state)
{
    const struct mldsa_params *p = mldsa_find(PQ_ML_DSA_87);
    static struct mldsa_poly hint[MLDSA_K_MAX];
    struct mldsa_poly row;
    uint8_t good[75 + 8];
    uint8_t bad[75 + 8];

    (void)state;
    hint[0].c[0] = hint[0].c[255] = hint[2].c[7] = hint[7].c[3] = hint[7].c[4] = 1;
    mldsa_pack_hint(p, good, hint);
    assert_int_equal(mldsa_check_hint(p, good), 0);
    for (unsigned i = 0; i < p->k; i++) {
        mldsa_unpack_hint(p, &row, good, i);
        assert_memory_equal(row.c, hint[i].c, sizeof row.c);
    }
    memcpy(bad, good, sizeof bad);
    bad[0] = 255; /* equal positions */
    assert_int_equal(mldsa_check_hint(p, bad), PQ_ERROR_MISMATCH);
    memcpy(bad, good, sizeof bad);
    bad[3] = 9; /* falling positions */
    assert_int_equal(mldsa_check_hint(p, bad), PQ_ERROR_MISMATCH);
    memcpy(bad, good, sizeof bad);
    bad[5] = 1; /* something after the last row */
    assert_int_equal(mldsa_check_hint(p, bad), PQ_ERROR_MISMATCH);
    memcpy(bad, good, sizeof bad);
    bad[75 + 7] = 76; /* more than omega */
    assert_int_equal(mldsa_check_hint(p, bad), PQ_ERROR_MISMATCH);
    memcpy(bad, good, sizeof bad);
    bad[75 + 1] = 1; /* row ends going back */
    assert_int_equal(mldsa_check_hint(p, bad), PQ_ERROR_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power2round),     cmocka_unit_test(test_decompose_and_hint),
        cmocka_unit_test(test_ntt_product),     cmocka_unit_test(test_sum_bounds),
        cmocka_unit_test(test_center_and_norm), cmocka_unit_test(test_packing),
        cmocka_unit_test(test_hint_encoding),
    };
    return cmocka_run_group_tests_name("pq-mldsa", tests, NULL, NULL);
}
