/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of hashes, HMAC and HKDF: published answers, splits of the input, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pq.h"

/* What a test may use of the processor, by its initial state. */
static unsigned portable = 0;
static unsigned extensions = PQ_PROCESSOR_SHA;

#define WITH(which, test)                           \
    {                                               \
#test ", " #which, test, NULL, NULL, &which \
    }

static void choose(void **state)
{
    unsigned wanted = *(unsigned *)*state;

    pq_processor_limit(wanted);
    if (pq_processor() != wanted) {
        print_message("# this processor has no SHA extensions\n");
        skip();
    }
}

static struct pq_bytes text(const char *s)
{
    return (struct pq_bytes){(const uint8_t *)s, strlen(s)};
}

static void assert_hex(const uint8_t *data, size_t size, const char *hex)
{
    char out[2 * 512 + 1];

    assert_true(size <= 512);
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", data[i]);
    assert_string_equal(out, hex);
}

struct answer {
    enum pq_algorithm algorithm;
    const char *data;
    const char *digest;
};

/* The "abc" examples of NIST's "Cryptographic Standards and Guidelines: examples with values". */
static const struct answer answers[] = {
    {PQ_SHA2_224, "abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
    {PQ_SHA2_256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {PQ_SHA2_384, "abc",
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c82"
     "5"
     "a7"},
    {PQ_SHA2_512, "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3fee"
     "b"
     "bd454d4423643ce80e2a9ac94fa54ca49f"},
    {PQ_SHA2_512_224, "abc", "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"},
    {PQ_SHA2_512_256, "abc", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"},
    {PQ_SHA3_224, "abc", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"},
    {PQ_SHA3_256, "abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
    {PQ_SHA3_384, "abc",
     "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376"
     "d"
     "25"},
    {PQ_SHA3_512, "abc",
     "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e39"
     "3"
     "4057340b4cf408d5a56592f8274eec53f0"},
    {PQ_SHAKE128, "", "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26"},
    {PQ_SHAKE256, "",
     "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762fd75dc4ddd8c0f200cb05019d67b59"
     "2"
     "f6fc821c49479ab48640292eacb3b7c4be"},
    {PQ_SHA2_256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {PQ_SHA2_512, "",
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877ee"
     "c"
     "2f63b931bd47417a81a538327af927da3e"},
};

static void test_published_answers(void **state)
{
    uint8_t digest[PQ_DIGEST_MAX];

    choose(state);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        size_t size = pq_hash_size(answers[i].algorithm);
        assert_int_equal(pq_hash(answers[i].algorithm, text(answers[i].data), digest, size), 0);
        assert_hex(digest, size, answers[i].digest);
    }
}

/* Any way of cutting the input gives the same digest, around every block boundary. */
static void test_incremental(void **state)
{
    static const enum pq_algorithm all[] = {PQ_SHA2_224, PQ_SHA2_256, PQ_SHA2_512, PQ_SHA3_256,
                                            PQ_SHA3_512, PQ_SHAKE128, PQ_SHAKE256};
    uint8_t data[400];
    uint8_t whole[PQ_DIGEST_MAX];
    uint8_t split[PQ_DIGEST_MAX];

    choose(state);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + 1);
    for (size_t a = 0; a < sizeof all / sizeof all[0]; a++) {
        size_t size = pq_hash_size(all[a]);
        for (size_t length = 0; length <= sizeof data; length += 13) {
            pq_hash(all[a], (struct pq_bytes){data, length}, whole, size);
            for (size_t step = 1; step <= 171; step += 17) {
                struct pq_hash hash;
                pq_hash_init(&hash, all[a]);
                for (size_t at = 0; at < length; at += step)
                    pq_hash_update(&hash, data + at, length - at < step ? length - at : step);
                assert_int_equal(pq_hash_final(&hash, split, size), 0);
                assert_memory_equal(split, whole, size);
            }
        }
    }
}

static void test_final_wipes_and_refuses(void **state)
{
    struct pq_hash hash;
    uint8_t digest[PQ_DIGEST_MAX + 1] = {0};
    const uint8_t *raw = (const uint8_t *)&hash;

    (void)state;
    assert_int_equal(pq_hash_init(&hash, (enum pq_algorithm)0), PQ_ERROR_ALGORITHM);
    assert_int_equal(pq_hash_init(&hash, PQ_ML_DSA_87), PQ_ERROR_ALGORITHM);
    assert_int_equal(pq_hash_size(PQ_ML_DSA_87), 0);
    assert_int_equal(pq_hash_init(&hash, PQ_SHA2_512), 0);
    pq_hash_update(&hash, "secret", 6);
    assert_int_equal(pq_hash_final(&hash, digest, 65), PQ_ERROR_LENGTH);
    for (size_t i = 0; i < sizeof hash; i++)
        assert_int_equal(raw[i], 0);
    assert_int_equal(digest[0], 0);
}

/* RFC 4231, test cases 1 and 6 (a key longer than a block). */
static void test_hmac(void **state)
{
    uint8_t key[131];
    uint8_t tag[PQ_DIGEST_MAX];

    choose(state);
    memset(key, 0x0b, 20);
    assert_int_equal(pq_hmac(PQ_SHA2_256, (struct pq_bytes){key, 20}, text("Hi There"), tag, 32),
                     0);
    assert_hex(tag, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    memset(key, 0xaa, sizeof key);
    assert_int_equal(pq_hmac(PQ_SHA2_512, (struct pq_bytes){key, sizeof key},
                             text("Test Using Larger Than Block-Size Key - Hash Key First"), tag,
                             64),
                     0);
    assert_hex(
        tag, 64,
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd22"
        "15d6a1e5295e64f73f63f0aec8b915a985d786598");
    assert_int_equal(pq_hmac(PQ_SHAKE256, text("k"), text("d"), tag, 32), PQ_ERROR_ALGORITHM);
    assert_int_equal(pq_hmac(PQ_SHA2_256, text("k"), text("d"), tag, 33), PQ_ERROR_LENGTH);
}

/* RFC 5869, test case 1. */
static void test_hkdf(void **state)
{
    uint8_t ikm[22];
    uint8_t salt[13];
    uint8_t info[10];
    uint8_t okm[42];

    choose(state);
    memset(ikm, 0x0b, sizeof ikm);
    for (unsigned i = 0; i < sizeof salt; i++)
        salt[i] = (uint8_t)i;
    for (unsigned i = 0; i < sizeof info; i++)
        info[i] = (uint8_t)(0xf0 + i);
    assert_int_equal(pq_hkdf(PQ_SHA2_256, (struct pq_bytes){salt, sizeof salt},
                             (struct pq_bytes){ikm, sizeof ikm},
                             (struct pq_bytes){info, sizeof info}, okm, sizeof okm),
                     0);
    assert_hex(
        okm, sizeof okm,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    assert_int_equal(pq_hkdf_expand(PQ_SHA2_256, text("prk"), text(""), okm, 255 * 32 + 1),
                     PQ_ERROR_LENGTH);
}

static void test_equal(void **state)
{
    uint8_t a[64];
    uint8_t b[64];

    (void)state;
    memset(a, 0x5a, sizeof a);
    memcpy(b, a, sizeof b);
    assert_int_equal(pq_equal(a, b, sizeof a), 1);
    assert_int_equal(pq_equal(a, b, 0), 1);
    for (unsigned bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(pq_equal(a, b, sizeof a), 0);
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(portable, test_published_answers),
        WITH(extensions, test_published_answers),
        WITH(portable, test_incremental),
        WITH(extensions, test_incremental),
        cmocka_unit_test(test_final_wipes_and_refuses),
        WITH(portable, test_hmac),
        WITH(extensions, test_hmac),
        WITH(portable, test_hkdf),
        WITH(extensions, test_hkdf),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests_name("pq-hash", tests, NULL, NULL);
}
