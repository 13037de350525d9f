/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repeats one operation of lib/pq, or the same of a libcrypto, and prints nanoseconds of processor
 * time per call.
 *
 *   bench pq|portable|openssl OPERATION COUNT
 *
 * "portable" is lib/pq without the help that it finds in the processor. "bench found" prints what
 * that is: the word "aes" for AES-256-GCM, "sha" for SHA-256.
 *
 * Under callgrind (--instr-atstart=no --collect-atstart=no) exactly the repeated calls are counted,
 * and what prepares them, such as a signature to verify, takes a fraction of the time. libcrypto is
 * loaded at run time and called through EVP functions declared here, so no headers of it are
 * needed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <valgrind/callgrind.h>

#include "pq.h"

#define BULK_SIZE  (1024 * 1024)
#define SHORT_SIZE 1024

enum what {
    WHAT_HASH,
    WHAT_VERIFY,
    WHAT_SIGN,
    WHAT_KEYGEN,
    WHAT_DECAPSULATE,
    WHAT_SEAL,
    WHAT_SEAL_SHORT
};

struct operation {
    const char *name;
    enum what what;
    enum pq_algorithm algorithm;
    const char *openssl_name;
};

static const struct operation operations[] = {
    {"sha256-1m", WHAT_HASH, PQ_SHA2_256, "SHA256"},
    {"sha512-1m", WHAT_HASH, PQ_SHA2_512, "SHA512"},
    {"sha3-256-1m", WHAT_HASH, PQ_SHA3_256, "SHA3-256"},
    {"mldsa87-verify", WHAT_VERIFY, PQ_ML_DSA_87, "ML-DSA-87"},
    {"mldsa87-sign", WHAT_SIGN, PQ_ML_DSA_87, "ML-DSA-87"},
    {"mldsa87-keygen", WHAT_KEYGEN, PQ_ML_DSA_87, "ML-DSA-87"},
    {"slhdsa-sha2-256s-verify", WHAT_VERIFY, PQ_SLH_DSA_SHA2_256S, "SLH-DSA-SHA2-256s"},
    {"slhdsa-sha2-256s-sign", WHAT_SIGN, PQ_SLH_DSA_SHA2_256S, "SLH-DSA-SHA2-256s"},
    {"mlkem1024-decapsulate", WHAT_DECAPSULATE, PQ_ML_KEM_1024, "ML-KEM-1024"},
    {"chacha20-poly1305-1k", WHAT_SEAL_SHORT, PQ_CHACHA20_POLY1305, "ChaCha20-Poly1305"},
    {"aes-256-gcm-1k", WHAT_SEAL_SHORT, PQ_AES_256_GCM, "AES-256-GCM"},
    {"chacha20-poly1305-1m", WHAT_SEAL, PQ_CHACHA20_POLY1305, "ChaCha20-Poly1305"},
    {"aes-256-gcm-1m", WHAT_SEAL, PQ_AES_256_GCM, "AES-256-GCM"},
};

static uint8_t bulk[BULK_SIZE];
static uint8_t sealed[BULK_SIZE];
static uint8_t public_key[PQ_SIGN_PUBLIC_MAX];
static uint8_t secret_key[PQ_SIGN_SECRET_MAX];
static uint8_t output[PQ_SIGNATURE_MAX];
static uint8_t seed[PQ_SIGN_SEED_MAX];

static const struct operation *operation;

static size_t sealed_size(void)
{
    return operation->what == WHAT_SEAL ? BULK_SIZE : SHORT_SIZE;
}

static void must(int good)
{
    if (!good) {
        fprintf(stderr, "bench: the operation failed\n");
        exit(1);
    }
}

/* Calls run() count times and prints the time of one: the processor's, so that other work on the
 * machine does not count. */
static void repeat(void (*run)(void), unsigned count)
{
    struct timespec from;
    struct timespec to;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_TOGGLE_COLLECT;
    for (unsigned i = 0; i < count; i++)
        run();
    CALLGRIND_TOGGLE_COLLECT;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    printf("%.0f\n",
           ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / count);
}

/* ---- lib/pq ---- */

static struct pq_sign_sizes sign_sizes;
static struct pq_kem_sizes kem_sizes;
static const struct pq_message message = {.mode = PQ_MESSAGE_PURE, .body = {bulk, 64}};

static void pq_run_hash(void)
{
    must(!pq_hash(operation->algorithm, (struct pq_bytes){bulk, sizeof bulk}, output,
                  pq_hash_size(operation->algorithm)));
}

static void pq_run_keygen(void)
{
    must(!pq_sign_keygen(operation->algorithm, (struct pq_bytes){seed, sign_sizes.seed}, public_key,
                         secret_key));
}

static void pq_run_sign(void)
{
    must(!pq_sign(operation->algorithm, (struct pq_bytes){secret_key, sign_sizes.secret_key},
                  &message, (struct pq_bytes){NULL, 0}, output, sign_sizes.signature));
    bulk[0]++; /* another message: ML-DSA's attempts vary with it */
}

static void pq_run_verify(void)
{
    must(!pq_verify(operation->algorithm, (struct pq_bytes){public_key, sign_sizes.public_key},
                    &message, (struct pq_bytes){output, sign_sizes.signature}));
}

static void pq_run_decapsulate(void)
{
    must(!pq_kem_decapsulate(operation->algorithm,
                             (struct pq_bytes){secret_key, kem_sizes.secret_key},
                             (struct pq_bytes){output, kem_sizes.ciphertext}, bulk));
}

static void pq_run_seal(void)
{
    const struct pq_aead aead = {operation->algorithm, {seed, 32}, {seed, 12}, {NULL, 0}};
    uint8_t tag[PQ_AEAD_TAG];
    must(!pq_aead_seal(&aead, (struct pq_bytes){bulk, sealed_size()}, sealed, tag));
}

static void pq_prepare(void)
{
    if (operation->what == WHAT_DECAPSULATE) {
        must(!pq_kem_sizes(operation->algorithm, &kem_sizes));
        must(!pq_kem_keygen(operation->algorithm, (struct pq_bytes){seed, 64}, public_key,
                            secret_key));
        must(!pq_kem_encapsulate(operation->algorithm,
                                 (struct pq_bytes){public_key, kem_sizes.public_key},
                                 (struct pq_bytes){seed, 32}, output, bulk));
    } else if (operation->what != WHAT_HASH && operation->what != WHAT_SEAL &&
               operation->what != WHAT_SEAL_SHORT) {
        must(!pq_sign_sizes(operation->algorithm, &sign_sizes));
        pq_run_keygen();
        if (operation->what == WHAT_VERIFY) {
            pq_run_sign();
            bulk[0]--;
        }
    }
}

static void (*const pq_runs[])(void) = {
    [WHAT_HASH] = pq_run_hash,       [WHAT_VERIFY] = pq_run_verify,
    [WHAT_SIGN] = pq_run_sign,       [WHAT_KEYGEN] = pq_run_keygen,
    [WHAT_SEAL] = pq_run_seal,       [WHAT_DECAPSULATE] = pq_run_decapsulate,
    [WHAT_SEAL_SHORT] = pq_run_seal,
};

/* ---- libcrypto ---- */

static void *(*EVP_MD_fetch)(void *, const char *, const char *);
static int (*EVP_Digest)(const void *, size_t, unsigned char *, unsigned *, const void *, void *);
static void *(*EVP_PKEY_Q_keygen)(void *, const char *, const char *, ...);
static void *(*EVP_MD_CTX_new)(void);
static void (*EVP_MD_CTX_free)(void *);
static int (*EVP_DigestSignInit_ex)(void *, void *, const char *, void *, const char *, void *,
                                    const void *);
static int (*EVP_DigestVerifyInit_ex)(void *, void *, const char *, void *, const char *, void *,
                                      const void *);
static int (*EVP_DigestSign)(void *, unsigned char *, size_t *, const unsigned char *, size_t);
static int (*EVP_DigestVerify)(void *, const unsigned char *, size_t, const unsigned char *,
                               size_t);
static void *(*EVP_PKEY_CTX_new_from_pkey)(void *, void *, const char *);
static void (*EVP_PKEY_CTX_free)(void *);
static void (*EVP_PKEY_free)(void *);
static int (*EVP_PKEY_encapsulate_init)(void *, const void *);
static int (*EVP_PKEY_encapsulate)(void *, unsigned char *, size_t *, unsigned char *, size_t *);
static int (*EVP_PKEY_decapsulate_init)(void *, const void *);
static int (*EVP_PKEY_decapsulate)(void *, unsigned char *, size_t *, const unsigned char *,
                                   size_t);
static void *(*EVP_CIPHER_fetch)(void *, const char *, const char *);
static void *(*EVP_CIPHER_CTX_new)(void);
static void (*EVP_CIPHER_CTX_free)(void *);
static int (*EVP_EncryptInit_ex2)(void *, const void *, const unsigned char *,
                                  const unsigned char *, const void *);
static int (*EVP_EncryptUpdate)(void *, unsigned char *, int *, const unsigned char *, int);
static int (*EVP_EncryptFinal_ex)(void *, unsigned char *, int *);
static int (*EVP_CIPHER_CTX_ctrl)(void *, int, int, void *);

#define EVP_CTRL_AEAD_GET_TAG 0x10

static void *digest;
static void *cipher;
static void *key;
static size_t output_size;

/* ISO C has no conversion from an object pointer to a function pointer; POSIX wants it to work. */
#define LOAD(name) load(handle, #name, &name)

static void load(void *handle, const char *name, void *pointer)
{
    void *symbol = dlsym(handle, name);
    must(symbol != NULL);
    memcpy(pointer, &symbol, sizeof symbol);
}

static void openssl_load(void)
{
    void *handle = dlopen("libcrypto.so.3", RTLD_NOW);
    must(handle != NULL);
    LOAD(EVP_MD_fetch);
    LOAD(EVP_Digest);
    LOAD(EVP_PKEY_Q_keygen);
    LOAD(EVP_MD_CTX_new);
    LOAD(EVP_MD_CTX_free);
    LOAD(EVP_DigestSignInit_ex);
    LOAD(EVP_DigestVerifyInit_ex);
    LOAD(EVP_DigestSign);
    LOAD(EVP_DigestVerify);
    LOAD(EVP_PKEY_CTX_new_from_pkey);
    LOAD(EVP_PKEY_CTX_free);
    LOAD(EVP_PKEY_free);
    LOAD(EVP_PKEY_encapsulate_init);
    LOAD(EVP_PKEY_encapsulate);
    LOAD(EVP_PKEY_decapsulate_init);
    LOAD(EVP_PKEY_decapsulate);
    LOAD(EVP_CIPHER_fetch);
    LOAD(EVP_CIPHER_CTX_new);
    LOAD(EVP_CIPHER_CTX_free);
    LOAD(EVP_EncryptInit_ex2);
    LOAD(EVP_EncryptUpdate);
    LOAD(EVP_EncryptFinal_ex);
    LOAD(EVP_CIPHER_CTX_ctrl);
}

static void openssl_run_hash(void)
{
    must(EVP_Digest(bulk, sizeof bulk, output, NULL, digest, NULL) == 1);
}

static void openssl_run_keygen(void)
{
    EVP_PKEY_free(EVP_PKEY_Q_keygen(NULL, NULL, operation->openssl_name));
}

static void openssl_run_sign(void)
{
    void *context = EVP_MD_CTX_new();
    output_size = sizeof output;
    must(EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1);
    must(EVP_DigestSign(context, output, &output_size, bulk, 64) == 1);
    EVP_MD_CTX_free(context);
}

static void openssl_run_verify(void)
{
    void *context = EVP_MD_CTX_new();
    must(EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1);
    must(EVP_DigestVerify(context, output, output_size, bulk, 64) == 1);
    EVP_MD_CTX_free(context);
}

static void openssl_run_decapsulate(void)
{
    void *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    size_t size = sizeof bulk;
    must(EVP_PKEY_decapsulate_init(context, NULL) == 1);
    must(EVP_PKEY_decapsulate(context, bulk, &size, output, output_size) == 1);
    EVP_PKEY_CTX_free(context);
}

/* A key for each message, as in pq_run_seal(). */
static void openssl_run_seal(void)
{
    void *context = EVP_CIPHER_CTX_new();
    uint8_t tag[PQ_AEAD_TAG];
    int size;

    must(EVP_EncryptInit_ex2(context, cipher, seed, seed, NULL) == 1);
    must(EVP_EncryptUpdate(context, sealed, &size, bulk, (int)sealed_size()) == 1);
    must(EVP_EncryptFinal_ex(context, sealed + size, &size) == 1);
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, PQ_AEAD_TAG, tag) == 1);
    EVP_CIPHER_CTX_free(context);
}

static void openssl_prepare(void)
{
    openssl_load();
    if (operation->what == WHAT_SEAL || operation->what == WHAT_SEAL_SHORT) {
        cipher = EVP_CIPHER_fetch(NULL, operation->openssl_name, NULL);
        must(cipher != NULL);
        return;
    }
    if (operation->what == WHAT_HASH) {
        digest = EVP_MD_fetch(NULL, operation->openssl_name, NULL);
        must(digest != NULL);
        return;
    }
    key = EVP_PKEY_Q_keygen(NULL, NULL, operation->openssl_name);
    must(key != NULL);
    if (operation->what == WHAT_VERIFY) {
        openssl_run_sign();
    } else if (operation->what == WHAT_DECAPSULATE) {
        void *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
        size_t size = sizeof bulk;
        output_size = sizeof output;
        must(EVP_PKEY_encapsulate_init(context, NULL) == 1);
        must(EVP_PKEY_encapsulate(context, output, &output_size, bulk, &size) == 1);
        EVP_PKEY_CTX_free(context);
    }
}

static void (*const openssl_runs[])(void) = {
    [WHAT_HASH] = openssl_run_hash,
    [WHAT_VERIFY] = openssl_run_verify,
    [WHAT_SIGN] = openssl_run_sign,
    [WHAT_KEYGEN] = openssl_run_keygen,
    [WHAT_DECAPSULATE] = openssl_run_decapsulate,
    [WHAT_SEAL] = openssl_run_seal,
    [WHAT_SEAL_SHORT] = openssl_run_seal,
};

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "found") == 0) {
        printf("%s %s\n", pq_processor() & PQ_PROCESSOR_AES ? "aes" : "",
               pq_processor() & PQ_PROCESSOR_SHA ? "sha" : "");
        return 0;
    }
    if (count != 4)
        return 2;
    for (unsigned i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (strcmp(operations[i].name, arguments[2]) == 0)
            operation = &operations[i];
    }
    must(operation != NULL);
    if (strcmp(arguments[1], "openssl") == 0) {
        openssl_prepare();
        repeat(openssl_runs[operation->what], (unsigned)atoi(arguments[3]));
    } else {
        if (strcmp(arguments[1], "portable") == 0)
            pq_processor_limit(0);
        pq_prepare();
        repeat(pq_runs[operation->what], (unsigned)atoi(arguments[3]));
    }
    return 0;
}
