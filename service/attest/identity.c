/* SPDX-License-Identifier: BSD-2-Clause */
#include "identity.h"

#include <component/component.h>
#include <entropy/entropy.h>
#include <stdbool.h>
#include <string.h>
#include <tpm_quote.h>

#include "chip.h"

enum { KEY_SIZE = 2592, SECRET_SIZE = 4896, QUOTED_PCRS = (1 << ATTEST_PCRS) - 1 };

static struct tpm *tpm;
static struct entropy entropy;
static struct jitter jitter;
static bool ready;
static uint8_t public_key[KEY_SIZE];
static uint8_t secret_key[SECRET_SIZE];

static bool tpm_noise(void *context, uint8_t noise[8])
{
    (void)context;
    return tpm_random(tpm, noise, 8) == TPM_OK;
}

static const char *prepare(void)
{
    uint8_t seed[32];

    tpm = chip_find();
    if (!tpm) {
        return "this machine has no TPM 2.0 with a bank of SHA-2";
    }
    entropy_initialize(&entropy);
    if (!entropy_add_processor(&entropy, &jitter) ||
        !entropy_add(&entropy, HEALTH_ONE_BIT, tpm_noise, NULL) ||
        entropy_read(&entropy, seed, sizeof(seed)) != sizeof(seed) ||
        pq_sign_keygen(PQ_ML_DSA_87, (struct pq_bytes){seed, sizeof(seed)}, public_key,
                       secret_key) != PQ_OK) {
        return "this machine has no random numbers for a key";
    }
    pq_wipe(seed, sizeof(seed));
    ready = true;
    return NULL;
}

static bool quote(const uint8_t *challenge, uint8_t *answer)
{
    const unsigned bank = chip_bank();
    struct tpm_key key;
    struct tpm_quote said;
    uint8_t qualifying[32];

    for (unsigned i = 0; i < ATTEST_PCRS; i++) {
        if (tpm_read_pcr(tpm, bank, i, answer + ATTEST_AT_PCRS + 64 * i) != TPM_OK) {
            return false;
        }
    }
    attest_qualifying(challenge, answer, qualifying);
    if (tpm_make_key(tpm, &key) != TPM_OK) {
        return false;
    }
    int error = tpm_quote(tpm, &key, bank, QUOTED_PCRS, qualifying, &said);
    if (tpm_drop_key(tpm, &key) != TPM_OK || error != TPM_OK) {
        return false;
    }
    memcpy(answer + ATTEST_AT_TPM_KEY, key.x, 32);
    memcpy(answer + ATTEST_AT_TPM_KEY + 32, key.y, 32);
    memcpy(answer + ATTEST_AT_QUOTE, said.bytes, said.size);
    memcpy(answer + ATTEST_AT_QUOTE_SIGNATURE, said.r, 32);
    memcpy(answer + ATTEST_AT_QUOTE_SIGNATURE + 32, said.s, 32);
    answer[ATTEST_AT_BANK] = (uint8_t)tpm->banks[bank].algorithm;
    answer[ATTEST_AT_BANK + 1] = (uint8_t)(tpm->banks[bank].algorithm >> 8);
    answer[ATTEST_AT_AEAD] = (uint8_t)attest_aead();
    answer[ATTEST_AT_AEAD + 1] = (uint8_t)(attest_aead() >> 8);
    answer[ATTEST_AT_QUOTE_SIZE] = (uint8_t)said.size;
    answer[ATTEST_AT_QUOTE_SIZE + 1] = (uint8_t)(said.size >> 8);
    return true;
}

static bool sign(const uint8_t *challenge, uint8_t *answer)
{
    uint8_t digest[64];
    uint8_t random[32];
    struct pq_message message = attest_message(challenge, answer, digest);
    bool done = entropy_read(&entropy, random, sizeof(random)) == sizeof(random) &&
                pq_sign(PQ_ML_DSA_87, (struct pq_bytes){secret_key, SECRET_SIZE}, &message,
                        (struct pq_bytes){random, sizeof(random)}, answer + ATTEST_AT_SIGNATURE,
                        ATTEST_SIGNATURE_SIZE) == PQ_OK;

    pq_wipe(random, sizeof(random));
    return done;
}

const char *identity_answer(const uint8_t *challenge, uint8_t *answer,
                            struct attest_session *session)
{
    const struct pq_bytes their_key = {challenge + ATTEST_NONCE_SIZE, ATTEST_KEM_KEY_SIZE};
    const char *problem = ready ? NULL : prepare();
    uint8_t random[32];
    uint8_t shared[32];

    if (problem) {
        return problem;
    }
    memset(answer, 0, ATTEST_ANSWER_SIZE);
    memcpy(answer + ATTEST_AT_KEY, public_key, KEY_SIZE);
    if (entropy_read(&entropy, random, sizeof(random)) != sizeof(random)) {
        return "this machine has no random numbers";
    }
    if (pq_kem_encapsulate(PQ_ML_KEM_1024, their_key, (struct pq_bytes){random, sizeof(random)},
                           answer + ATTEST_AT_CIPHERTEXT, shared) != PQ_OK) {
        return "the challenge's key is none";
    }
    if (!quote(challenge, answer)) {
        problem = "the TPM gives no quote";
    } else if (!sign(challenge, answer)) {
        problem = "the answer could not be signed";
    } else if (attest_session_start(session, challenge, answer, shared, 1) != 0) {
        problem = "the answer names no encryption";
    }
    pq_wipe(random, sizeof(random));
    pq_wipe(shared, sizeof(shared));
    return problem;
}
