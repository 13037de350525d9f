/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quoin-attest LINE: challenges the machine at the other end of a line and checks the answer's own
 * signature. It prints what the machine says, "name hexadecimal", and "session open"; then takes
 * requests from its standard input, one a line, and prints the replies:
 *
 *   status              what the machine says of itself
 *   release NAME FILE   releases the file's bytes to the virtual machine whose secret has that name
 *   certificate         the certificate of the TPM's endorsement key
 *   activate FILE       opens the credential in the file, by the endorsement key and the TPM's key
 *   prove FILE          shows the signature in the file, by which the verifier is known
 *   console             the machine's console: from now on its bytes are the standard output, and
 * the standard input is typed there, until that ends
 *
 * What PCRs are right, and whether the TPM's quote is good, is for the caller to say (tool/command/
 * attest.py) before he releases anything.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "attest.h"
#include "line.h"

enum { PATIENCE_MS = 30000, ATTEMPTS = 3, SECRET_KEY_SIZE = 3168 };

static const char OVER[] =
    "the machine's attestation service was started anew, and this session is over: "
    "begin another one (what was asked for last may have been done, or not)";

static int line;
static struct attest_receiver receiver;
static struct attest_session session;
static uint8_t challenge[ATTEST_CHALLENGE_SIZE];
static uint8_t answer[ATTEST_ANSWER_SIZE];
static uint8_t kem_secret[SECRET_KEY_SIZE];

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "quoin-attest: %s\n", what);
    exit(1);
}

static void random_bytes(uint8_t *out, size_t size)
{
    if (getrandom(out, size, 0) != (ssize_t)size)
        die("no random bytes");
}

static void send_frame(enum attest_frame type, const uint8_t *data, size_t size)
{
    uint8_t header[ATTEST_FRAME_HEADER];

    attest_frame_header(header, type, size);
    if (line_write(line, header, sizeof header) || line_write(line, data, size))
        die("the line takes nothing");
}

static _Noreturn void die_of_silence(void)
{
    die("the machine does not answer. If its attestation service hangs, it is started anew within "
        "two minutes: try again then");
}

/* The next frame of that type; false when nothing comes for PATIENCE_MS, or (anew) the machine's
 * service was started anew and knows of no challenge and no session. */
static bool find_frame(enum attest_frame type, bool *anew)
{
    *anew = false;
    for (;;) {
        uint8_t byte;
        long got = line_read(line, &byte, 1, PATIENCE_MS);
        int found;

        if (got == 0)
            return false;
        if (got < 0)
            die("the line has ended");
        found = attest_receive(&receiver, byte);
        *anew = found == ATTEST_ANEW;
        if (*anew)
            return false;
        if (found == ATTEST_ERROR) {
            struct pq_bytes text = attest_contents(&receiver);
            fprintf(stderr, "quoin-attest: the machine refuses: ");
            for (size_t i = 0; i < text.size && i < 200; i++)
                fputc(text.data[i] >= ' ' && text.data[i] < 127 ? text.data[i] : '?', stderr);
            die("no answer");
        }
        if (found == (int)type)
            return true;
    }
}

static struct pq_bytes await_frame(enum attest_frame type)
{
    bool anew;

    if (!find_frame(type, &anew)) {
        if (anew)
            die(OVER);
        die_of_silence();
    }
    return attest_contents(&receiver);
}

static void print_bytes(const char *name, const uint8_t *data, size_t size)
{
    printf("%s ", name);
    for (size_t i = 0; i < size; i++)
        printf("%02x", data[i]);
    printf("\n");
}

static void make_challenge(void)
{
    uint8_t seed[64];

    random_bytes(challenge, ATTEST_NONCE_SIZE);
    random_bytes(seed, sizeof seed);
    if (pq_kem_keygen(PQ_ML_KEM_1024, (struct pq_bytes){seed, sizeof seed},
                      challenge + ATTEST_NONCE_SIZE, kem_secret))
        die("no key for the session");
    pq_wipe(seed, sizeof seed);
}

/* Whether the frame is an answer to this challenge, and not to one before it. */
static bool take_answer(struct pq_bytes found)
{
    uint8_t digest[64];

    if (found.size != ATTEST_ANSWER_SIZE)
        return false;
    memcpy(answer, found.data, found.size);
    struct pq_message message = attest_message(challenge, answer, digest);
    return pq_verify(PQ_ML_DSA_87, (struct pq_bytes){answer + ATTEST_AT_KEY, 2592}, &message,
                     (struct pq_bytes){answer + ATTEST_AT_SIGNATURE, ATTEST_SIGNATURE_SIZE}) == 0;
}

/* A machine that just starts loses what comes before its service listens, and a busy one may answer
 * late: each attempt is a challenge of its own. */
static void get_answer(void)
{
    bool wrong = false, anew;

    for (unsigned i = 0; i < ATTEMPTS; i++) {
        make_challenge();
        send_frame(ATTEST_CHALLENGE, challenge, sizeof challenge);
        while (find_frame(ATTEST_ANSWER, &anew)) {
            if (take_answer(attest_contents(&receiver)))
                return;
            wrong = true;
        }
    }
    if (wrong)
        die("the answer's signature does not verify");
    die_of_silence();
}

static void open_session(void)
{
    uint8_t shared[32];

    if (pq_kem_decapsulate(PQ_ML_KEM_1024, (struct pq_bytes){kem_secret, sizeof kem_secret},
                           (struct pq_bytes){answer + ATTEST_AT_CIPHERTEXT, 1568}, shared))
        die("no secret for the session");
    if (attest_session_start(&session, challenge, answer, shared, 0))
        die("the machine wants an encryption that is not known here");
    pq_wipe(kem_secret, sizeof kem_secret);
    pq_wipe(shared, sizeof shared);
}

static void show_answer(void)
{
    unsigned quote_size = answer[ATTEST_AT_QUOTE_SIZE] | (unsigned)answer[ATTEST_AT_QUOTE_SIZE + 1]
                                                             << 8;
    uint8_t transcript[64];
    uint8_t digest[32];
    char name[16];

    if (quote_size > ATTEST_QUOTE_MAX)
        die("the quote is larger than its place");
    printf("bank %02x%02x\n", answer[ATTEST_AT_BANK + 1], answer[ATTEST_AT_BANK]);
    printf("aead %02x%02x\n", answer[ATTEST_AT_AEAD + 1], answer[ATTEST_AT_AEAD]);
    for (unsigned i = 0; i < ATTEST_PCRS; i++) {
        snprintf(name, sizeof name, "pcr-%u", i);
        print_bytes(name, answer + ATTEST_AT_PCRS + 64 * (size_t)i, 64);
    }
    pq_hash(PQ_SHA2_256, (struct pq_bytes){answer + ATTEST_AT_KEY, 2592}, digest, sizeof digest);
    print_bytes("key-digest", digest, sizeof digest);
    attest_qualifying(challenge, answer, digest);
    print_bytes("qualifying", digest, sizeof digest);
    print_bytes("tpm-key", answer + ATTEST_AT_TPM_KEY, 64);
    print_bytes("quote", answer + ATTEST_AT_QUOTE, quote_size);
    attest_transcript(challenge, answer, transcript);
    print_bytes("transcript", transcript, sizeof transcript);
    print_bytes("quote-signature", answer + ATTEST_AT_QUOTE_SIGNATURE, 64);
    printf("session open\n");
    fflush(stdout);
}

static size_t read_secret(const char *path, uint8_t *to, size_t room)
{
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file)
        die(strerror(errno));
    size = fread(to, 1, room, file);
    if (size == 0 || !feof(file))
        die("the file is empty, or too large");
    fclose(file);
    return size;
}

/* A request whose last word, the one behind `before`, is a file: that one's bytes are put in its
 * place. Returns the whole size. */
static size_t put_file(const char *text, const char *before, uint8_t *plain, size_t room)
{
    size_t size = (size_t)(before + 1 - text);

    return size + read_secret(before + 1, plain + size, room - size);
}

static void send_sealed(struct pq_bytes plain)
{
    static uint8_t sealed[ATTEST_SEALED_MAX];

    send_frame(ATTEST_REQUEST, sealed, attest_seal(&session, plain, sealed));
}

/* Whether the machine hands its console over from now on. */
static bool request(const char *text)
{
    static uint8_t plain[ATTEST_TEXT_MAX];
    const char *blank = strchr(text, ' ');
    size_t size = strlen(text);
    int got;

    if (size >= sizeof plain)
        die("the request is too long");
    memcpy(plain, text, size);
    if (strncmp(text, "release ", strlen("release ")) == 0)
        blank = strchr(blank + 1, ' ');
    else if (strncmp(text, "prove ", strlen("prove ")) != 0 &&
             strncmp(text, "activate ", strlen("activate ")) != 0)
        blank = NULL;
    if (blank)
        size = put_file(text, blank, plain, sizeof plain);
    send_sealed((struct pq_bytes){plain, size});
    pq_wipe(plain, sizeof plain);
    got = attest_open(&session, await_frame(ATTEST_REPLY), plain);
    if (got < 0)
        die("the reply is not of this session: begin another one");
    printf("%.*s\n", got, (const char *)plain);
    fflush(stdout);
    return got == 7 && memcmp(plain, "console", 7) == 0;
}

static void write_all(const uint8_t *data, size_t size)
{
    while (size != 0) {
        ssize_t part = write(STDOUT_FILENO, data, size);
        if (part <= 0)
            die("the output takes nothing");
        data += part;
        size -= (size_t)part;
    }
}

/* One byte of the line; true when the machine has answered what was typed last. */
static bool take_byte(uint8_t byte)
{
    static uint8_t plain[ATTEST_TEXT_MAX];
    int type = attest_receive(&receiver, byte);

    if (type == ATTEST_ANEW)
        die(OVER);
    if (type == ATTEST_ERROR)
        die("the machine has ended the session: begin another one");
    if (type != ATTEST_CONSOLE && type != ATTEST_REPLY)
        return false;
    int size = attest_open(&session, attest_contents(&receiver), plain);
    if (size < 0)
        die("the line has lost something of the session, or somebody has changed it: begin another "
            "one");
    if (type == ATTEST_CONSOLE)
        write_all(plain, (size_t)size);
    return type == ATTEST_REPLY;
}

/* Both ways, until the standard input ends. What is typed waits for the answer to what was typed
 * before, so that the line never carries more than the machine takes. */
static void relay(void)
{
    uint8_t bytes[512] = "type ";
    bool waits = false;

    for (;;) {
        struct pollfd both[2] = {{.fd = line, .events = POLLIN},
                                 {.fd = waits ? -1 : STDIN_FILENO, .events = POLLIN}};
        int ready = poll(both, 2, waits ? PATIENCE_MS : -1);
        if (ready < 0)
            die(strerror(errno));
        if (ready == 0)
            die_of_silence();
        if (both[0].revents) {
            long got = line_read(line, bytes + 5, sizeof bytes - 5, 0);
            if (got < 0)
                die("the line has ended");
            for (long i = 0; i < got; i++) {
                if (take_byte(bytes[5 + i]))
                    waits = false;
            }
        }
        if (both[1].revents) {
            ssize_t got = read(STDIN_FILENO, bytes + 5, 256);
            if (got <= 0)
                return;
            send_sealed((struct pq_bytes){bytes, 5 + (size_t)got});
            waits = true;
        }
    }
}

int main(int count, char **arguments)
{
    char text[512];

    if (count != 2) {
        fprintf(stderr, "usage: quoin-attest LINE\n");
        return 2;
    }
    line = line_open(arguments[1]);
    if (line < 0) {
        fprintf(stderr, "quoin-attest: %s: %s\n", arguments[1], strerror(errno));
        return 1;
    }
    get_answer();
    open_session();
    show_answer();
    setvbuf(stdin, NULL, _IONBF, 0); /* what follows "console" is for relay() */
    while (fgets(text, sizeof text, stdin)) {
        text[strcspn(text, "\n")] = 0;
        if (request(text)) {
            relay();
            send_sealed((struct pq_bytes){(const uint8_t *)"end", 3});
            return 0;
        }
    }
    request("end");
    return 0;
}
