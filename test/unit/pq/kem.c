/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of key establishment and of ML-KEM's arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mlkem.h"
#include "pq.h"

#define Q MLKEM_Q

static const enum pq_algorithm all[] = {PQ_ML_KEM_512, PQ_ML_KEM_768, PQ_ML_KEM_1024};

struct keys {
    struct pq_kem_sizes sizes;
    uint8_t public_key[PQ_KEM_PUBLIC_MAX];
    uint8_t secret_key[PQ_KEM_SECRET_MAX];
    uint8_t ciphertext[PQ_KEM_CIPHERTEXT_MAX];
    uint8_t shared[PQ_KEM_SHARED_MAX];
};

static const uint8_t randomness[64] = {1, 2, 3};

static void make_keys(enum pq_algorithm algorithm, struct keys *keys)
{
    assert_int_equal(pq_kem_sizes(algorithm, &keys->sizes), 0);
    assert_int_equal(pq_kem_keygen(algorithm, (struct pq_bytes){randomness, 64}, keys->public_key,
                                   keys->secret_key),
                     0);
    assert_int_equal(
        pq_kem_encapsulate(algorithm, (struct pq_bytes){keys->public_key, keys->sizes.public_key},
                           (struct pq_bytes){randomness, 32}, keys->ciphertext, keys->shared),
        0);
}

static int decapsulate(enum pq_algorithm algorithm, const struct keys *keys, uint8_t *shared)
{
    return pq_kem_decapsulate(algorithm,
                              (struct pq_bytes){keys->secret_key, keys->sizes.secret_key},
                              (struct pq_bytes){keys->ciphertext, keys->sizes.ciphertext}, shared);
}

/* Both sides agree; any altered bit of the ciphertext gives the same other secret each time. */
static void test_agreement_and_rejection(void **state)
{
    static struct keys keys;
    uint8_t shared[32];
    uint8_t again[32];

    (void)state;
    for (unsigned a = 0; a < 3; a++) {
        make_keys(all[a], &keys);
        assert_int_equal(decapsulate(all[a], &keys, shared), 0);
        assert_memory_equal(shared, keys.shared, 32);
        for (size_t at = 0; at < keys.sizes.ciphertext; at += 31) {
            keys.ciphertext[at] ^= (uint8_t)(1u << at % 8);
            assert_int_equal(decapsulate(all[a], &keys, shared), 0);
            assert_int_equal(decapsulate(all[a], &keys, again), 0);
            assert_memory_not_equal(shared, keys.shared, 32);
            assert_memory_equal(shared, again, 32);
            keys.ciphertext[at] ^= (uint8_t)(1u << at % 8);
        }
    }
}

static void test_refusals(void **state)
{
    static struct keys keys;
    uint8_t shared[32];
    struct pq_bytes public_key;

    (void)state;
    for (unsigned a = 0; a < 3; a++) {
        make_keys(all[a], &keys);
        public_key = (struct pq_bytes){keys.public_key, keys.sizes.public_key - 1};
        assert_int_equal(pq_kem_encapsulate(all[a], public_key, (struct pq_bytes){randomness, 32},
                                            keys.ciphertext, shared),
                         PQ_ERROR_LENGTH);
        public_key.size++;
        assert_int_equal(pq_kem_encapsulate(all[a], public_key, (struct pq_bytes){randomness, 31},
                                            keys.ciphertext, shared),
                         PQ_ERROR_LENGTH);
        /* A coefficient of q (3329 = 0xd01), the least that section 7.2 refuses. */
        keys.public_key[0] = 0x01;
        keys.public_key[1] = (uint8_t)((keys.public_key[1] & 0xf0) | 0x0d);
        assert_int_equal(pq_kem_encapsulate(all[a], public_key, (struct pq_bytes){randomness, 32},
                                            keys.ciphertext, shared),
                         PQ_ERROR_KEY);
        /* The hash check of section 7.3. */
        keys.secret_key[keys.sizes.secret_key - 40] ^= 1;
        assert_int_equal(decapsulate(all[a], &keys, shared), PQ_ERROR_KEY);
        keys.sizes.ciphertext--;
        assert_int_equal(decapsulate(all[a], &keys, shared), PQ_ERROR_LENGTH);
        assert_int_equal(pq_kem_keygen(all[a], (struct pq_bytes){randomness, 63}, keys.public_key,
                                       keys.secret_key),
                         PQ_ERROR_LENGTH);
    }
    assert_int_equal(pq_kem_sizes(PQ_ML_DSA_44, &keys.sizes), PQ_ERROR_ALGORITHM);
}

/* FIPS 203 equations 4.7 and 4.8 for every value: round half up of the exact quotient. */
static void test_compression(void **state)
{
    struct mlkem_poly a;

    (void)state;
    for (unsigned bits = 1; bits <= 11; bits++) {
        for (int first = 0; first < Q; first += 256) {
            for (int i = 0; i < 256; i++)
                a.c[i] = (int16_t)((first + i) % Q);
            mlkem_compress(&a, bits);
            for (int i = 0; i < 256; i++) {
                int64_t x = (first + i) % Q;
                assert_int_equal(a.c[i], (2 * (x << bits) + Q) / (2 * Q) % (1 << bits));
            }
        }
        for (int first = 0; first < 1 << bits; first += 256) {
            for (int i = 0; i < 256; i++)
                a.c[i] = (int16_t)((first + i) % (1 << bits));
            mlkem_decompress(&a, bits);
            for (int i = 0; i < 256; i++) {
                int y = (first + i) % (1 << bits);
                assert_int_equal(a.c[i], (2 * y * Q + (1 << bits)) / (2 << bits));
            }
        }
    }
}

/* FIPS 203 algorithm 5: bit b of coefficient i is bit number i bits + b of the string; and back. */
static void test_encoding(void **state)
{
    static const unsigned widths[] = {1, 4, 5, 10, 11, 12};
    struct mlkem_poly a;
    struct mlkem_poly b;
    uint8_t encoded[32 * 12];
    uint32_t random = 7;

    (void)state;
    for (unsigned w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        unsigned bits = widths[w];
        for (unsigned i = 0; i < 256; i++) {
            random = random * 1664525u + 1013904223u;
            a.c[i] = (int16_t)(random >> 16 & ((1u << bits) - 1));
        }
        mlkem_encode(encoded, &a, bits);
        for (unsigned i = 0; i < 256 * bits; i++)
            assert_int_equal(encoded[i / 8] >> i % 8 & 1, a.c[i / bits] >> i % bits & 1);
        mlkem_decode(&b, encoded, bits);
        assert_memory_equal(a.c, b.c, sizeof a.c);
    }
}

/* FIPS 203 algorithm 8, bit by bit. */
static void test_binomial(void **state)
{
    struct mlkem_poly a;
    uint8_t input[33] = {5};
    uint8_t bytes[64 * 3];

    (void)state;
    for (unsigned eta = 2; eta <= 3; eta++) {
        for (unsigned nonce = 0; nonce < 32; nonce++) {
            input[32] = (uint8_t)nonce;
            assert_int_equal(
                pq_hash(PQ_SHAKE256, (struct pq_bytes){input, sizeof input}, bytes, 64u * eta), 0);
            mlkem_sample_cbd(&a, input, nonce, eta);
            for (unsigned i = 0; i < 256; i++) {
                int expected = 0;
                for (unsigned bit = 0; bit < 2 * eta; bit++) {
                    unsigned at = 2 * eta * i + bit;
                    expected += (bit < eta ? 1 : -1) * (bytes[at / 8] >> at % 8 & 1);
                }
                assert_int_equal(a.c[i], expected);
            }
        }
    }
}

static int modulo(int64_t a)
{
    return (int)(((a % Q) + Q) % Q);
}

/* The product through the transform is the product in Z_q[X] / (X^256 + 1), at the bounds too. */
static void test_ntt_product(void **state)
{
    static struct mlkem_poly a;
    static struct mlkem_poly b;
    struct mlkem_sum sum;
    int64_t expected[256];
    uint32_t random = 7;

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 256; i++) {
            random = random * 1664525u + 1013904223u;
            a.c[i] = (int16_t)(round == 0 ? Q - 1 : round == 1 ? 1 - Q : (int)(random >> 8) % Q);
            b.c[i] = (int16_t)(round < 2 ? Q - 1 : (int)(random >> 16) % Q);
        }
        memset(expected, 0, sizeof expected);
        for (unsigned i = 0; i < 256; i++) {
            for (unsigned j = 0; j < 256; j++) {
                if (i + j < 256)
                    expected[i + j] += a.c[i] * b.c[j];
                else
                    expected[i + j - 256] -= a.c[i] * b.c[j];
            }
        }
        mlkem_ntt(&a);
        mlkem_ntt(&b);
        mlkem_sum_clear(&sum);
        for (unsigned i = 0; i < MLKEM_K_MAX; i++)
            mlkem_sum_add(&sum, &a, &b);
        mlkem_sum_reduce(&a, &sum);
        mlkem_ntt_inverse(&a);
        mlkem_canonical(&a);
        for (unsigned i = 0; i < 256; i++)
            assert_int_equal(a.c[i], modulo(MLKEM_K_MAX * expected[i]));
    }
}

static void test_reduction(void **state)
{
    struct mlkem_poly a;
    struct mlkem_poly b;

    (void)state;
    for (int first = INT16_MIN; first <= INT16_MAX; first += 256) {
        for (int i = 0; i < 256; i++)
            a.c[i] = (int16_t)(first + i);
        b = a;
        mlkem_reduce(&a);
        mlkem_canonical(&b);
        for (int i = 0; i < 256; i++) {
            assert_int_equal(modulo(a.c[i]), modulo(first + i));
            assert_true(a.c[i] >= -(Q + 1) / 2 && a.c[i] <= (Q + 1) / 2);
            assert_int_equal(b.c[i], modulo(first + i));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agreement_and_rejection),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_compression),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_binomial),
        cmocka_unit_test(test_ntt_product),
        cmocka_unit_test(test_reduction),
    };
    return cmocka_run_group_tests_name("pq-kem", tests, NULL, NULL);
}
