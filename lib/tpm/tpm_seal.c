/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealing to PCRs (TPM 2.0 Library, part 3): a storage key of the owner hierarchy (24.1), an object
 * with data and a policy under it (12.1, 12.2), made persistent (28.5), and its unsealing (12.7) in
 * a policy session (11.1, 23.7).
 */
#include "tpm_seal.h"

#include <string.h>

#include "tpm_message.h"

enum {
    COMMAND_EVICT_CONTROL = 0x120,
    COMMAND_CREATE_PRIMARY = 0x131,
    COMMAND_CREATE = 0x153,
    COMMAND_LOAD = 0x157,
    COMMAND_UNSEAL = 0x15e,
    COMMAND_FLUSH_CONTEXT = 0x165,
    COMMAND_START_AUTH_SESSION = 0x176,
    COMMAND_POLICY_PCR = 0x17f,
    COMMAND_POLICY_GET_DIGEST = 0x189,
};
enum {
    ALGORITHM_AES = 0x06,
    ALGORITHM_KEYEDHASH = 0x08,
    ALGORITHM_NULL = 0x10,
    ALGORITHM_ECC = 0x23,
    ALGORITHM_CFB = 0x43,
    CURVE_P256 = 3,
};
enum { SESSION_POLICY = 1, SESSION_TRIAL = 3 };
#define HIERARCHY_OWNER 0x40000001u
#define HANDLE_NULL     0x40000007u

/* Part 2, table 31. What is sealed has no way in but its policy: USER_WITH_AUTH is not set. */
enum {
    FIXED_TPM = 1 << 1,
    FIXED_PARENT = 1 << 4,
    SENSITIVE_ORIGIN = 1 << 5,
    USER_WITH_AUTH = 1 << 6,
    NO_DA = 1 << 10,
    RESTRICTED = 1 << 16,
    DECRYPT = 1 << 17,
    SEALED = FIXED_TPM | FIXED_PARENT | NO_DA,
    STORAGE =
        FIXED_TPM | FIXED_PARENT | SENSITIVE_ORIGIN | USER_WITH_AUTH | NO_DA | RESTRICTED | DECRYPT,
};

enum { DIGEST = 32, LOADED_MAX = 480 };

static int flush(struct tpm *tpm, uint32_t handle)
{
    uint32_t code = tpm->code;
    struct message message;

    message_begin(&message, TAG_NO_SESSIONS, COMMAND_FLUSH_CONTEXT);
    message_put(&message, handle, 4);
    int error = message_send(tpm, &message);
    tpm->code = code; /* of what was done before */
    return error;
}

static void put_pcrs(struct message *message, const struct tpm *tpm, unsigned bank, uint32_t pcrs)
{
    message_put(message, 1, 4);
    message_put(message, tpm->banks[bank].algorithm, 2);
    message_put(message, 3, 1);
    for (unsigned i = 0; i < 3; i++)
        message_put(message, pcrs >> 8 * i & 0xff, 1);
}

/* A policy session (or a trial) in which the PCRs have been looked at. */
static int start_session(struct tpm *tpm, unsigned kind, unsigned bank, uint32_t pcrs,
                         uint32_t *session)
{
    static const uint8_t nonce[16];
    struct message message;
    int error;

    message_begin(&message, TAG_NO_SESSIONS, COMMAND_START_AUTH_SESSION);
    message_put(&message, HANDLE_NULL, 4); /* no salt */
    message_put(&message, HANDLE_NULL, 4); /* not bound */
    message_put(&message, sizeof nonce, 2);
    message_put_bytes(&message, nonce, sizeof nonce); /* it authorizes by no secret */
    message_put(&message, 0, 2);
    message_put(&message, kind, 1);
    message_put(&message, ALGORITHM_NULL, 2);
    message_put(&message, TPM_SHA256, 2);
    error = message_send(tpm, &message);
    if (error)
        return error;
    *session = message_get(&message, 4);
    if (message.bad)
        return TPM_ERROR_RESPONSE;
    message_begin(&message, TAG_NO_SESSIONS, COMMAND_POLICY_PCR);
    message_put(&message, *session, 4);
    message_put(&message, 0, 2); /* whatever they are now */
    put_pcrs(&message, tpm, bank, pcrs);
    error = message_send(tpm, &message);
    if (error)
        (void)flush(tpm, *session);
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
    (void)flush(tpm, session);
    return error ? error : bytes ? TPM_OK : TPM_ERROR_RESPONSE;
}

/* The storage key under which things are sealed: the same one each time (part 1, section 14). */
static int make_storage_key(struct tpm *tpm, uint32_t *handle)
{
    struct message message;
    int error;

    message_begin(&message, TAG_SESSIONS, COMMAND_CREATE_PRIMARY);
    message_put(&message, HIERARCHY_OWNER, 4);
    message_put_password(&message);
    message_put(&message, 4, 2); /* sensitive: no password, no data */
    message_put(&message, 0, 4);
    message_put(&message, 26, 2); /* the public area's size */
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
    message_put(&message, 0, 2);              /* outside information */
    message_put(&message, 0, 4);              /* no PCRs at its creation */
    error = message_send(tpm, &message);
    if (error)
        return error;
    *handle = message_get(&message, 4);
    return message.bad ? TPM_ERROR_RESPONSE : TPM_OK;
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
    message_put(&message, 0, 2); /* outside information */
    message_put(&message, 0, 4); /* no PCRs at its creation */
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
    int error;

    message_begin(&message, TAG_SESSIONS, COMMAND_LOAD);
    message_put(&message, parent, 4);
    message_put_password(&message);
    message_put_bytes(&message, loaded, size);
    error = message_send(tpm, &message);
    if (error)
        return error;
    *handle = message_get(&message, 4);
    return message.bad ? TPM_ERROR_RESPONSE : TPM_OK;
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
    (void)flush(tpm, parent);
    if (error)
        return error;
    error = evict_control(tpm, object, handle);
    (void)flush(tpm, object);
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
        (void)flush(tpm, session);
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
