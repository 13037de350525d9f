/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm_object.h"

enum {
    COMMAND_CREATE_PRIMARY = 0x131,
    COMMAND_FLUSH_CONTEXT = 0x165,
    COMMAND_START_AUTH_SESSION = 0x176,
    COMMAND_GET_CAPABILITY = 0x17a,
};
#define CAPABILITY_HANDLES 1u

/* First handles of a kind (part 2, section 7.2): loaded sessions, transient objects. */
#define FIRST_SESSION   0x02000000u
#define FIRST_TRANSIENT 0x80000000u
/* Handles asked for at once, and how often: more than a TPM has. */
enum { HANDLES_AT_ONCE = 8, ROUNDS = 16 };

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

/* TPM2_GetCapability (part 3, 30.2) of a kind's handles, from its first on; how many there are in
 * handles, or an enum tpm_error. */
static int list_handles(struct tpm *tpm, uint32_t first, uint32_t handles[HANDLES_AT_ONCE])
{
    struct message message;
    uint32_t count;
    int error;

    message_begin(&message, TAG_NO_SESSIONS, COMMAND_GET_CAPABILITY);
    message_put(&message, CAPABILITY_HANDLES, 4);
    message_put(&message, first, 4);
    message_put(&message, HANDLES_AT_ONCE, 4);
    error = message_send(tpm, &message);
    if (error)
        return error;
    message_get(&message, 1); /* more data */
    if (message_get(&message, 4) != CAPABILITY_HANDLES)
        return TPM_ERROR_RESPONSE;
    count = message_get(&message, 4);
    if (count > HANDLES_AT_ONCE)
        return TPM_ERROR_RESPONSE;
    for (uint32_t i = 0; i < count; i++)
        handles[i] = message_get(&message, 4);
    return message.bad ? TPM_ERROR_RESPONSE : (int)count;
}

static int flush_kind(struct tpm *tpm, uint32_t first)
{
    uint32_t handles[HANDLES_AT_ONCE];

    for (unsigned round = 0; round < ROUNDS; round++) {
        int count = list_handles(tpm, first, handles);

        if (count <= 0)
            return count;
        for (int i = 0; i < count; i++) {
            int error = object_flush(tpm, handles[i]);
            if (error)
                return error;
        }
    }
    return TPM_ERROR_RESPONSE; /* it goes on telling of them */
}

int object_flush_all(struct tpm *tpm)
{
    int error = flush_kind(tpm, FIRST_TRANSIENT);

    return error ? error : flush_kind(tpm, FIRST_SESSION);
}
