/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealing to PCRs (TPM 2.0 Library, part 3): a storage key of the owner hierarchy (24.1), an object
 * with data and a policy under it (12.1, 12.2), made persistent (28.5), and its unsealing (12.7) in
 * a policy session (11.1, 23.7).
 */
#include "tpm_seal.h"

#include <string.h>

#include "tpm_object.h"

enum {
    COMMAND_EVICT_CONTROL = 0x120,
    COMMAND_CREATE = 0x153,
    COMMAND_LOAD = 0x157,
    COMMAND_UNSEAL = 0x15e,
    COMMAND_POLICY_PCR = 0x17f,
    COMMAND_POLICY_GET_DIGEST = 0x189,
};

/* What is sealed has no way in but its policy: USER_WITH_AUTH is not set. */
enum {
    SEALED = FIXED_TPM | FIXED_PARENT | NO_DA,
    STORAGE =
        FIXED_TPM | FIXED_PARENT | SENSITIVE_ORIGIN | USER_WITH_AUTH | NO_DA | RESTRICTED | DECRYPT,
};

enum { DIGEST = 32, LOADED_MAX = 480 };

/* A policy session (or a trial) in which the PCRs have been looked at. */
static int start_session(struct tpm *tpm, unsigned kind, unsigned bank, uint32_t pcrs,
                         uint32_t *session)
{
    struct message message;
    int error = object_start_session(tpm, kind, session);

    if (error)
        return error;
    message_begin(&message, TAG_NO_SESSIONS, COMMAND_POLICY_PCR);
    message_put(&message, *session, 4);
    message_put(&message, 0, 2); /* whatever they are now */
    object_put_pcrs(&message, tpm, bank, pcrs);
    error = message_send(tpm, &message);
    if (error)
        (void)object_flush(tpm, *session);
    return error;
}

/* The policy that holds while the PCRs are as they are now. */
static int current_policy(struct tpm *tpm, unsigned bank, uint32_t pcrs, uint8_t policy[DIGEST])
{
    struct message message;
    const uint8_t *bytes = NULL;
    uint32_t session;
    int error = start_session(tpm, SESSION_TRIAL, bank, pcrs, &session);

    if (error)
        return error;
    message_begin(&message, TAG_NO_SESSIONS, COMMAND_POLICY_GET_DIGEST);
    message_put(&message, session, 4);
    error = message_send(tpm, &message);
    if (!error && message_get(&message, 2) == DIGEST)
        bytes = message_get_bytes(&message, DIGEST);
    if (bytes)
        memcpy(policy, bytes, DIGEST);
    (void)object_flush(tpm, session);
    return error ? error : bytes ? TPM_OK : TPM_ERROR_RESPONSE;
}

/* The storage key under which things are sealed: the same one each time (part 1, section 14). */
static int make_storage_key(struct tpm *tpm, uint32_t *handle)
{
    struct message message;

    object_begin_primary(&message, HIERARCHY_OWNER, 26);
    message_put(&message, ALGORITHM_ECC, 2);
    message_put(&message, TPM_SHA256, 2);
    message_put(&message, STORAGE, 4);
    message_put(&message, 0, 2); /* no policy */
    message_put(&message, ALGORITHM_AES, 2);
    message_put(&message, 128, 2);
    message_put(&message, ALGORITHM_CFB, 2);
    message_put(&message, ALGORITHM_NULL, 2); /* no scheme */
    message_put(&message, CURVE_P256, 2);
    message_put(&message, ALGORITHM_NULL, 2); /* no KDF */
    message_put(&message, 0, 4);              /* an empty point */
    object_end_creation(&message);
    return object_send(tpm, &message, handle);
}

/* Makes the sealed object; loaded: its private and public part as TPM2_Load takes them. */
static int create(struct tpm *tpm, uint32_t parent, const uint8_t policy[DIGEST],
                  const uint8_t *data, size_t size, uint8_t loaded[LOADED_MAX], size_t *loaded_size)
{
    struct message message;
    int error;

    message_begin(&message, TAG_SESSIONS, COMMAND_CREATE);
    message_put(&message, parent, 4);
    message_put_password(&message);
    message_put(&message, 4 + size, 2); /* sensitive: no password, the data */
    message_put(&message, 0, 2);
    message_put(&message, size, 2);
    message_put_bytes(&message, data, size);
    message_put(&message, 14 + DIGEST, 2); /* the public area's size */
    message_put(&message, ALGORITHM_KEYEDHASH, 2);
    message_put(&message, TPM_SHA256, 2);
    message_put(&message, SEALED, 4);
    message_put(&message, DIGEST, 2);
    message_put_bytes(&message, policy, DIGEST);
    message_put(&message, ALGORITHM_NULL, 2);
    message_put(&message, 0, 2);
    object_end_creation(&message);
    error = message_send(tpm, &message);
    if (!error) {
        message_get(&message, 4); /* size of the parameters */
        size_t from = message.at;
        message_get_bytes(&message, message_get(&message, 2));
        message_get_bytes(&message, message_get(&message, 2));
        *loaded_size = message.at - from;
        if (message.bad || *loaded_size > LOADED_MAX)
            error = TPM_ERROR_RESPONSE;
        else
            memcpy(loaded, message.bytes + from, *loaded_size);
    }
    pq_wipe(&message, sizeof message);
    return error;
}

static int load(struct tpm *tpm, uint32_t parent, const uint8_t *loaded, size_t size,
                uint32_t *handle)
{
    struct message message;

    message_begin(&message, TAG_SESSIONS, COMMAND_LOAD);
    message_put(&message, parent, 4);
    message_put_password(&message);
    message_put_bytes(&message, loaded, size);
    return object_send(tpm, &message, handle);
}

static int evict_control(struct tpm *tpm, uint32_t object, uint32_t handle)
{
    struct message message;

    message_begin(&message, TAG_SESSIONS, COMMAND_EVICT_CONTROL);
    message_put(&message, HIERARCHY_OWNER, 4);
    message_put(&message, object, 4);
    message_put_password(&message);
    message_put(&message, handle, 4);
    return message_send(tpm, &message);
}

int tpm_seal(struct tpm *tpm, unsigned bank, uint32_t pcrs, uint32_t handle, const uint8_t *data,
             size_t size)
{
    uint8_t policy[DIGEST];
    uint8_t loaded[LOADED_MAX];
    size_t loaded_size = 0;
    uint32_t parent;
    uint32_t object;
    int error;

    if (bank >= tpm->bank_count || size == 0 || size > TPM_SEALED_MAX)
        return TPM_ERROR_RESPONSE;
    error = current_policy(tpm, bank, pcrs, policy);
    if (!error)
        error = make_storage_key(tpm, &parent);
    if (error)
        return error;
    error = create(tpm, parent, policy, data, size, loaded, &loaded_size);
    if (!error)
        error = load(tpm, parent, loaded, loaded_size, &object);
    (void)object_flush(tpm, parent);
    if (error)
        return error;
    error = evict_control(tpm, object, handle);
    (void)object_flush(tpm, object);
    return error;
}

int tpm_unseal(struct tpm *tpm, unsigned bank, uint32_t pcrs, uint32_t handle, uint8_t *data)
{
    struct message message;
    const uint8_t *bytes;
    uint32_t session;
    uint32_t size = 0;
    int error;

    if (bank >= tpm->bank_count)
        return TPM_ERROR_RESPONSE;
    error = start_session(tpm, SESSION_POLICY, bank, pcrs, &session);
    if (error)
        return error;
    message_begin(&message, TAG_SESSIONS, COMMAND_UNSEAL);
    message_put(&message, handle, 4);
    message_put_session(&message, session);
    error = message_send(tpm, &message);
    if (!error) { /* the session has ended with it */
        message_get(&message, 4);
        size = message_get(&message, 2);
        bytes = message_get_bytes(&message, size);
        if (!bytes || size == 0 || size > TPM_SEALED_MAX)
            error = TPM_ERROR_RESPONSE;
        else
            memcpy(data, bytes, size);
    } else {
        (void)object_flush(tpm, session);
    }
    pq_wipe(&message, sizeof message);
    return error ? error : (int)size;
}

int tpm_is_absent(const struct tpm *tpm)
{
    return tpm->code == TPM_RC_HANDLE_1;
}

int tpm_evict(struct tpm *tpm, uint32_t handle)
{
    return evict_control(tpm, handle, handle);
}
