/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secret keys at rest: the seeds of a key set, encrypted under a passphrase (doc/formats.md,
 * "Secret key file").
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "sign.h"

#define MAGIC      "QUOINKEY"
#define FORMAT     1
#define ITERATIONS 600000

/* Offsets in the file. */
enum {
    AT_FORMAT = 8,
    AT_ITERATIONS = 12,
    AT_SALT = 16,
    AT_NONCE = 48,
    AT_TAG = 60,
    AT_SEEDS = 76,
    SEEDS_SIZE = 32 + 96, /* ML-DSA-87, SLH-DSA-SHA2-256s */
    FILE_SIZE = AT_SEEDS + SEEDS_SIZE,
};

/* PBKDF2 with HMAC-SHA-512 (SP 800-132, RFC 8018 section 5.2), its first block. */
static void stretch(struct pq_bytes passphrase, const uint8_t salt[32], uint32_t iterations,
                    uint8_t key[PQ_AEAD_KEY])
{
    static const uint8_t block_number[4] = {0, 0, 0, 1};
    struct pq_hmac keyed;
    struct pq_hmac hmac;
    uint8_t u[64];
    uint8_t sum[64];

    pq_hmac_init(&keyed, PQ_SHA2_512, passphrase);
    hmac = keyed;
    pq_hmac_update(&hmac, salt, 32);
    pq_hmac_update(&hmac, block_number, sizeof block_number);
    pq_hmac_final(&hmac, u, sizeof u);
    memcpy(sum, u, sizeof sum);
    for (uint32_t i = 1; i < iterations; i++) {
        hmac = keyed;
        pq_hmac_update(&hmac, u, sizeof u);
        pq_hmac_final(&hmac, u, sizeof u);
        for (unsigned j = 0; j < sizeof sum; j++)
            sum[j] ^= u[j];
    }
    memcpy(key, sum, PQ_AEAD_KEY);
    pq_wipe(&keyed, sizeof keyed);
    pq_wipe(u, sizeof u);
    pq_wipe(sum, sizeof sum);
}

static void derive(struct key_set *set, const uint8_t seeds[SEEDS_SIZE])
{
    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        struct pq_sign_sizes sizes;
        uint8_t *public_key;
        uint8_t *secret_key;

        pq_sign_sizes(manifest_required[i], &sizes);
        public_key = allocate(sizes.public_key);
        secret_key = allocate(sizes.secret_key);
        if (pq_sign_keygen(manifest_required[i], (struct pq_bytes){seeds, sizes.seed}, public_key,
                           secret_key))
            die("a key pair could not be made");
        set->public_keys.key[i] = (struct pq_bytes){public_key, sizes.public_key};
        set->secret[i] = (struct pq_bytes){secret_key, sizes.secret_key};
        seeds += sizes.seed;
    }
}

static uint32_t load32(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static void store32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

void keys_create(struct key_set *set, const char *path, struct pq_bytes passphrase)
{
    uint8_t file[FILE_SIZE];
    uint8_t seeds[SEEDS_SIZE];
    uint8_t key[PQ_AEAD_KEY];
    struct pq_aead aead = {
        PQ_AES_256_GCM, {key, sizeof key}, {file + AT_NONCE, PQ_AEAD_NONCE}, {file, AT_TAG}};

    if (access(path, F_OK) == 0)
        die("%s is there already: it is not overwritten", path);
    random_bytes(seeds, sizeof seeds);
    derive(set, seeds);

    memcpy(file, MAGIC, 8);
    store32(file + AT_FORMAT, FORMAT);
    store32(file + AT_ITERATIONS, ITERATIONS);
    random_bytes(file + AT_SALT, 32 + PQ_AEAD_NONCE);
    stretch(passphrase, file + AT_SALT, ITERATIONS, key);
    pq_aead_seal(&aead, (struct pq_bytes){seeds, sizeof seeds}, file + AT_SEEDS, file + AT_TAG);
    file_write(path, file, sizeof file, 1);
    pq_wipe(seeds, sizeof seeds);
    pq_wipe(key, sizeof key);
}

void keys_load(struct key_set *set, const char *path, struct pq_bytes passphrase)
{
    struct pq_bytes file = file_read(path);
    uint8_t seeds[SEEDS_SIZE];
    uint8_t key[PQ_AEAD_KEY];
    struct pq_aead aead = {PQ_AES_256_GCM, {key, sizeof key}, {NULL, 0}, {NULL, 0}};
    uint32_t iterations;

    if (file.size != FILE_SIZE || memcmp(file.data, MAGIC, 8) != 0 ||
        load32(file.data + AT_FORMAT) != FORMAT)
        die("%s is not a secret key file", path);
    iterations = load32(file.data + AT_ITERATIONS);
    if (iterations == 0 || iterations > 100 * ITERATIONS)
        die("%s is damaged: it asks for %u iterations", path, (unsigned)iterations);
    stretch(passphrase, file.data + AT_SALT, iterations, key);
    aead.nonce = (struct pq_bytes){file.data + AT_NONCE, PQ_AEAD_NONCE};
    aead.aad = (struct pq_bytes){file.data, AT_TAG};
    if (pq_aead_open(&aead, (struct pq_bytes){file.data + AT_SEEDS, SEEDS_SIZE}, file.data + AT_TAG,
                     seeds))
        die("%s: the passphrase is wrong, or the file is damaged", path);
    derive(set, seeds);
    pq_wipe(seeds, sizeof seeds);
    pq_wipe(key, sizeof key);
    free((void *)(uintptr_t)file.data);
}

void keys_forget(struct key_set *set)
{
    for (unsigned i = 0; i < MANIFEST_REQUIRED; i++) {
        pq_wipe((void *)(uintptr_t)set->secret[i].data, set->secret[i].size);
        free((void *)(uintptr_t)set->secret[i].data);
        free((void *)(uintptr_t)set->public_keys.key[i].data);
    }
    memset(set, 0, sizeof *set);
}

static struct pq_bytes ask(const char *question)
{
    FILE *terminal = fopen("/dev/tty", "r+");
    struct termios before;
    struct termios quiet;
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    if (!terminal || tcgetattr(fileno(terminal), &before) < 0)
        die("there is no terminal to ask for the passphrase: use --passphrase-file");
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fputs(question, terminal);
    fflush(terminal);
    tcsetattr(fileno(terminal), TCSAFLUSH, &quiet);
    size = getline(&line, &room, terminal);
    tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    fputc('\n', terminal);
    fclose(terminal);
    if (size < 0)
        die("no passphrase");
    return (struct pq_bytes){(uint8_t *)line, strcspn(line, "\n")};
}

struct pq_bytes passphrase_get(const char *path, int is_new)
{
    struct pq_bytes first;
    struct pq_bytes second;

    if (path) {
        first = file_read(path);
        for (size_t i = 0; i < first.size; i++) {
            if (first.data[i] == '\n')
                first.size = i;
        }
        return first;
    }
    first = ask("Passphrase: ");
    if (is_new) {
        second = ask("Again: ");
        if (first.size != second.size || !pq_equal(first.data, second.data, first.size))
            die("the two passphrases differ");
        pq_wipe((void *)(uintptr_t)second.data, second.size);
        free((void *)(uintptr_t)second.data);
    }
    return first;
}
