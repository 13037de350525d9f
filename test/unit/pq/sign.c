/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of signatures: round trips, every part altered, refusals of wrong sizes and modes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pq.h"

struct keys {
    struct pq_sign_sizes sizes;
    uint8_t public_key[PQ_SIGN_PUBLIC_MAX];
    uint8_t secret_key[PQ_SIGN_SECRET_MAX];
    uint8_t signature[PQ_SIGNATURE_MAX];
};

/* Sets whose key generation is fast enough under the sanitizers; the others have vectors. */
static const enum pq_algorithm fast[] = {PQ_ML_DSA_44,         PQ_ML_DSA_65,
                                         PQ_ML_DSA_87,         PQ_SLH_DSA_SHA2_128F,
                                         PQ_SLH_DSA_SHA2_256F, PQ_SLH_DSA_SHAKE_192F};

static void make_keys(enum pq_algorithm algorithm, struct keys *keys)
{
    uint8_t seed[PQ_SIGN_SEED_MAX];

    memset(seed, 0x42, sizeof seed);
    assert_int_equal(pq_sign_sizes(algorithm, &keys->sizes), 0);
    assert_int_equal(pq_sign_keygen(algorithm, (struct pq_bytes){seed, keys->sizes.seed},
                                    keys->public_key, keys->secret_key),
                     0);
}

static struct pq_message pure(const char *context, const char *body)
{
    return (struct pq_message){
        .mode = PQ_MESSAGE_PURE,
        .context = {(const uint8_t *)context, strlen(context)},
        .body = {(const uint8_t *)body, strlen(body)},
    };
}

static int sign(enum pq_algorithm algorithm, struct keys *keys, const struct pq_message *message)
{
    return pq_sign(algorithm, (struct pq_bytes){keys->secret_key, keys->sizes.secret_key}, message,
                   (struct pq_bytes){NULL, 0}, keys->signature, keys->sizes.signature);
}

static int verify(enum pq_algorithm algorithm, const struct keys *keys,
                  const struct pq_message *message)
{
    return pq_verify(algorithm, (struct pq_bytes){keys->public_key, keys->sizes.public_key},
                     message, (struct pq_bytes){keys->signature, keys->sizes.signature});
}

static void test_round_trip_and_tampering(void **state)
{
    static struct keys keys;

    (void)state;
    for (size_t a = 0; a < sizeof fast / sizeof fast[0]; a++) {
        struct pq_message message = pure("context", "message");
        struct pq_message other_body = pure("context", "messagf");
        struct pq_message other_context = pure("contexu", "message");
        struct pq_message shifted = pure("contextm", "essage");

        make_keys(fast[a], &keys);
        assert_int_equal(sign(fast[a], &keys, &message), 0);
        assert_int_equal(verify(fast[a], &keys, &message), 0);
        assert_int_equal(verify(fast[a], &keys, &other_body), PQ_ERROR_MISMATCH);
        assert_int_equal(verify(fast[a], &keys, &other_context), PQ_ERROR_MISMATCH);
        assert_int_equal(verify(fast[a], &keys, &shifted), PQ_ERROR_MISMATCH);

        /* A bit in each of 97 places of the signature, and of the public key. */
        for (size_t i = 0; i < 97; i++) {
            size_t at = i * (keys.sizes.signature - 1) / 96;
            keys.signature[at] ^= (uint8_t)(1u << i % 8);
            assert_int_equal(verify(fast[a], &keys, &message), PQ_ERROR_MISMATCH);
            keys.signature[at] ^= (uint8_t)(1u << i % 8);
        }
        for (size_t i = 0; i < 31; i++) {
            size_t at = i * (keys.sizes.public_key - 1) / 30;
            keys.public_key[at] ^= (uint8_t)(1u << i % 8);
            assert_int_equal(verify(fast[a], &keys, &message), PQ_ERROR_MISMATCH);
            keys.public_key[at] ^= (uint8_t)(1u << i % 8);
        }
        assert_int_equal(verify(fast[a], &keys, &message), 0);
    }
}

/* Deterministic signatures repeat, hedged ones with other randomness differ and verify. */
static void test_hedging(void **state)
{
    static struct keys keys;
    static uint8_t first[PQ_SIGNATURE_MAX];
    struct pq_message message = pure("", "message");
    uint8_t random[PQ_SIGN_RANDOM_MAX];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        enum pq_algorithm algorithm = i ? PQ_SLH_DSA_SHA2_128F : PQ_ML_DSA_44;
        make_keys(algorithm, &keys);
        assert_int_equal(sign(algorithm, &keys, &message), 0);
        memcpy(first, keys.signature, keys.sizes.signature);
        assert_int_equal(sign(algorithm, &keys, &message), 0);
        assert_memory_equal(first, keys.signature, keys.sizes.signature);
        memset(random, 0x17, sizeof random);
        assert_int_equal(pq_sign(algorithm,
                                 (struct pq_bytes){keys.secret_key, keys.sizes.secret_key},
                                 &message, (struct pq_bytes){random, keys.sizes.random},
                                 keys.signature, keys.sizes.signature),
                         0);
        assert_memory_not_equal(first, keys.signature, keys.sizes.signature);
        assert_int_equal(verify(algorithm, &keys, &message), 0);
    }
}

static void test_prehash_is_another_domain(void **state)
{
    static struct keys keys;
    uint8_t digest[64];
    struct pq_message message = {.mode = PQ_MESSAGE_PREHASHED, .hash = PQ_SHA2_512};
    struct pq_message as_pure = {.mode = PQ_MESSAGE_PURE};

    (void)state;
    memset(digest, 9, sizeof digest);
    message.body = (struct pq_bytes){digest, sizeof digest};
    as_pure.body = message.body;
    make_keys(PQ_ML_DSA_87, &keys);
    assert_int_equal(sign(PQ_ML_DSA_87, &keys, &message), 0);
    assert_int_equal(verify(PQ_ML_DSA_87, &keys, &message), 0);
    assert_int_equal(verify(PQ_ML_DSA_87, &keys, &as_pure), PQ_ERROR_MISMATCH);
    message.hash = PQ_SHA3_512; /* another OID, same digest */
    assert_int_equal(verify(PQ_ML_DSA_87, &keys, &message), PQ_ERROR_MISMATCH);
    message.hash = PQ_SHA2_256; /* a digest of the wrong size */
    assert_int_equal(verify(PQ_ML_DSA_87, &keys, &message), PQ_ERROR_LENGTH);
    message.hash = PQ_ML_DSA_87;
    assert_int_equal(verify(PQ_ML_DSA_87, &keys, &message), PQ_ERROR_ALGORITHM);
}

static void test_refusals(void **state)
{
    static struct keys keys;
    static uint8_t long_context[256];
    struct pq_message message = pure("", "m");
    struct pq_bytes secret;
    struct pq_bytes none = {NULL, 0};

    (void)state;
    make_keys(PQ_ML_DSA_65, &keys);
    secret = (struct pq_bytes){keys.secret_key, keys.sizes.secret_key};
    assert_int_equal(pq_sign_sizes(PQ_SHA2_256, &keys.sizes), PQ_ERROR_ALGORITHM);
    assert_int_equal(pq_sign_keygen(PQ_ML_DSA_65, none, keys.public_key, keys.secret_key),
                     PQ_ERROR_LENGTH);
    assert_int_equal(
        pq_sign(PQ_ML_DSA_65, secret, &message, none, keys.signature, keys.sizes.signature - 1),
        PQ_ERROR_LENGTH);
    assert_int_equal(pq_sign(PQ_ML_DSA_65, secret, &message, (struct pq_bytes){long_context, 31},
                             keys.signature, keys.sizes.signature),
                     PQ_ERROR_LENGTH);
    secret.size--;
    assert_int_equal(
        pq_sign(PQ_ML_DSA_65, secret, &message, none, keys.signature, keys.sizes.signature),
        PQ_ERROR_LENGTH);

    message.context = (struct pq_bytes){long_context, 256};
    assert_int_equal(sign(PQ_ML_DSA_65, &keys, &message), PQ_ERROR_CONTEXT);
    message.context.size = 255;
    assert_int_equal(sign(PQ_ML_DSA_65, &keys, &message), 0);
    assert_int_equal(verify(PQ_ML_DSA_65, &keys, &message), 0);
    keys.sizes.signature--;
    assert_int_equal(verify(PQ_ML_DSA_65, &keys, &message), PQ_ERROR_LENGTH);
    keys.sizes.signature++;
    keys.sizes.public_key--;
    assert_int_equal(verify(PQ_ML_DSA_65, &keys, &message), PQ_ERROR_LENGTH);
    keys.sizes.public_key++;

    message.mode = (enum pq_message_mode)9;
    assert_int_equal(verify(PQ_ML_DSA_65, &keys, &message), PQ_ERROR_ALGORITHM);
    message.mode = PQ_MESSAGE_MU;
    assert_int_equal(verify(PQ_ML_DSA_65, &keys, &message), PQ_ERROR_LENGTH);

    /* s1 with a coefficient of 7 in place of at most 4 (FIPS 204 algorithm 25). */
    message = pure("", "m");
    keys.secret_key[128] = 0xbb;
    assert_int_equal(sign(PQ_ML_DSA_65, &keys, &message), PQ_ERROR_KEY);

    make_keys(PQ_SLH_DSA_SHA2_128F, &keys);
    message.mode = PQ_MESSAGE_MU;
    message.body = (struct pq_bytes){long_context, 64};
    assert_int_equal(sign(PQ_SLH_DSA_SHA2_128F, &keys, &message), PQ_ERROR_ALGORITHM);
    assert_int_equal(verify(PQ_SLH_DSA_SHA2_128F, &keys, &message), PQ_ERROR_ALGORITHM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip_and_tampering),
        cmocka_unit_test(test_hedging),
        cmocka_unit_test(test_prehash_is_another_domain),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("pq-sign", tests, NULL, NULL);
}
