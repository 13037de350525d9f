/* SPDX-License-Identifier: BSD-2-Clause */
#include "tpm_message.h"

#include <string.h>

enum { HEADER = 10, COMMAND_MAX = 512 };

void message_put(struct message *message, uint64_t value, unsigned size)
{
    if (size > COMMAND_MAX - message->size) {
        message->bad = 1;
        return;
    }
    for (unsigned i = size; i > 0; i--)
        message->bytes[message->size++] = (uint8_t)(value >> 8 * (i - 1));
}

void message_put_bytes(struct message *message, const uint8_t *data, size_t size)
{
    if (size > COMMAND_MAX - message->size) {
        message->bad = 1;
        return;
    }
    memcpy(message->bytes + message->size, data, size);
    message->size += size;
}

uint32_t message_get(struct message *message, unsigned size)
{
    uint32_t value = 0;

    if (message->bad || size > message->size - message->at) {
        message->bad = 1;
        return 0;
    }
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | message->bytes[message->at++];
    return value;
}

const uint8_t *message_get_bytes(struct message *message, size_t size)
{
    const uint8_t *at = message->bytes + message->at;

    if (message->bad || size > message->size - message->at) {
        message->bad = 1;
        return NULL;
    }
    message->at += size;
    return at;
}

void message_begin(struct message *message, uint16_t tag, uint32_t command)
{
    message->size = 0;
    message->bad = 0;
    message_put(message, tag, 2);
    message_put(message, 0, 4);
    message_put(message, command, 4);
}

void message_put_authorization(struct message *message, uint32_t session)
{
    message_put(message, session, 4);
    message_put(message, 0, 2); /* nonce */
    message_put(message, 0, 1); /* attributes */
    message_put(message, 0, 2); /* password, or the HMAC that a policy session needs none of */
}

void message_put_session(struct message *message, uint32_t session)
{
    message_put(message, 9, 4); /* their size */
    message_put_authorization(message, session);
}

void message_put_password(struct message *message)
{
    message_put_session(message, SESSION_PASSWORD);
}

int message_send(struct tpm *tpm, struct message *message)
{
    size_t size = message->size;
    int got;

    if (message->bad)
        return TPM_ERROR_RESPONSE;
    message->bytes[2] = 0;
    message->bytes[3] = 0;
    message->bytes[4] = (uint8_t)(size >> 8);
    message->bytes[5] = (uint8_t)size;
    got = tpm->exchange(message->bytes, size);
    if (got < 0)
        return got;
    message->size = (size_t)got;
    message->at = 2;
    if (message->size < HEADER || message->size > TPM_BUFFER_SIZE ||
        message_get(message, 4) != message->size)
        return TPM_ERROR_RESPONSE;
    tpm->code = message_get(message, 4);
    return tpm->code == 0 ? TPM_OK : TPM_ERROR_CODE;
}
