/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing commands and reading responses: numbers are big-endian (TPM 2.0 Library, part 1, section
 * 8). What does not fit, or is not there, sets bad, and nothing is read or written behind the end.
 */
#ifndef TPM_MESSAGE_H
#define TPM_MESSAGE_H

#include "tpm.h"

enum { TAG_NO_SESSIONS = 0x8001, TAG_SESSIONS = 0x8002 };

/* A command being written, or a response being read. */
struct message {
    uint8_t bytes[TPM_BUFFER_SIZE];
    size_t size;
    size_t at; /* next to read */
    int bad;   /* something did not fit, or was not there */
};

void message_begin(struct message *message, uint16_t tag, uint32_t command);
void message_put(struct message *message, uint64_t value, unsigned size);
void message_put_bytes(struct message *message, const uint8_t *data, size_t size);

#define SESSION_PASSWORD 0x40000009u

/* TPMS_AUTH_COMMAND (part 2): 9 bytes. A command with several has their size in 4 bytes
 * before the first. */
void message_put_authorization(struct message *message, uint32_t session);

/* One authorization by the empty password (part 1, section 19.4). */
void message_put_password(struct message *message);

/* One authorization by a policy session, which ends with the command (part 1, section 19.7). */
void message_put_session(struct message *message, uint32_t session);

/* Sends the command; the response stands in message, to be read from behind its header. */
int message_send(struct tpm *tpm, struct message *message);

/* The next number of size bytes, at most 4; 0 when bad. */
uint32_t message_get(struct message *message, unsigned size);

/* The next size bytes; NULL when bad. */
const uint8_t *message_get_bytes(struct message *message, size_t size);

#endif
