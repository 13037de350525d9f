/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The attestation service: tells a verifier on another host, over COM2, what this machine runs; and
 * in a sealed session (doc/formats.md, "Attestation") takes secrets from him for the virtual
 * machines that name them, and shows him the console. It alone has the TPM.
 */
#include <attest.h>
#include <component/component.h>
#include <rt/log.h>
#include <stdbool.h>
#include <string.h>

#include "identity.h"
#include "line.h"
#include "machines.h"
#include "remote.h"
#include "session.h"

/* Of the console in one frame: one is soon on its way, whatever the line's speed. */
enum { PIECE = 512, PIECES = 32 };

microkit_channel again_id; /* a timer; set by the system description */

extern uint8_t line_irq_id;

static struct attest_receiver receiver;
static struct attest_session session;
static uint8_t answer[ATTEST_ANSWER_SIZE];

static void send(enum attest_frame type, const void *data, size_t size)
{
    uint8_t header[ATTEST_FRAME_HEADER];

    attest_frame_header(header, type, size);
    line_send(header, sizeof(header));
    line_send(data, size);
}

static void send_sealed(enum attest_frame type, struct pq_bytes text)
{
    static uint8_t out[ATTEST_SEALED_MAX];

    send(type, out, attest_seal(&session, text, out));
}

static void forget(void)
{
    session_end();
    pq_wipe(&session, sizeof(session));
}

static void challenged(struct pq_bytes challenge)
{
    const char *problem = "the challenge has another size";

    forget();
    if (challenge.size == ATTEST_CHALLENGE_SIZE) {
        problem = identity_answer(challenge.data, answer, &session);
    }
    if (problem) {
        log_error("no answer to a verifier: %s", problem);
        send(ATTEST_ERROR, problem, strlen(problem));
        return;
    }
    session_begin(challenge.data, answer);
    log_info("answered a verifier");
    send(ATTEST_ANSWER, answer, sizeof(answer));
}

static void requested(struct pq_bytes sealed)
{
    static uint8_t text[ATTEST_TEXT_MAX];
    static char reply[ATTEST_TEXT_MAX];
    int size = session_lasts() ? attest_open(&session, sealed, text) : -1;

    if (size < 0) {
        static const char problem[] = "not of this session";
        forget();
        send(ATTEST_ERROR, problem, sizeof(problem) - 1);
        return;
    }
    size_t length = session_request((struct pq_bytes){text, (size_t)size}, reply, sizeof(reply));
    pq_wipe(text, sizeof(text));
    send_sealed(ATTEST_REPLY, (struct pq_bytes){(const uint8_t *)reply, length});
    if (!session_lasts()) {
        forget(); /* its keys, once the last word is said */
    }
}

void line_byte(uint8_t byte, bool paused)
{
    /* Whoever pauses for a second has given his frame up, and begins another. */
    if (paused) {
        receiver.have = 0;
    }
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

/* What the console has shown since. One that never ends has its turn and no more. */
static void show_console(void)
{
    uint8_t piece[PIECE];
    size_t size;

    for (unsigned i = 0; (size = remote_read(piece, sizeof(piece))) != 0; i++) {
        send_sealed(ATTEST_CONSOLE, (struct pq_bytes){piece, size});
        line_go_on();
        if (i == PIECES) {
            component_timer_arm(again_id, component_tsc());
            return;
        }
    }
}

void init(void)
{
    line_start();
    machines_start();
    remote_start();
    /* Whoever waits in a session of its predecessor's is told. */
    if (component_info->restarts != 0) {
        send(ATTEST_ANEW, NULL, 0);
    }
}

void notified(microkit_channel ch)
{
    if (ch == line_irq_id) {
        line_interrupt();
    } else if (ch != remote_channel && ch != again_id) {
        (void)machines_notified(ch);
    }
    show_console();
    line_go_on();
}
