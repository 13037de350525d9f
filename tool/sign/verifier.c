/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key by which a verifier is known to a machine whose image names it: verifier.key and
 * verifier.pub in a folder of keys. Of both key pairs the ML-DSA-87 one is used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest.h"
#include "sign.h"

void verifier_create(const char *folder, struct pq_bytes passphrase)
{
    struct buffer public_keys = {NULL, 0, 0};
    struct key_set set;

    keys_create(&set, file_in(folder, "verifier.key"), passphrase);
    write_keys(&public_keys, &set.public_keys);
    file_write(file_in(folder, "verifier.pub"), public_keys.data, public_keys.size, 0);
    keys_forget(&set);
    free(public_keys.data);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_digest(const char *text, uint8_t digest[64])
{
    if (strlen(text) != 128)
        die("a transcript has 128 digits");
    for (unsigned i = 0; i < 64; i++) {
        int high = digit(text[2 * i]);
        int low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            die("a transcript is made of hexadecimal digits");
        digest[i] = (uint8_t)(high << 4 | low);
    }
}

void verifier_prove(const char *folder, struct pq_bytes passphrase, const char *transcript,
                    const char *out)
{
    uint8_t digest[64];
    uint8_t random[32];
    uint8_t signature[ATTEST_SIGNATURE_SIZE];
    struct key_set set;

    read_digest(transcript, digest);
    struct pq_message message = attest_proof_message(digest);
    keys_load(&set, file_in(folder, "verifier.key"), passphrase);
    random_bytes(random, sizeof random);
    if (manifest_required[0] != PQ_ML_DSA_87 ||
        pq_sign(PQ_ML_DSA_87, set.secret[0], &message, (struct pq_bytes){random, sizeof random},
                signature, sizeof signature) != PQ_OK)
        die("the session could not be signed");
    keys_forget(&set);
    file_write(out, signature, sizeof signature, 0);
}
