/* SPDX-License-Identifier: BSD-2-Clause */
/* Quotes, and random bytes (TPM 2.0 Library, part 3, sections 16.1, 18.4, 24.1, 28.4). */
#include "tpm_quote.h"

#include <string.h>

#include "tpm_message.h"

enum {
    COMMAND_CREATE_PRIMARY = 0x131,
    COMMAND_QUOTE = 0x158,
    COMMAND_FLUSH_CONTEXT = 0x165,
    COMMAND_GET_RANDOM = 0x17b,
};
enum { ALGORITHM_NULL = 0x10, ALGORITHM_ECDSA = 0x18, ALGORITHM_ECC = 0x23, CURVE_P256 = 3 };
#define HIERARCHY_ENDORSEMENT 0x4000000bu

/* Part 2, table 31: the key never leaves the TPM, is made in it, and signs nothing but what the TPM
 * says itself. */
enum {
    FIXED_TPM = 1 << 1,
    FIXED_PARENT = 1 << 4,
    SENSITIVE_ORIGIN = 1 << 5,
    USER_WITH_AUTH = 1 << 6,
    NO_DA = 1 << 10,
    RESTRICTED = 1 << 16,
    SIGN = 1 << 18,
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

    message_begin(&message, TAG_SESSIONS, COMMAND_CREATE_PRIMARY);
    message_put(&message, HIERARCHY_ENDORSEMENT, 4);
    message_put_password(&message);
    message_put(&message, 4, 2); /* sensitive: no password, no data */
    message_put(&message, 0, 4);
    message_put(&message, 24, 2); /* the public area's size */
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
    message_put(&message, 0, 2); /* outside information */
    message_put(&message, 0, 4); /* no PCRs at its creation */
    error = message_send(tpm, &message);
    if (error)
        return error;
    key->handle = message_get(&message, 4);
    message_get(&message, 4); /* size of the parameters */
    get_public(&message, key);
    return message.bad ? TPM_ERROR_RESPONSE : TPM_OK;
}

int tpm_drop_key(struct tpm *tpm, const struct tpm_key *key)
{
    struct message message;

    message_begin(&message, TAG_NO_SESSIONS, COMMAND_FLUSH_CONTEXT);
    message_put(&message, key->handle, 4);
    return message_send(tpm, &message);
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
    message_put(&message, 1, 4);
    message_put(&message, tpm->banks[bank].algorithm, 2);
    message_put(&message, 3, 1);
    for (unsigned i = 0; i < 3; i++)
        message_put(&message, pcrs >> 8 * i & 0xff, 1);
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
