/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

#include <attest.h>
#include <component/component.h>
#include <request.h>
#include <rt/format.h>
#include <rt/log.h>
#include <stdbool.h>
#include <string.h>

#include "certify.h"
#include "machines.h"
#include "remote.h"
#include "secrets.h"

enum { KEY_SIZE = 2592 };

/* The ML-DSA-87 public key of the verifier whom this image names; zeros: nobody. The image is made
 * with it (tool/command/image.py). */
struct verifier_key {
    uint8_t bytes[KEY_SIZE];
};
extern struct verifier_key verifier_key;
__attribute__((section(".data"))) struct verifier_key verifier_key;

static uint8_t transcript[64];
static bool lasts;
static bool known; /* the verifier has shown who he is */

void session_begin(const uint8_t *challenge, const uint8_t *answer)
{
    session_end();
    lasts = true;
    attest_transcript(challenge, answer, transcript);
}

void session_end(void)
{
    lasts = false;
    known = false;
    remote_close();
    pq_wipe(transcript, sizeof(transcript));
}

bool session_lasts(void)
{
    return lasts;
}

static bool names_somebody(void)
{
    const volatile uint8_t *bytes = verifier_key.bytes; /* not what the compiler saw there */
    uint8_t any = 0;

    for (unsigned i = 0; i < KEY_SIZE; i++) {
        any |= bytes[i];
    }
    return any != 0;
}

static size_t prove(struct pq_bytes signature, char *reply, size_t room)
{
    struct pq_message message = attest_proof_message(transcript);

    if (!names_somebody()) {
        return format_text(reply, room, "refused: this image names no verifier");
    }
    if (pq_verify(PQ_ML_DSA_87, (struct pq_bytes){verifier_key.bytes, KEY_SIZE}, &message,
                  signature) != PQ_OK) {
        known = false;
        log_warning("somebody at the second serial line is not the verifier that he says he is");
        return format_text(reply, room, "refused: not the verifier whom this image names");
    }
    known = true;
    log_info("the verifier whom this image names is at the second serial line");
    return format_text(reply, room, "known");
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

size_t session_request(struct pq_bytes text, char *reply, size_t room)
{
    struct request request;

    if (request_parse(text, &request) != 0) {
        return format_text(reply, room, "not understood");
    }
    if (request.kind == REQUEST_STATUS) {
        return format_text(reply, room, "up for %lu s", component_tsc() / component_info->tsc_hz);
    }
    if (request.kind == REQUEST_END) {
        session_end();
        return format_text(reply, room, "ended");
    }
    if (request.kind == REQUEST_CERTIFICATE) {
        return certify_certificate(reply, room);
    }
    if (request.kind == REQUEST_ACTIVATE) {
        return certify_activate(request.data, reply, room);
    }
    if (request.kind == REQUEST_PROVE) {
        return prove(request.data, reply, room);
    }
    if (!known) {
        return format_text(reply, room, "refused: this is for the verifier whom the image names");
    }
    switch (request.kind) {
    case REQUEST_RELEASE:
        return release(&request, reply, room);
    case REQUEST_CONSOLE:
        remote_open();
        log_info("the verifier has the console");
        return format_text(reply, room, "console");
    default: /* REQUEST_TYPE */
        remote_type(request.data);
        return format_text(reply, room, "typed");
    }
}
