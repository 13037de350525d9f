/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures how much stack the calls of lib/pq take, on a painted stack of their own, and compares
 * it with the bounds that pq.h states. The library is built without sanitizers, which change
 * frames.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "pq.h"

#define STACK_SIZE (256 * 1024)
#define PAINT      0xa5

static uint8_t stack[STACK_SIZE] __attribute__((aligned(64)));
static ucontext_t home;
static ucontext_t away;

/* Calls and results stay in static memory, so that only the library's frames are measured. */
static enum pq_algorithm algorithm;
static int result;
static uint8_t bytes[PQ_SIGN_SECRET_MAX];
static uint8_t public_key[PQ_SIGN_PUBLIC_MAX];
static uint8_t secret_key[PQ_SIGN_SECRET_MAX];
static uint8_t output[PQ_SIGNATURE_MAX];
static struct pq_sign_sizes sign_sizes;
static struct pq_kem_sizes kem_sizes;
static struct pq_message message = {.mode = PQ_MESSAGE_PURE, .body = {bytes, 100}};
static struct pq_aead aead = {.key = {bytes, 32}, .nonce = {bytes, 12}};
static struct pq_drbg drbg;

static void call_nothing(void)
{
    result = 0;
}

static void call_hash(void)
{
    result = pq_hash(algorithm, (struct pq_bytes){bytes, sizeof bytes}, output, 28);
}

static void call_hkdf(void)
{
    struct pq_bytes some = {bytes, 100};
    result = pq_hkdf(algorithm, some, some, some, output, 100);
}

static void call_keygen(void)
{
    result = pq_sign_keygen(algorithm, (struct pq_bytes){bytes, sign_sizes.seed}, public_key,
                            secret_key);
}

static void call_sign(void)
{
    result = pq_sign(algorithm, (struct pq_bytes){secret_key, sign_sizes.secret_key}, &message,
                     (struct pq_bytes){NULL, 0}, output, sign_sizes.signature);
}

static void call_verify(void)
{
    result = pq_verify(algorithm, (struct pq_bytes){public_key, sign_sizes.public_key}, &message,
                       (struct pq_bytes){output, sign_sizes.signature});
}

static void call_kem_keygen(void)
{
    result = pq_kem_keygen(algorithm, (struct pq_bytes){bytes, 64}, public_key, secret_key);
}

static void call_encapsulate(void)
{
    result = pq_kem_encapsulate(algorithm, (struct pq_bytes){public_key, kem_sizes.public_key},
                                (struct pq_bytes){bytes, 32}, output, bytes);
}

static void call_decapsulate(void)
{
    result = pq_kem_decapsulate(algorithm, (struct pq_bytes){secret_key, kem_sizes.secret_key},
                                (struct pq_bytes){output, kem_sizes.ciphertext}, bytes);
}

static void call_seal(void)
{
    aead.algorithm = algorithm;
    result = pq_aead_seal(&aead, (struct pq_bytes){bytes, 1000}, output, output + 1000);
}

static void call_open(void)
{
    result = pq_aead_open(&aead, (struct pq_bytes){output, 1000}, output + 1000, bytes);
}

static void call_drbg(void)
{
    struct pq_bytes some = {bytes, 100};
    result = pq_drbg_init(&drbg, some, some);
    result |= pq_drbg_generate(&drbg, output, 100);
}

/* Bytes of stack that the call touched. */
static size_t measure(void (*call)(void))
{
    size_t untouched = 0;

    memset(stack, PAINT, sizeof stack);
    assert_int_equal(getcontext(&away), 0);
    away.uc_stack.ss_sp = stack;
    away.uc_stack.ss_size = sizeof stack;
    away.uc_link = &home;
    makecontext(&away, call, 0);
    assert_int_equal(swapcontext(&home, &away), 0);
    assert_int_equal(result, 0);
    while (untouched < sizeof stack && stack[untouched] == PAINT)
        untouched++;
    return sizeof stack - untouched;
}

/* With the processor's help as well, where there is some. */
static void check(const char *what, void (*call)(void), size_t bound)
{
    static const unsigned choices[] = {0, ~0u};

    for (unsigned i = 0; i < 2; i++) {
        size_t used;

        pq_processor_limit(choices[i]);
        if (i != 0 && pq_processor() == 0)
            return;
        used = measure(call) - measure(call_nothing);
        printf("# %s, algorithm 0x%04x, %s: %zu of %zu bytes\n", what, (unsigned)algorithm,
               i == 0 ? "portable" : "with the processor's help", used, bound);
        assert_in_range(used, 1, bound);
    }
}

static void test_hashes(void **state)
{
    static const enum pq_algorithm all[] = {PQ_SHA2_256, PQ_SHA2_512, PQ_SHA3_512};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        algorithm = all[i];
        check("hash", call_hash, PQ_STACK_HASH);
        check("HKDF", call_hkdf, PQ_STACK_SMALL);
    }
    check("generator", call_drbg, PQ_STACK_SMALL);
}

static void test_signatures(void **state)
{
    static const enum pq_algorithm all[] = {
        PQ_ML_DSA_44,         PQ_ML_DSA_65,         PQ_ML_DSA_87,          PQ_SLH_DSA_SHA2_128F,
        PQ_SLH_DSA_SHA2_256F, PQ_SLH_DSA_SHA2_256S, PQ_SLH_DSA_SHAKE_128F, PQ_SLH_DSA_SHAKE_256F};

    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        algorithm = all[i];
        assert_int_equal(pq_sign_sizes(algorithm, &sign_sizes), 0);
        check("key pair", call_keygen, PQ_STACK_LARGE);
        check("sign", call_sign, PQ_STACK_LARGE);
        check("verify", call_verify, PQ_STACK_VERIFY);
    }
}

static void test_key_establishment(void **state)
{
    static const enum pq_algorithm all[] = {PQ_ML_KEM_512, PQ_ML_KEM_768, PQ_ML_KEM_1024};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        algorithm = all[i];
        assert_int_equal(pq_kem_sizes(algorithm, &kem_sizes), 0);
        check("key pair", call_kem_keygen, PQ_STACK_LARGE);
        check("encapsulate", call_encapsulate, PQ_STACK_LARGE);
        check("decapsulate", call_decapsulate, PQ_STACK_LARGE);
    }
}

static void test_encryption(void **state)
{
    static const enum pq_algorithm all[] = {PQ_CHACHA20_POLY1305, PQ_AES_256_GCM};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        algorithm = all[i];
        check("seal", call_seal, PQ_STACK_SMALL);
        check("open", call_open, PQ_STACK_SMALL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_key_establishment),
        cmocka_unit_test(test_encryption),
    };
    return cmocka_run_group_tests_name("pq-stack", tests, NULL, NULL);
}
