/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The attestation service: tells a verifier on another host, over COM2, what this machine runs, and
 * takes secrets from him in a sealed session (doc/formats.md, "Attestation"), for the virtual
 * machines that name them. It alone has the TPM.
 */
#include <attest.h>
#include <component/component.h>
#include <rt/format.h>
#include <request.h>
#include <rt/log.h>
#include <stdbool.h>
#include <string.h>

#include "identity.h"
#include "line.h"
#include "machines.h"
#include "secrets.h"

extern uint8_t line_irq_id;

static struct attest_receiver receiver;
static struct attest_session session;
static bool in_session;
static uint8_t answer[ATTEST_ANSWER_SIZE];

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

/* Keeps a secret, and hands it to the machine that waits for it. */
static size_t release(const struct request *request, char *reply, size_t room)
{
    char kept[96];

    switch (secrets_keep(request->name, request->data)) {
    case SECRETS_SEALED:
        format_text(kept, sizeof(kept), "sealed in the TPM to what runs now");
        break;
    case SECRETS_IN_MEMORY:
        format_text(kept, sizeof(kept), "kept until power-off: the TPM does not seal it (%x)",
                    secrets_code());
        break;
    default:
        return format_text(reply, room, "refused: a secret has 1 to %u bytes, and there are %u",
                           SECRET_MAX, SECRETS_AT_ONCE);
    }
    log_info("a verifier released the secret %s, of %lu bytes: %s", request->name,
             request->data.size, kept);
    const char *machine = machines_serve(request->name);
    return format_text(reply, room, "%s; %s%s", kept, machine ? "handed to " : "no machine waits",
                       machine ? machine : "");
}

/* What is asked for in a session. */
static size_t carry_out(struct pq_bytes text, char *reply, size_t room)
{
    struct request request;

    if (request_parse(text, &request) != 0) {
        return format_text(reply, room, "not understood");
    }
    switch (request.kind) {
    case REQUEST_RELEASE:
        return release(&request, reply, room);
    default:
        return format_text(reply, room, "up for %lu s", component_tsc() / component_info->tsc_hz);
    }
}

static void requested(struct pq_bytes sealed)
{
    static uint8_t text[ATTEST_TEXT_MAX];
    static uint8_t out[ATTEST_SEALED_MAX];
    char reply[256];
    int size = in_session ? attest_open(&session, sealed, text) : -1;

    if (size < 0) {
        static const char problem[] = "not of this session";
        in_session = false;
        send(ATTEST_ERROR, problem, sizeof(problem) - 1);
        return;
    }
    size_t length = carry_out((struct pq_bytes){text, (size_t)size}, reply, sizeof(reply));
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
    machines_start();
}

void notified(microkit_channel ch)
{
    if (ch == line_irq_id) {
        line_interrupt();
    } else {
        (void)machines_notified(ch);
    }
}
