/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs every operation of lib/pq that takes a secret under valgrind, with the secrets marked as
 * undefined memory: memcheck then reports each branch and each address that depends on one. The
 * library is built with PQ_CHECK_CONSTANT_TIME, which lifts the mark from what the algorithms make
 * public (bytes_declassify in lib/pq/bytes.h).
 *
 * With the argument "leak" it branches on a secret instead, to show that such a thing is seen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/memcheck.h>

#include "pq.h"

static uint8_t secret[PQ_SIGN_SECRET_MAX];
static uint8_t more[PQ_SIGN_SECRET_MAX];
static uint8_t public_key[PQ_SIGN_PUBLIC_MAX];
static uint8_t output[PQ_SIGNATURE_MAX];

static const struct pq_bytes text = {(const uint8_t *)"a message", 9};

static void hide(void *at, size_t size)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(at, size);
}

static void show(void *at, size_t size)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(at, size);
}

/* A random-looking secret of the given size in secret[], hidden. */
static struct pq_bytes make_secret(size_t size)
{
    pq_hash(PQ_SHAKE256, text, secret, size);
    hide(secret, size);
    return (struct pq_bytes){secret, size};
}

static void must(int error)
{
    show(&error, sizeof error);
    if (error) {
        printf("Bail out! an operation gave error %d\n", error);
        exit(1);
    }
}

static void run_hash(enum pq_algorithm algorithm)
{
    must(pq_hash(algorithm, make_secret(1000), output, pq_hash_size(algorithm)));
}

static void run_hmac(enum pq_algorithm algorithm)
{
    must(pq_hmac(algorithm, make_secret(200), text, output, 20));
    must(pq_hkdf(algorithm, text, make_secret(100), text, output, 300));
}

static void run_sign(enum pq_algorithm algorithm)
{
    struct pq_sign_sizes sizes;
    struct pq_message message = {.mode = PQ_MESSAGE_PURE, .body = text};

    must(pq_sign_sizes(algorithm, &sizes));
    must(pq_sign_keygen(algorithm, make_secret(sizes.seed), public_key, more));
    hide(more, sizes.secret_key);
    must(pq_sign(algorithm, (struct pq_bytes){more, sizes.secret_key}, &message,
                 make_secret(sizes.random), output, sizes.signature));
    must(pq_sign(algorithm, (struct pq_bytes){more, sizes.secret_key}, &message,
                 (struct pq_bytes){NULL, 0}, output, sizes.signature));
    show(output, sizes.signature);
    must(pq_verify(algorithm, (struct pq_bytes){public_key, sizes.public_key}, &message,
                   (struct pq_bytes){output, sizes.signature}));
}

static void run_kem(enum pq_algorithm algorithm)
{
    struct pq_kem_sizes sizes;
    uint8_t shared[PQ_KEM_SHARED_MAX];

    must(pq_kem_sizes(algorithm, &sizes));
    must(pq_kem_keygen(algorithm, make_secret(sizes.seed), public_key, more));
    hide(more, sizes.secret_key);
    must(pq_kem_encapsulate(algorithm, (struct pq_bytes){public_key, sizes.public_key},
                            make_secret(sizes.random), output, shared));
    show(output, sizes.ciphertext); /* it is sent */
    must(pq_kem_decapsulate(algorithm, (struct pq_bytes){more, sizes.secret_key},
                            (struct pq_bytes){output, sizes.ciphertext}, shared));
    output[5] ^= 1;
    must(pq_kem_decapsulate(algorithm, (struct pq_bytes){more, sizes.secret_key},
                            (struct pq_bytes){output, sizes.ciphertext}, shared));
}

static void run_aead(enum pq_algorithm algorithm)
{
    struct pq_aead aead = {algorithm, make_secret(PQ_AEAD_KEY), {public_key, 12}, text};
    uint8_t tag[PQ_AEAD_TAG];

    memset(public_key, 5, 12);
    memset(more, 9, 300);
    hide(more, 300);
    must(pq_aead_seal(&aead, (struct pq_bytes){more, 300}, output, tag));
    must(pq_aead_open(&aead, (struct pq_bytes){output, 300}, tag, more));
}

static void run_drbg(enum pq_algorithm algorithm)
{
    struct pq_drbg drbg;

    (void)algorithm;
    must(pq_drbg_init(&drbg, make_secret(64), text));
    must(pq_drbg_generate(&drbg, output, 200));
    must(pq_drbg_reseed(&drbg, make_secret(64)));
    must(pq_drbg_generate(&drbg, output, 200));
}

static void run_equal(enum pq_algorithm algorithm)
{
    int same;

    (void)algorithm;
    memset(more, 1, 100);
    hide(more, 100);
    same = pq_equal(make_secret(100).data, more, 100);
    show(&same, sizeof same);
    if (same)
        must(1);
}

static void run_leak(enum pq_algorithm algorithm)
{
    (void)algorithm;
    if (make_secret(1).data[0] & 1)
        output[0] = 1;
}

struct subject {
    const char *name;
    void (*run)(enum pq_algorithm algorithm);
    enum pq_algorithm algorithm;
    unsigned features; /* what of the processor is used */
};

static const struct subject subjects[] = {
    {"SHA2-256", run_hash, PQ_SHA2_256, 0},
    {"SHA2-512", run_hash, PQ_SHA2_512, 0},
    {"SHA3-512", run_hash, PQ_SHA3_512, 0},
    {"HMAC and HKDF, SHA2-256", run_hmac, PQ_SHA2_256, 0},
    {"HMAC and HKDF, SHA2-512", run_hmac, PQ_SHA2_512, 0},
    {"HMAC and HKDF, SHA3-256", run_hmac, PQ_SHA3_256, 0},
    {"ML-DSA-44", run_sign, PQ_ML_DSA_44, 0},
    {"ML-DSA-65", run_sign, PQ_ML_DSA_65, 0},
    {"ML-DSA-87", run_sign, PQ_ML_DSA_87, 0},
    {"SLH-DSA-SHA2-128f", run_sign, PQ_SLH_DSA_SHA2_128F, 0},
    {"SLH-DSA-SHA2-192f", run_sign, PQ_SLH_DSA_SHA2_192F, 0},
    {"SLH-DSA-SHAKE-128f", run_sign, PQ_SLH_DSA_SHAKE_128F, 0},
    {"ML-KEM-512", run_kem, PQ_ML_KEM_512, 0},
    {"ML-KEM-768", run_kem, PQ_ML_KEM_768, 0},
    {"ML-KEM-1024", run_kem, PQ_ML_KEM_1024, 0},
    {"ChaCha20-Poly1305", run_aead, PQ_CHACHA20_POLY1305, 0},
    {"AES-256-GCM", run_aead, PQ_AES_256_GCM, 0},
    {"AES-256-GCM, AES-NI", run_aead, PQ_AES_256_GCM, PQ_PROCESSOR_AES},
    {"SHA2-256, SHA extensions", run_hash, PQ_SHA2_256, PQ_PROCESSOR_SHA},
    {"HMAC_DRBG", run_drbg, PQ_SHA2_512, 0},
    {"comparison", run_equal, PQ_SHA2_512, 0},
};

static const struct subject leak = {"a leak", run_leak, PQ_SHA2_512, 0};

/* Whether memcheck found nothing. */
static int clean(const struct subject *subject)
{
    unsigned long before = VALGRIND_COUNT_ERRORS;
    subject->run(subject->algorithm);
    return VALGRIND_COUNT_ERRORS == before;
}

int main(int count, char **arguments)
{
    unsigned total = (unsigned)(sizeof subjects / sizeof subjects[0]);
    int failed = 0;

    if (!RUNNING_ON_VALGRIND) {
        printf("Bail out! this program only says something under valgrind\n");
        return 1;
    }
    if (count == 2 && strcmp(arguments[1], "leak") == 0)
        return clean(&leak) ? 0 : 3;
    for (unsigned i = 0; i < total; i++) {
        int good;

        pq_processor_limit(subjects[i].features);
        if (pq_processor() != subjects[i].features) {
            printf("ok %u - %s # SKIP the processor has it not, or valgrind does not know it\n",
                   i + 1, subjects[i].name);
            continue;
        }
        good = clean(&subjects[i]);
        printf("%s %u - no branch and no address depends on a secret: %s\n", good ? "ok" : "not ok",
               i + 1, subjects[i].name);
        fflush(stdout);
        failed |= !good;
    }
    printf("1..%u\n", total);
    return failed;
}
