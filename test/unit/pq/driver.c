/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs lib/pq on the host for the vector and cross-check scripts: one request per line on standard
 * input, one answer per line on standard output.
 *
 *   driver [portable|aes|sha]
 *
 * The argument says what of the processor is used; without one, all that is there. Where it has it
 * not, the program ends at once with 77.
 *
 *   request:  OPERATION ALGORITHM ARGUMENT...    bytes in hex, "-" for none, numbers in decimal
 *   answer:   ok HEX...   or   error N           (N from enum pq_error)
 */
#define _GNU_SOURCE
#include "pq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS 10

struct request {
    enum pq_algorithm algorithm;
    unsigned count;
    char *argument[ARGUMENTS];
};

struct named_algorithm {
    const char *name;
    enum pq_algorithm algorithm;
};

static const struct named_algorithm names[] = {
    {"SHA2-224", PQ_SHA2_224},
    {"SHA2-256", PQ_SHA2_256},
    {"SHA2-384", PQ_SHA2_384},
    {"SHA2-512", PQ_SHA2_512},
    {"SHA2-512/224", PQ_SHA2_512_224},
    {"SHA2-512/256", PQ_SHA2_512_256},
    {"SHA3-224", PQ_SHA3_224},
    {"SHA3-256", PQ_SHA3_256},
    {"SHA3-384", PQ_SHA3_384},
    {"SHA3-512", PQ_SHA3_512},
    {"SHAKE-128", PQ_SHAKE128},
    {"SHAKE-256", PQ_SHAKE256},
    {"ML-DSA-44", PQ_ML_DSA_44},
    {"ML-DSA-65", PQ_ML_DSA_65},
    {"ML-DSA-87", PQ_ML_DSA_87},
    {"SLH-DSA-SHA2-128s", PQ_SLH_DSA_SHA2_128S},
    {"SLH-DSA-SHA2-128f", PQ_SLH_DSA_SHA2_128F},
    {"SLH-DSA-SHA2-192s", PQ_SLH_DSA_SHA2_192S},
    {"SLH-DSA-SHA2-192f", PQ_SLH_DSA_SHA2_192F},
    {"SLH-DSA-SHA2-256s", PQ_SLH_DSA_SHA2_256S},
    {"SLH-DSA-SHA2-256f", PQ_SLH_DSA_SHA2_256F},
    {"SLH-DSA-SHAKE-128s", PQ_SLH_DSA_SHAKE_128S},
    {"SLH-DSA-SHAKE-128f", PQ_SLH_DSA_SHAKE_128F},
    {"SLH-DSA-SHAKE-192s", PQ_SLH_DSA_SHAKE_192S},
    {"SLH-DSA-SHAKE-192f", PQ_SLH_DSA_SHAKE_192F},
    {"SLH-DSA-SHAKE-256s", PQ_SLH_DSA_SHAKE_256S},
    {"SLH-DSA-SHAKE-256f", PQ_SLH_DSA_SHAKE_256F},
    {"ML-KEM-512", PQ_ML_KEM_512},
    {"ML-KEM-768", PQ_ML_KEM_768},
    {"ML-KEM-1024", PQ_ML_KEM_1024},
    {"CHACHA20-POLY1305", PQ_CHACHA20_POLY1305},
    {"AES-256-GCM", PQ_AES_256_GCM},
};

static enum pq_algorithm algorithm_named(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, name) == 0)
            return names[i].algorithm;
    }
    return (enum pq_algorithm)0;
}

static void fail(const char *what)
{
    fprintf(stderr, "driver: %s\n", what);
    exit(2);
}

static void *allocate(size_t size)
{
    /* Exactly as many bytes as asked for, so that the address sanitizer sees any overrun. */
    void *memory = malloc(size ? size : 1);
    if (!memory)
        fail("out of memory");
    return memory;
}

static unsigned hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    if (!found || c == 0)
        fail("bad hex digit");
    return (unsigned)(found - digits);
}

static const char *argument(const struct request *request, unsigned i)
{
    if (i >= request->count)
        fail("an argument is missing");
    return request->argument[i];
}

/* The caller frees data. */
static struct pq_bytes bytes_argument(const struct request *request, unsigned i)
{
    const char *text = argument(request, i);
    size_t size = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    uint8_t *data = allocate(size);

    for (size_t at = 0; at < size; at++)
        data[at] = (uint8_t)(hex_digit(text[2 * at]) << 4 | hex_digit(text[2 * at + 1]));
    return (struct pq_bytes){data, size};
}

static size_t number_argument(const struct request *request, unsigned i)
{
    return (size_t)strtoul(argument(request, i), NULL, 10);
}

static void bytes_free(struct pq_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* Prints the answer: an error, or up to two byte strings. */
static void answer(int error, struct pq_bytes first, struct pq_bytes second)
{
    const struct pq_bytes out[2] = {first, second};

    if (error) {
        printf("error %d\n", error);
        return;
    }
    printf("ok");
    for (unsigned i = 0; i < 2; i++) {
        if (out[i].size == 0)
            continue;
        putchar(' ');
        for (size_t at = 0; at < out[i].size; at++)
            printf("%02x", out[i].data[at]);
    }
    putchar('\n');
}

static const struct pq_bytes nothing = {NULL, 0};

/* hash ALGORITHM data size */
static void run_hash(const struct request *request)
{
    struct pq_bytes data = bytes_argument(request, 0);
    size_t size = number_argument(request, 1);
    uint8_t *digest = allocate(size);
    int error = pq_hash(request->algorithm, data, digest, size);

    answer(error, (struct pq_bytes){digest, size}, nothing);
    free(digest);
    bytes_free(data);
}

/* hmac ALGORITHM key data size */
static void run_hmac(const struct request *request)
{
    struct pq_bytes key = bytes_argument(request, 0);
    struct pq_bytes data = bytes_argument(request, 1);
    size_t size = number_argument(request, 2);
    uint8_t *tag = allocate(size);
    int error = pq_hmac(request->algorithm, key, data, tag, size);

    answer(error, (struct pq_bytes){tag, size}, nothing);
    free(tag);
    bytes_free(data);
    bytes_free(key);
}

/* hkdf ALGORITHM salt ikm info size */
static void run_hkdf(const struct request *request)
{
    struct pq_bytes salt = bytes_argument(request, 0);
    struct pq_bytes ikm = bytes_argument(request, 1);
    struct pq_bytes info = bytes_argument(request, 2);
    size_t size = number_argument(request, 3);
    uint8_t *okm = allocate(size);
    int error = pq_hkdf(request->algorithm, salt, ikm, info, okm, size);

    answer(error, (struct pq_bytes){okm, size}, nothing);
    free(okm);
    bytes_free(info);
    bytes_free(ikm);
    bytes_free(salt);
}

/* sign-keygen ALGORITHM seed: public key, secret key */
static void run_sign_keygen(const struct request *request)
{
    struct pq_bytes seed = bytes_argument(request, 0);
    struct pq_sign_sizes sizes = {0};
    int error = pq_sign_sizes(request->algorithm, &sizes);
    uint8_t *public_key = allocate(sizes.public_key);
    uint8_t *secret_key = allocate(sizes.secret_key);

    if (!error)
        error = pq_sign_keygen(request->algorithm, seed, public_key, secret_key);
    answer(error, (struct pq_bytes){public_key, sizes.public_key},
           (struct pq_bytes){secret_key, sizes.secret_key});
    free(secret_key);
    free(public_key);
    bytes_free(seed);
}

/* Arguments 0 to 3: mode hash context message. With mode "prehash" the message is hashed here;
 * digest then holds what message->body points to. */
static void message_arguments(const struct request *request, struct pq_message *message,
                              struct pq_bytes *text, uint8_t digest[PQ_DIGEST_MAX])
{
    const char *mode = argument(request, 0);

    message->hash = algorithm_named(argument(request, 1));
    message->context = bytes_argument(request, 2);
    *text = bytes_argument(request, 3);
    message->body = *text;
    if (strcmp(mode, "pure") == 0) {
        message->mode = PQ_MESSAGE_PURE;
    } else if (strcmp(mode, "internal") == 0) {
        message->mode = PQ_MESSAGE_INTERNAL;
    } else if (strcmp(mode, "mu") == 0) {
        message->mode = PQ_MESSAGE_MU;
    } else if (strcmp(mode, "prehash") == 0) {
        message->mode = PQ_MESSAGE_PREHASHED;
        message->body = (struct pq_bytes){digest, pq_hash_size(message->hash)};
        if (pq_hash(message->hash, *text, digest, message->body.size))
            fail("unknown hash");
    } else {
        fail("unknown mode");
    }
}

/* sign ALGORITHM mode hash context message secret-key random */
static void run_sign(const struct request *request)
{
    struct pq_message message;
    struct pq_bytes text;
    uint8_t digest[PQ_DIGEST_MAX];
    struct pq_bytes secret_key = bytes_argument(request, 4);
    struct pq_bytes random = bytes_argument(request, 5);
    struct pq_sign_sizes sizes = {0};
    int error = pq_sign_sizes(request->algorithm, &sizes);
    uint8_t *signature = allocate(sizes.signature);

    message_arguments(request, &message, &text, digest);
    if (!error)
        error =
            pq_sign(request->algorithm, secret_key, &message, random, signature, sizes.signature);
    answer(error, (struct pq_bytes){signature, sizes.signature}, nothing);
    free(signature);
    bytes_free(random);
    bytes_free(secret_key);
    bytes_free(text);
    bytes_free(message.context);
}

/* verify ALGORITHM mode hash context message public-key signature */
static void run_verify(const struct request *request)
{
    struct pq_message message;
    struct pq_bytes text;
    uint8_t digest[PQ_DIGEST_MAX];
    struct pq_bytes public_key = bytes_argument(request, 4);
    struct pq_bytes signature = bytes_argument(request, 5);

    message_arguments(request, &message, &text, digest);
    answer(pq_verify(request->algorithm, public_key, &message, signature), nothing, nothing);
    bytes_free(signature);
    bytes_free(public_key);
    bytes_free(text);
    bytes_free(message.context);
}

/* kem-keygen ALGORITHM seed: encapsulation key, decapsulation key */
static void run_kem_keygen(const struct request *request)
{
    struct pq_bytes seed = bytes_argument(request, 0);
    struct pq_kem_sizes sizes = {0};
    int error = pq_kem_sizes(request->algorithm, &sizes);
    uint8_t *public_key = allocate(sizes.public_key);
    uint8_t *secret_key = allocate(sizes.secret_key);

    if (!error)
        error = pq_kem_keygen(request->algorithm, seed, public_key, secret_key);
    answer(error, (struct pq_bytes){public_key, sizes.public_key},
           (struct pq_bytes){secret_key, sizes.secret_key});
    free(secret_key);
    free(public_key);
    bytes_free(seed);
}

/* kem-encapsulate ALGORITHM encapsulation-key m: ciphertext, shared secret */
static void run_kem_encapsulate(const struct request *request)
{
    struct pq_bytes public_key = bytes_argument(request, 0);
    struct pq_bytes random = bytes_argument(request, 1);
    struct pq_kem_sizes sizes = {0};
    int error = pq_kem_sizes(request->algorithm, &sizes);
    uint8_t *ciphertext = allocate(sizes.ciphertext);
    uint8_t *shared = allocate(sizes.shared);

    if (!error)
        error = pq_kem_encapsulate(request->algorithm, public_key, random, ciphertext, shared);
    answer(error, (struct pq_bytes){ciphertext, sizes.ciphertext},
           (struct pq_bytes){shared, sizes.shared});
    free(shared);
    free(ciphertext);
    bytes_free(random);
    bytes_free(public_key);
}

/* kem-decapsulate ALGORITHM decapsulation-key ciphertext: shared secret */
static void run_kem_decapsulate(const struct request *request)
{
    struct pq_bytes secret_key = bytes_argument(request, 0);
    struct pq_bytes ciphertext = bytes_argument(request, 1);
    struct pq_kem_sizes sizes = {0};
    int error = pq_kem_sizes(request->algorithm, &sizes);
    uint8_t *shared = allocate(sizes.shared);

    if (!error)
        error = pq_kem_decapsulate(request->algorithm, secret_key, ciphertext, shared);
    answer(error, (struct pq_bytes){shared, sizes.shared}, nothing);
    free(shared);
    bytes_free(ciphertext);
    bytes_free(secret_key);
}

/* aead-seal ALGORITHM key nonce aad plain: ciphertext, tag
 * aead-open ALGORITHM key nonce aad ciphertext tag: plain */
static void run_aead(const struct request *request)
{
    struct pq_aead aead = {
        .algorithm = request->algorithm,
        .key = bytes_argument(request, 0),
        .nonce = bytes_argument(request, 1),
        .aad = bytes_argument(request, 2),
    };
    struct pq_bytes data = bytes_argument(request, 3);
    uint8_t *out = allocate(data.size);

    if (request->count == 4) {
        uint8_t tag[PQ_AEAD_TAG];
        int error = pq_aead_seal(&aead, data, out, tag);
        answer(error, (struct pq_bytes){out, data.size}, (struct pq_bytes){tag, sizeof tag});
    } else {
        struct pq_bytes tag = bytes_argument(request, 4);
        if (tag.size != PQ_AEAD_TAG)
            fail("a tag has 16 bytes");
        answer(pq_aead_open(&aead, data, tag.data, out), (struct pq_bytes){out, data.size},
               nothing);
        bytes_free(tag);
    }
    free(out);
    bytes_free(data);
    bytes_free(aead.aad);
    bytes_free(aead.nonce);
    bytes_free(aead.key);
}

/* drbg SHA2-512 entropy personalization reseed-entropy size: two requests of size bytes, the reseed
 * (unless it is empty) between them */
static void run_drbg(const struct request *request)
{
    struct pq_bytes entropy = bytes_argument(request, 0);
    struct pq_bytes personalization = bytes_argument(request, 1);
    struct pq_bytes fresh = bytes_argument(request, 2);
    size_t size = number_argument(request, 3);
    uint8_t *first = allocate(size);
    uint8_t *second = allocate(size);
    struct pq_drbg drbg;
    int error = pq_drbg_init(&drbg, entropy, personalization);

    if (!error)
        error = pq_drbg_generate(&drbg, first, size);
    if (!error && fresh.size != 0)
        error = pq_drbg_reseed(&drbg, fresh);
    if (!error)
        error = pq_drbg_generate(&drbg, second, size);
    answer(error, (struct pq_bytes){first, size}, (struct pq_bytes){second, size});
    free(second);
    free(first);
    bytes_free(fresh);
    bytes_free(personalization);
    bytes_free(entropy);
}

struct operation {
    const char *name;
    void (*run)(const struct request *request);
};

static const struct operation operations[] = {
    {"hash", run_hash},
    {"hmac", run_hmac},
    {"hkdf", run_hkdf},
    {"sign-keygen", run_sign_keygen},
    {"sign", run_sign},
    {"verify", run_verify},
    {"kem-keygen", run_kem_keygen},
    {"kem-encapsulate", run_kem_encapsulate},
    {"kem-decapsulate", run_kem_decapsulate},
    {"aead-seal", run_aead},
    {"aead-open", run_aead},
    {"drbg", run_drbg},
};

static void run_line(char *line)
{
    struct request request = {0};
    char *rest = NULL;
    const char *operation = strtok_r(line, " \n", &rest);
    const char *algorithm = strtok_r(NULL, " \n", &rest);

    if (!operation || !algorithm)
        fail("no operation or no algorithm");
    request.algorithm = algorithm_named(algorithm);
    for (char *word; (word = strtok_r(NULL, " \n", &rest)) != NULL;) {
        if (request.count == ARGUMENTS)
            fail("too many arguments");
        request.argument[request.count++] = word;
    }
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (strcmp(operations[i].name, operation) == 0) {
            operations[i].run(&request);
            fflush(stdout);
            return;
        }
    }
    fail("unknown operation");
}

/* 77 when the processor has not what the word asks for, else 0. */
static int use_processor(const char *word)
{
    unsigned wanted = strcmp(word, "aes") == 0   ? PQ_PROCESSOR_AES
                      : strcmp(word, "sha") == 0 ? PQ_PROCESSOR_SHA
                                                 : 0u;

    if (wanted == 0 && strcmp(word, "portable") != 0)
        fail("unknown instructions");
    pq_processor_limit(wanted);
    return pq_processor() == wanted ? 0 : 77;
}

int main(int count, char **arguments)
{
    char *line = NULL;
    size_t room = 0;

    if (count > 1 && use_processor(arguments[1]) != 0)
        return 77;

    while (getline(&line, &room, stdin) > 0)
        run_line(line);
    free(line);
    return 0;
}
