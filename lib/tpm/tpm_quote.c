/* SPDX-License-Identifier: BSD-2-Clause */
/* Quotes, and random bytes (TPM 2.0 Library, part 3, sections 16.1, 18.4, 24.1, 28.4). */
#include "tpm_quote.h"

#include <string.h>

#include "tpm_object.h"

enum {
    COMMAND_QUOTE = 0x158,
    COMMAND_GET_RANDOM = 0x17b,
};

/* The key never leaves the TPM, is made in it, and signs nothing but what the TPM says itself. */
enum {
    ATTRIBUTES =
        FIXED_TPM | FIXED_PARENT | SENSITIVE_ORIGIN | USER_WITH_AUTH | NO_DA | RESTRICTED | SIGN,
};

/* A TPM2B of at most 32 bytes as a number of 32. */
static void get_coordinate(struct message *message, uint8_t out[32])
{
    uint32_t size = message_get(message, 2);
    const uint8_t *bytes = message_get_bytes(message, size);

    memset(out, 0, 32);
    if (size > 32)
        message->bad = 1;
    else if (bytes)
        memcpy(out + 32 - size, bytes, size);
}

/* TPMT_PUBLIC of an ECC key (part 2, table 217): its point. */
static void get_public(struct message *message, struct tpm_key *key)
{
    message_get(message, 2); /* size */
    if (message_get(message, 2) != ALGORITHM_ECC)
        message->bad = 1;
    message_get(message, 2);                             /* algorithm of the name */
    message_get(message, 4);                             /* attributes */
    message_get_bytes(message, message_get(message, 2)); /* policy */
    message_get(message, 2);                             /* symmetric */
    message_get(message, 2);                             /* scheme */
    message_get(message, 2);                             /* its hash */
    if (message_get(message, 2) != CURVE_P256)
        message->bad = 1;
    message_get(message, 2); /* KDF */
    get_coordinate(message, key->x);
    get_coordinate(message, key->y);
}

int tpm_make_key(struct tpm *tpm, struct tpm_key *key)
{
    struct message message;
    int error;

    object_begin_primary(&message, HIERARCHY_ENDORSEMENT, 24);
    message_put(&message, ALGORITHM_ECC, 2);
    message_put(&message, TPM_SHA256, 2);
    message_put(&message, ATTRIBUTES, 4);
    message_put(&message, 0, 2); /* no policy */
    message_put(&message, ALGORITHM_NULL, 2);
    message_put(&message, ALGORITHM_ECDSA, 2);
    message_put(&message, TPM_SHA256, 2);
    message_put(&message, CURVE_P256, 2);
    message_put(&message, ALGORITHM_NULL, 2);
    message_put(&message, 0, 4); /* an empty point */
    object_end_creation(&message);
    error = object_send(tpm, &message, &key->handle);
    if (error)
        return error;
    message_get(&message, 4); /* size of the parameters */
    get_public(&message, key);
    return message.bad ? TPM_ERROR_RESPONSE : TPM_OK;
}

int tpm_drop_key(struct tpm *tpm, const struct tpm_key *key)
{
    return object_flush(tpm, key->handle);
}

int tpm_quote(struct tpm *tpm, const struct tpm_key *key, unsigned bank, uint32_t pcrs,
              const uint8_t qualifying[32], struct tpm_quote *quote)
{
    struct message message;
    const uint8_t *bytes;
    int error;

    if (bank >= tpm->bank_count)
        return TPM_ERROR_RESPONSE;
    message_begin(&message, TAG_SESSIONS, COMMAND_QUOTE);
    message_put(&message, key->handle, 4);
    message_put_password(&message);
    message_put(&message, 32, 2);
    message_put_bytes(&message, qualifying, 32);
    message_put(&message, ALGORITHM_NULL, 2); /* the key's own scheme */
    object_put_pcrs(&message, tpm, bank, pcrs);
    error = message_send(tpm, &message);
    if (error)
        return error;
    message_get(&message, 4); /* size of the parameters */
    quote->size = message_get(&message, 2);
    bytes = message_get_bytes(&message, quote->size);
    if (!bytes || quote->size > sizeof quote->bytes)
        return TPM_ERROR_RESPONSE;
    memcpy(quote->bytes, bytes, quote->size);
    if (message_get(&message, 2) != ALGORITHM_ECDSA || message_get(&message, 2) != TPM_SHA256)
        return TPM_ERROR_RESPONSE;
    get_coordinate(&message, quote->r);
    get_coordinate(&message, quote->s);
    return message.bad ? TPM_ERROR_RESPONSE : TPM_OK;
}

int tpm_random(struct tpm *tpm, uint8_t *out, uint16_t size)
{
    struct message message;
    const uint8_t *bytes;
    int error;

    message_begin(&message, TAG_NO_SESSIONS, COMMAND_GET_RANDOM);
    message_put(&message, size, 2);
    error = message_send(tpm, &message);
    if (error)
        return error;
    if (message_get(&message, 2) != size)
        return TPM_ERROR_RESPONSE;
    bytes = message_get_bytes(&message, size);
    if (!bytes)
        return TPM_ERROR_RESPONSE;
    memcpy(out, bytes, size);
    return TPM_OK;
}
