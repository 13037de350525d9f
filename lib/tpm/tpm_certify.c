/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TPM 2.0 Library, part 3, sections 31.6 and 31.13 (reading NV), 24.1, 23.4 (PolicySecret) and 12.5
 * (ActivateCredential); TCG EK Credential Profile 2.3, section 2.2.1.4 (where certificates lie) and
 * B.3.3 (template L-1).
 */
#include "tpm_certify.h"

#include <string.h>

#include "tpm_object.h"

enum {
    COMMAND_ACTIVATE_CREDENTIAL = 0x147,
    COMMAND_NV_READ = 0x14e,
    COMMAND_POLICY_SECRET = 0x151,
    COMMAND_NV_READ_PUBLIC = 0x169,
};
enum { CERTIFICATE_INDEX = 0x01c00002, PIECE = 256 };

/* Template L-1. Its policy is PolicySecret with the endorsement hierarchy. */
enum {
    ATTRIBUTES =
        FIXED_TPM | FIXED_PARENT | SENSITIVE_ORIGIN | ADMIN_WITH_POLICY | RESTRICTED | DECRYPT,
    RSA_BITS = 2048,
    RSA_SIZE = RSA_BITS / 8,
    TEMPLATE_SIZE = 58,
};
_Static_assert(ATTRIBUTES == 0x000300b2, "EK Credential Profile, table of template L-1");
static const uint8_t policy[32] = {
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

/* How many bytes an NV index has. */
static int nv_size(struct tpm *tpm, uint32_t index, uint32_t *size)
{
    struct message message;
    int error;

    message_begin(&message, TAG_NO_SESSIONS, COMMAND_NV_READ_PUBLIC);
    message_put(&message, index, 4);
    error = message_send(tpm, &message);
    if (error)
        return error;
    /* TPM2B_NV_PUBLIC: index, hash, attributes, policy, size. */
    message_get(&message, 2);
    message_get(&message, 4);
    message_get(&message, 2);
    message_get(&message, 4);
    message_get_bytes(&message, message_get(&message, 2));
    *size = message_get(&message, 2);
    return message.bad ? TPM_ERROR_RESPONSE : TPM_OK;
}

int tpm_read_certificate(struct tpm *tpm, uint8_t certificate[TPM_CERTIFICATE_MAX])
{
    struct message message;
    uint32_t size = 0;
    int error = nv_size(tpm, CERTIFICATE_INDEX, &size);

    if (error)
        return error;
    if (size == 0 || size > TPM_CERTIFICATE_MAX)
        return TPM_ERROR_RESPONSE;
    for (uint32_t at = 0; at < size; at += PIECE) {
        uint32_t piece = size - at < PIECE ? size - at : PIECE;
        const uint8_t *bytes = NULL;

        message_begin(&message, TAG_SESSIONS, COMMAND_NV_READ);
        message_put(&message, CERTIFICATE_INDEX, 4);
        message_put(&message, CERTIFICATE_INDEX, 4);
        message_put_password(&message);
        message_put(&message, piece, 2);
        message_put(&message, at, 2);
        error = message_send(tpm, &message);
        if (error)
            return error;
        message_get(&message, 4);
        if (message_get(&message, 2) == piece)
            bytes = message_get_bytes(&message, piece);
        if (!bytes)
            return TPM_ERROR_RESPONSE;
        memcpy(certificate + at, bytes, piece);
    }
    return (int)size;
}

static int make_endorsement_key(struct tpm *tpm, uint32_t *handle)
{
    static const uint8_t unique[RSA_SIZE];
    struct message message;

    object_begin_primary(&message, HIERARCHY_ENDORSEMENT, TEMPLATE_SIZE + sizeof unique);
    message_put(&message, ALGORITHM_RSA, 2);
    message_put(&message, TPM_SHA256, 2);
    message_put(&message, ATTRIBUTES, 4);
    message_put(&message, sizeof policy, 2);
    message_put_bytes(&message, policy, sizeof policy);
    message_put(&message, ALGORITHM_AES, 2);
    message_put(&message, 128, 2);
    message_put(&message, ALGORITHM_CFB, 2);
    message_put(&message, ALGORITHM_NULL, 2);
    message_put(&message, RSA_BITS, 2);
    message_put(&message, 0, 4); /* exponent: 65537 */
    message_put(&message, sizeof unique, 2);
    message_put_bytes(&message, unique, sizeof unique);
    object_end_creation(&message);
    return object_send(tpm, &message, handle);
}

/* A session that has shown that it may use the endorsement hierarchy. */
static int start_session(struct tpm *tpm, uint32_t *session)
{
    struct message message;
    int error = object_start_session(tpm, SESSION_POLICY, session);

    if (error)
        return error;
    message_begin(&message, TAG_SESSIONS, COMMAND_POLICY_SECRET);
    message_put(&message, HIERARCHY_ENDORSEMENT, 4);
    message_put(&message, *session, 4);
    message_put_password(&message);
    message_put(&message, 0, 2); /* nonce */
    message_put(&message, 0, 2); /* command parameters */
    message_put(&message, 0, 2); /* reference */
    message_put(&message, 0, 4); /* does not expire */
    error = message_send(tpm, &message);
    if (error)
        (void)object_flush(tpm, *session);
    return error;
}

static int activate(struct tpm *tpm, uint32_t key, uint32_t endorsement, const uint8_t *blob,
                    size_t size, uint8_t credential[TPM_CREDENTIAL_MAX])
{
    struct message message;
    const uint8_t *bytes;
    uint32_t session;
    uint32_t got;
    int error = start_session(tpm, &session);

    if (error)
        return error;
    message_begin(&message, TAG_SESSIONS, COMMAND_ACTIVATE_CREDENTIAL);
    message_put(&message, key, 4);
    message_put(&message, endorsement, 4);
    message_put(&message, 18, 4); /* two authorizations, of 9 bytes each */
    message_put_authorization(&message, SESSION_PASSWORD);
    message_put_authorization(&message, session);
    message_put_bytes(&message, blob, size);
    error = message_send(tpm, &message);
    if (error) {
        (void)object_flush(tpm, session);
        return error;
    }
    message_get(&message, 4);
    got = message_get(&message, 2);
    bytes = message_get_bytes(&message, got);
    if (!bytes || got == 0 || got > TPM_CREDENTIAL_MAX)
        return TPM_ERROR_RESPONSE;
    memcpy(credential, bytes, got);
    return (int)got;
}

int tpm_activate(struct tpm *tpm, const struct tpm_key *key, const uint8_t *blob, size_t size,
                 uint8_t credential[TPM_CREDENTIAL_MAX])
{
    uint32_t endorsement;
    int result = make_endorsement_key(tpm, &endorsement);

    if (result)
        return result;
    result = activate(tpm, key->handle, endorsement, blob, size, credential);
    (void)object_flush(tpm, endorsement);
    return result;
}
