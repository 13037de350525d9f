/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm_object.h"

enum {
    COMMAND_CREATE_PRIMARY = 0x131,
    COMMAND_FLUSH_CONTEXT = 0x165,
    COMMAND_START_AUTH_SESSION = 0x176,
};
#define HANDLE_NULL 0x40000007u

void object_begin_primary(struct message *message, uint32_t hierarchy, uint32_t public_size)
{
    message_begin(message, TAG_SESSIONS, COMMAND_CREATE_PRIMARY);
    message_put(message, hierarchy, 4);
    message_put_password(message);
    message_put(message, 4, 2); /* sensitive: no password, no data */
    message_put(message, 0, 4);
    message_put(message, public_size, 2);
}

void object_end_creation(struct message *message)
{
    message_put(message, 0, 2); /* outside information */
    message_put(message, 0, 4); /* PCRs at its creation */
}

int object_send(struct tpm *tpm, struct message *message, uint32_t *handle)
{
    int error = message_send(tpm, message);

    if (error)
        return error;
    *handle = message_get(message, 4);
    return message->bad ? TPM_ERROR_RESPONSE : TPM_OK;
}

int object_start_session(struct tpm *tpm, unsigned kind, uint32_t *session)
{
    static const uint8_t nonce[16];
    struct message message;

    message_begin(&message, TAG_NO_SESSIONS, COMMAND_START_AUTH_SESSION);
    message_put(&message, HANDLE_NULL, 4); /* no salt */
    message_put(&message, HANDLE_NULL, 4); /* not bound */
    message_put(&message, sizeof nonce, 2);
    message_put_bytes(&message, nonce, sizeof nonce);
    message_put(&message, 0, 2);
    message_put(&message, kind, 1);
    message_put(&message, ALGORITHM_NULL, 2);
    message_put(&message, TPM_SHA256, 2);
    return object_send(tpm, &message, session);
}

void object_put_pcrs(struct message *message, const struct tpm *tpm, unsigned bank, uint32_t pcrs)
{
    message_put(message, 1, 4);
    message_put(message, tpm->banks[bank].algorithm, 2);
    message_put(message, 3, 1);
    for (unsigned i = 0; i < 3; i++)
        message_put(message, pcrs >> 8 * i & 0xff, 1);
}

int object_flush(struct tpm *tpm, uint32_t handle)
{
    uint32_t code = tpm->code;
    struct message message;

    message_begin(&message, TAG_NO_SESSIONS, COMMAND_FLUSH_CONTEXT);
    message_put(&message, handle, 4);
    int error = message_send(tpm, &message);
    tpm->code = code;
    return error;
}
