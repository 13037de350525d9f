/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers the requests of crosscheck.py with OpenSSL's libcrypto, which is loaded at run time:
 * lines with bytes in hex, "-" for none. The few EVP functions used are declared here, so that no
 * headers are needed; the program is started with the loader that fits the library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* <openssl/core.h> */
struct ossl_param {
    const char *key;
    unsigned data_type;
    void *data;
    size_t data_size;
    size_t return_size;
};

#define OSSL_PARAM_OCTET_STRING 5
#define ROOM                    65536

static void *(*EVP_PKEY_CTX_new_from_name)(void *, const char *, const char *);
static int (*EVP_PKEY_keygen_init)(void *);
static int (*EVP_PKEY_CTX_set_params)(void *, const struct ossl_param *);
static int (*EVP_PKEY_generate)(void *, void **);
static void *(*EVP_PKEY_new_raw_public_key_ex)(void *, const char *, const char *,
                                               const unsigned char *, size_t);
static void *(*EVP_PKEY_new_raw_private_key_ex)(void *, const char *, const char *,
                                                const unsigned char *, size_t);
static int (*EVP_PKEY_get_raw_public_key)(const void *, unsigned char *, size_t *);
static int (*EVP_PKEY_get_raw_private_key)(const void *, unsigned char *, size_t *);
static void (*EVP_PKEY_free)(void *);
static void *(*EVP_MD_CTX_new)(void);
static void (*EVP_MD_CTX_free)(void *);
static int (*EVP_DigestSignInit_ex)(void *, void *, const char *, void *, const char *, void *,
                                    const struct ossl_param *);
static int (*EVP_DigestVerifyInit_ex)(void *, void *, const char *, void *, const char *, void *,
                                      const struct ossl_param *);
static int (*EVP_DigestSign)(void *, unsigned char *, size_t *, const unsigned char *, size_t);
static int (*EVP_DigestVerify)(void *, const unsigned char *, size_t, const unsigned char *,
                               size_t);
static void *(*EVP_PKEY_CTX_new_from_pkey)(void *, void *, const char *);
static void (*EVP_PKEY_CTX_free)(void *);
static int (*EVP_PKEY_encapsulate_init)(void *, const struct ossl_param *);
static int (*EVP_PKEY_encapsulate)(void *, unsigned char *, size_t *, unsigned char *, size_t *);
static int (*EVP_PKEY_decapsulate_init)(void *, const void *);
static int (*EVP_PKEY_decapsulate)(void *, unsigned char *, size_t *, const unsigned char *,
                                   size_t);

#define LOAD(name) load(handle, #name, &name)

static void load(void *handle, const char *name, void *pointer)
{
    void *symbol = dlsym(handle, name);
    if (!symbol) {
        fprintf(stderr, "libcrypto: no %s\n", name);
        exit(2);
    }
    memcpy(pointer, &symbol, sizeof symbol);
}

static void load_all(void)
{
    void *handle = dlopen("libcrypto.so.3", RTLD_NOW);
    if (!handle) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    LOAD(EVP_PKEY_CTX_new_from_name);
    LOAD(EVP_PKEY_keygen_init);
    LOAD(EVP_PKEY_CTX_set_params);
    LOAD(EVP_PKEY_generate);
    LOAD(EVP_PKEY_new_raw_public_key_ex);
    LOAD(EVP_PKEY_new_raw_private_key_ex);
    LOAD(EVP_PKEY_get_raw_public_key);
    LOAD(EVP_PKEY_get_raw_private_key);
    LOAD(EVP_PKEY_free);
    LOAD(EVP_MD_CTX_new);
    LOAD(EVP_MD_CTX_free);
    LOAD(EVP_DigestSignInit_ex);
    LOAD(EVP_DigestVerifyInit_ex);
    LOAD(EVP_DigestSign);
    LOAD(EVP_DigestVerify);
    LOAD(EVP_PKEY_CTX_new_from_pkey);
    LOAD(EVP_PKEY_CTX_free);
    LOAD(EVP_PKEY_encapsulate_init);
    LOAD(EVP_PKEY_encapsulate);
    LOAD(EVP_PKEY_decapsulate_init);
    LOAD(EVP_PKEY_decapsulate);
}

struct bytes {
    unsigned char data[ROOM];
    size_t size;
};

static struct bytes argument[4];
static struct bytes first;
static struct bytes second;

static void parse(struct bytes *out, const char *hex)
{
    out->size = 0;
    if (!hex || strcmp(hex, "-") == 0)
        return;
    for (; hex[0] && hex[1] && out->size < ROOM; hex += 2) {
        unsigned byte;
        if (sscanf(hex, "%2x", &byte) != 1)
            exit(2);
        out->data[out->size++] = (unsigned char)byte;
    }
}

static void print(const struct bytes *bytes)
{
    if (bytes->size != 0)
        putchar(' ');
    for (size_t i = 0; i < bytes->size; i++)
        printf("%02x", bytes->data[i]);
}

static struct ossl_param octets(const char *key, struct bytes *bytes)
{
    return (struct ossl_param){key, OSSL_PARAM_OCTET_STRING, bytes->data, bytes->size, 0};
}

/* Argument: the seed. */
static int keygen(const char *name)
{
    struct ossl_param params[2] = {octets("seed", &argument[0])};
    void *context = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
    void *key = NULL;
    int good;

    first.size = second.size = ROOM;
    good = context && EVP_PKEY_keygen_init(context) == 1 &&
           EVP_PKEY_CTX_set_params(context, params) == 1 && EVP_PKEY_generate(context, &key) == 1 &&
           EVP_PKEY_get_raw_public_key(key, first.data, &first.size) == 1 &&
           EVP_PKEY_get_raw_private_key(key, second.data, &second.size) == 1;
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    return good;
}

/* Arguments: context, message, key, and the signature or what the signer's randomness is to be. */
static int sign_or_verify(const char *name, int verify)
{
    struct bytes *message = &argument[1];
    struct ossl_param params[3] = {octets("context-string", &argument[0])};
    void *key = (verify ? EVP_PKEY_new_raw_public_key_ex : EVP_PKEY_new_raw_private_key_ex)(
        NULL, name, NULL, argument[2].data, argument[2].size);
    void *digest = EVP_MD_CTX_new();
    int good = key != NULL;

    if (good && verify) {
        good = EVP_DigestVerifyInit_ex(digest, NULL, NULL, NULL, NULL, key, params) == 1 &&
               EVP_DigestVerify(digest, argument[3].data, argument[3].size, message->data,
                                message->size) == 1;
    } else if (good) {
        params[1] = octets("test-entropy", &argument[3]);
        first.size = ROOM;
        good = EVP_DigestSignInit_ex(digest, NULL, NULL, NULL, NULL, key, params) == 1 &&
               EVP_DigestSign(digest, first.data, &first.size, message->data, message->size) == 1;
    }
    EVP_MD_CTX_free(digest);
    EVP_PKEY_free(key);
    return good;
}

/* Arguments: key, randomness. */
static int encapsulate(const char *name)
{
    struct ossl_param params[2] = {octets("ikme", &argument[1])};
    void *key =
        EVP_PKEY_new_raw_public_key_ex(NULL, name, NULL, argument[0].data, argument[0].size);
    void *context = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    int good;

    first.size = second.size = ROOM;
    good = context && EVP_PKEY_encapsulate_init(context, params) == 1 &&
           EVP_PKEY_encapsulate(context, first.data, &first.size, second.data, &second.size) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return good;
}

static int decapsulate(const char *name)
{
    void *key =
        EVP_PKEY_new_raw_private_key_ex(NULL, name, NULL, argument[0].data, argument[0].size);
    void *context = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    int good;

    first.size = ROOM;
    good = context && EVP_PKEY_decapsulate_init(context, NULL) == 1 &&
           EVP_PKEY_decapsulate(context, first.data, &first.size, argument[1].data,
                                argument[1].size) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return good;
}

static int run(const char *operation, const char *name)
{
    if (strcmp(operation, "keygen") == 0)
        return keygen(name);
    if (strcmp(operation, "sign") == 0)
        return sign_or_verify(name, 0);
    if (strcmp(operation, "verify") == 0)
        return sign_or_verify(name, 1);
    if (strcmp(operation, "encapsulate") == 0)
        return encapsulate(name);
    if (strcmp(operation, "decapsulate") == 0)
        return decapsulate(name);
    exit(2);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;

    load_all();
    while (getline(&line, &room, stdin) > 0) {
        char *rest = NULL;
        const char *operation = strtok_r(line, " \n", &rest);
        const char *name = strtok_r(NULL, " \n", &rest);

        if (!operation || !name)
            return 2;
        for (unsigned i = 0; i < 4; i++)
            parse(&argument[i], strtok_r(NULL, " \n", &rest));
        first.size = second.size = 0;
        if (run(operation, name)) {
            printf("ok");
            print(&first);
            print(&second);
            putchar('\n');
        } else {
            printf("error -5\n");
        }
        fflush(stdout);
    }
    free(line);
    return 0;
}
