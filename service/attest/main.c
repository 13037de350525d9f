/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The attestation service: tells a verifier on another host, over COM2, what this machine runs, and
 * takes secrets from him in a sealed session (doc/formats.md, "Attestation"). It alone has the TPM.
 */
#include <attest.h>
#include <component/component.h>
#include <rt/format.h>
#include <rt/log.h>
#include <stdbool.h>
#include <string.h>

#include "identity.h"
#include "line.h"

extern uint8_t line_irq_id;

static struct attest_receiver receiver;
static struct attest_session session;
static bool in_session;
static uint8_t answer[ATTEST_ANSWER_SIZE];

/* A secret that a verifier has released to this machine. Nobody takes it from here yet. */
static uint8_t secret[ATTEST_TEXT_MAX];
static size_t secret_size;

static void send(enum attest_frame type, const void *data, size_t size)
{
    uint8_t header[ATTEST_FRAME_HEADER];

    attest_frame_header(header, type, size);
    line_send(header, sizeof(header));
    line_send(data, size);
}

static void challenged(struct pq_bytes challenge)
{
    const char *problem = "the challenge has another size";

    in_session = false;
    if (challenge.size == ATTEST_CHALLENGE_SIZE) {
        problem = identity_answer(challenge.data, answer, &session);
    }
    if (problem) {
        log_error("no answer to a verifier: %s", problem);
        send(ATTEST_ERROR, problem, strlen(problem));
        return;
    }
    in_session = true;
    log_info("answered a verifier");
    send(ATTEST_ANSWER, answer, sizeof(answer));
}

/* What is asked for in a session: "status", or "keep" and the bytes of a secret behind a blank. */
static size_t carry_out(const uint8_t *text, size_t size, char *reply, size_t room)
{
    if (size > 5 && memcmp(text, "keep ", 5) == 0) {
        secret_size = size - 5;
        memcpy(secret, text + 5, secret_size);
        log_info("a verifier released a secret of %lu bytes", secret_size);
        return format_text(reply, room, "kept %lu bytes", secret_size);
    }
    if (size == 6 && memcmp(text, "status", 6) == 0) {
        return format_text(reply, room, "up for %lu s, holds a secret of %lu bytes",
                           component_tsc() / component_info->tsc_hz, secret_size);
    }
    return format_text(reply, room, "not understood");
}

static void requested(struct pq_bytes sealed)
{
    static uint8_t text[ATTEST_TEXT_MAX];
    static uint8_t out[ATTEST_SEALED_MAX];
    char reply[128];
    int size = in_session ? attest_open(&session, sealed, text) : -1;

    if (size < 0) {
        static const char problem[] = "not of this session";
        in_session = false;
        send(ATTEST_ERROR, problem, sizeof(problem) - 1);
        return;
    }
    size_t length = carry_out(text, (size_t)size, reply, sizeof(reply));
    pq_wipe(text, sizeof(text));
    send(ATTEST_REPLY, out,
         attest_seal(&session, (struct pq_bytes){(const uint8_t *)reply, length}, out));
}

void line_byte(uint8_t byte)
{
    static uint64_t last;
    uint64_t now = component_tsc();

    /* Whoever pauses for a second has given his frame up, and begins another. */
    if (now - last > component_info->tsc_hz) {
        receiver.have = 0;
    }
    last = now;
    switch (attest_receive(&receiver, byte)) {
    case ATTEST_CHALLENGE:
        challenged(attest_contents(&receiver));
        break;
    case ATTEST_REQUEST:
        requested(attest_contents(&receiver));
        break;
    default: /* incomplete, or for a verifier */
        break;
    }
}

void init(void)
{
    line_start();
}

void notified(microkit_channel ch)
{
    if (ch == line_irq_id) {
        line_interrupt();
    }
}
