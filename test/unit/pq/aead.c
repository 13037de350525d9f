/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of authenticated encryption, AES and the random bit generator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aes.h"
#include "pq.h"

/* Product in FIPS 197's field, section 4.2. */
static unsigned multiply(unsigned a, unsigned b)
{
    unsigned product = 0;
    for (; b != 0; b >>= 1) {
        if (b & 1)
            product ^= a;
        a = a << 1 ^ (a & 0x80 ? 0x11b : 0);
    }
    return product;
}

/* FIPS 197 section 5.1.1 by its definition, for every byte and every lane. */
static void test_substitution(void **state)
{
    uint8_t batch[AES_BATCH];
    struct aes_planes planes;

    (void)state;
    for (unsigned first = 0; first < 256; first += 31) {
        for (unsigned i = 0; i < AES_BATCH; i++)
            batch[i] = (uint8_t)(first + i);
        aes_to_planes(&planes, batch);
        aes_substitute(&planes);
        aes_from_planes(batch, &planes);
        for (unsigned i = 0; i < AES_BATCH; i++) {
            unsigned x = (first + i) & 0xff;
            unsigned inverse = 0;
            unsigned expected = 0x63;

            for (unsigned y = 1; y < 256 && x != 0; y++) {
                if (multiply(x, y) == 1)
                    inverse = y;
            }
            for (unsigned shift = 0; shift < 5; shift++)
                expected ^= (inverse << shift | inverse >> (8 - shift)) & 0xff;
            assert_int_equal(batch[i], expected);
        }
    }
}

/* FIPS 197 appendix C.3. */
static void test_aes_example(void **state)
{
    static const uint8_t expected[16] = {0x8e, 0xa2, 0xb7, 0xca, 0x51, 0x67, 0x45, 0xbf,
                                         0xea, 0xfc, 0x49, 0x90, 0x4b, 0x49, 0x60, 0x89};
    struct aes256 aes;
    uint8_t key[32];
    uint8_t batch[AES_BATCH];

    (void)state;
    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    for (unsigned i = 0; i < AES_BATCH; i++)
        batch[i] = (uint8_t)(i % 16 * 0x11);
    aes256_expand(&aes, key);
    aes256_encrypt(&aes, batch, batch);
    for (unsigned block = 0; block < 4; block++)
        assert_memory_equal(batch + 16 * block, expected, 16);
}

static const enum pq_algorithm ciphers[] = {PQ_CHACHA20_POLY1305, PQ_AES_256_GCM};

static void seal_and_open(void)
{
    uint8_t key[32] = {7};
    uint8_t nonce[12] = {9};
    uint8_t aad[40] = {1};
    uint8_t plain[200];
    uint8_t sealed[200];
    uint8_t opened[200];
    uint8_t tag[PQ_AEAD_TAG];

    for (unsigned i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 3);
    for (unsigned c = 0; c < 2; c++) {
        for (size_t size = 0; size <= sizeof plain; size++) {
            struct pq_aead aead = {ciphers[c], {key, 32}, {nonce, 12}, {aad, size % 41}};
            struct pq_bytes in = {sealed, size};
            size_t bit;

            assert_int_equal(pq_aead_seal(&aead, (struct pq_bytes){plain, size}, sealed, tag), 0);
            assert_int_equal(pq_aead_open(&aead, in, tag, opened), 0);
            assert_memory_equal(opened, plain, size);

            /* One wrong bit anywhere: refused, and nothing is written. */
            memset(opened, 0xee, sizeof opened);
            bit = size * 37 % 128;
            tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(pq_aead_open(&aead, in, tag, opened), PQ_ERROR_MISMATCH);
            tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (size != 0) {
                sealed[size / 2] ^= 0x40;
                assert_int_equal(pq_aead_open(&aead, in, tag, opened), PQ_ERROR_MISMATCH);
                sealed[size / 2] ^= 0x40;
            }
            aad[0] ^= 2;
            assert_int_equal(pq_aead_open(&aead, in, tag, opened),
                             aead.aad.size ? PQ_ERROR_MISMATCH : 0);
            aad[0] ^= 2;
            if (aead.aad.size != 0)
                assert_int_equal(opened[0], 0xee);

            /* In place. */
            memcpy(opened, plain, size);
            assert_int_equal(pq_aead_seal(&aead, (struct pq_bytes){opened, size}, opened, tag), 0);
            assert_memory_equal(opened, sealed, size);
        }
    }
}

static void test_seal_and_open(void **state)
{
    (void)state;
    pq_processor_limit(0);
    seal_and_open();
    pq_processor_limit(~0u);
    seal_and_open();
}

/* The processor's instructions and portable code agree, for every rest behind their whole batches.
 */
static void test_same_results(void **state)
{
    static uint8_t plain[2][700];
    uint8_t key[32];
    uint8_t nonce[12];
    uint8_t tag[2][PQ_AEAD_TAG];

    (void)state;
    pq_processor_limit(PQ_PROCESSOR_AES);
    if (!pq_processor()) {
        print_message("# this processor has no AES-NI and PCLMULQDQ\n");
        skip();
    }
    for (size_t size = 0; size <= sizeof plain[0]; size++) {
        struct pq_bytes seed = {(const uint8_t *)&size, sizeof size};
        struct pq_aead aead = {
            PQ_AES_256_GCM, {key, 32}, {nonce, 12}, {plain[0], (size * 7) % 300}};
        uint8_t opened[700];

        pq_hash(PQ_SHAKE128, seed, key, sizeof key);
        pq_hash(PQ_SHAKE256, seed, nonce, sizeof nonce);
        pq_hash(PQ_SHAKE256, seed, plain[0], sizeof plain[0]);
        memcpy(plain[1], plain[0], sizeof plain[1]);
        for (unsigned i = 0; i < 2; i++) {
            struct pq_bytes text = {plain[i], size};
            aead.aad.data = plain[i] + 400; /* of the plain text */
            if (size > 400)
                aead.aad.size = 0;
            pq_processor_limit(i == 0 ? 0 : PQ_PROCESSOR_AES);
            assert_int_equal(pq_aead_seal(&aead, text, plain[i], tag[i]), 0);
        }
        assert_memory_equal(plain[0], plain[1], sizeof plain[0]);
        assert_memory_equal(tag[0], tag[1], PQ_AEAD_TAG);

        /* Each opens what the other sealed; AES-NI is chosen. */
        assert_int_equal(pq_aead_open(&aead, (struct pq_bytes){plain[0], size}, tag[0], opened), 0);
        pq_processor_limit(0);
        assert_int_equal(pq_aead_open(&aead, (struct pq_bytes){plain[0], size}, tag[0], plain[0]),
                         0);
        assert_memory_equal(opened, plain[0], size);
    }
}

/* What the library uses is what was found, and never what is not there. */
static void test_processor(void **state)
{
    unsigned found;

    (void)state;
    pq_processor_limit(~0u);
    found = pq_processor();
    print_message("# AES-NI and PCLMULQDQ: %s, SHA extensions: %s\n",
                  found & PQ_PROCESSOR_AES ? "yes" : "no", found & PQ_PROCESSOR_SHA ? "yes" : "no");
    assert_int_equal(found & ~(unsigned)(PQ_PROCESSOR_AES | PQ_PROCESSOR_SHA), 0);
    pq_processor_limit(0);
    assert_int_equal(pq_processor(), 0);
    pq_processor_limit(PQ_PROCESSOR_SHA);
    assert_int_equal(pq_processor(), found & PQ_PROCESSOR_SHA);
}

static void test_aead_refusals(void **state)
{
    uint8_t bytes[64] = {0};
    uint8_t tag[PQ_AEAD_TAG] = {0};
    struct pq_aead aead = {PQ_SHA2_256, {bytes, 32}, {bytes, 12}, {NULL, 0}};

    (void)state;
    assert_int_equal(pq_aead_seal(&aead, (struct pq_bytes){bytes, 1}, bytes + 1, tag),
                     PQ_ERROR_ALGORITHM);
    aead.algorithm = PQ_AES_256_GCM;
    aead.key.size = 16;
    assert_int_equal(pq_aead_seal(&aead, (struct pq_bytes){bytes, 1}, bytes + 1, tag),
                     PQ_ERROR_LENGTH);
    aead.key.size = 32;
    aead.nonce.size = 8;
    assert_int_equal(pq_aead_open(&aead, (struct pq_bytes){bytes, 1}, tag, bytes + 1),
                     PQ_ERROR_LENGTH);
}

static void test_drbg_limits(void **state)
{
    static uint8_t out[PQ_DRBG_REQUEST_MAX + 1];
    uint8_t entropy[48] = {1};
    struct pq_drbg drbg = {.calls = 0};
    struct pq_bytes none = {NULL, 0};

    (void)state;
    out[0] = 1;
    assert_int_equal(pq_drbg_generate(&drbg, out, 1), PQ_ERROR_RESEED);
    assert_int_equal(out[0], 0);
    assert_int_equal(pq_drbg_reseed(&drbg, (struct pq_bytes){entropy, 48}), PQ_ERROR_RESEED);
    assert_int_equal(pq_drbg_init(&drbg, (struct pq_bytes){entropy, 47}, none), PQ_ERROR_LENGTH);
    assert_int_equal(pq_drbg_generate(&drbg, out, 1), PQ_ERROR_RESEED);
    assert_int_equal(pq_drbg_init(&drbg, (struct pq_bytes){entropy, 48}, none), 0);
    assert_int_equal(pq_drbg_generate(&drbg, out, sizeof out), PQ_ERROR_LENGTH);
    assert_int_equal(pq_drbg_generate(&drbg, out, PQ_DRBG_REQUEST_MAX), 0);
    assert_int_equal(pq_drbg_reseed(&drbg, (struct pq_bytes){entropy, 31}), PQ_ERROR_LENGTH);
    drbg.calls = PQ_DRBG_RESEED_AFTER;
    assert_int_equal(pq_drbg_generate(&drbg, out, 1), 0);
    assert_int_equal(pq_drbg_generate(&drbg, out, 1), PQ_ERROR_RESEED);
    assert_int_equal(pq_drbg_reseed(&drbg, (struct pq_bytes){entropy, 32}), 0);
    assert_int_equal(pq_drbg_generate(&drbg, out, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_substitution),  cmocka_unit_test(test_aes_example),
        cmocka_unit_test(test_seal_and_open), cmocka_unit_test(test_aead_refusals),
        cmocka_unit_test(test_drbg_limits),   cmocka_unit_test(test_same_results),
        cmocka_unit_test(test_processor),
    };
    return cmocka_run_group_tests_name("pq-aead", tests, NULL, NULL);
}
