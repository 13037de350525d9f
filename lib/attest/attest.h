/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attestation over a serial line, as the machine and the verifier both need it: frames, what the
 * answer consists of and how its parts hang together, and the sealed session behind it
 * (doc/formats.md, "Attestation"). Freestanding, no allocation.
 */
#ifndef ATTEST_H
#define ATTEST_H

#include <stddef.h>
#include <stdint.h>

#include "pq.h"

/* A frame: "QATT", type (1), zeros (3), size of what follows (4, little-endian). */
#define ATTEST_FRAME_HEADER 12

enum attest_frame {
    ATTEST_CHALLENGE = 1, /* to the machine */
    ATTEST_ANSWER = 2,
    ATTEST_REQUEST = 3, /* sealed, to the machine */
    ATTEST_REPLY = 4,   /* sealed */
    ATTEST_ERROR = 5,   /* text: why there is no answer */
    ATTEST_CONSOLE = 6, /* sealed, from the machine: what its console shows, as bytes */
    ATTEST_ANEW =
        7, /* empty, from the machine: its service was started anew, and no session lasts */
};

/* A challenge: a nonce, and an ML-KEM-1024 encapsulation key made for this session. */
enum {
    ATTEST_NONCE_SIZE = 32,
    ATTEST_KEM_KEY_SIZE = 1568,
    ATTEST_CHALLENGE_SIZE = ATTEST_NONCE_SIZE + ATTEST_KEM_KEY_SIZE,
};

/* An answer: offsets of its parts. */
enum {
    ATTEST_PCRS = 16,
    ATTEST_AT_BANK = 0,       /* TPM algorithm id of the PCRs' bank, 2 bytes */
    ATTEST_AT_AEAD = 2,       /* enum pq_algorithm of the session's frames, 2 bytes */
    ATTEST_AT_QUOTE_SIZE = 4, /* 2 bytes; then zeros */
    ATTEST_AT_KEY = 8,        /* ML-DSA-87 public key, made when the machine started */
    ATTEST_AT_CIPHERTEXT = ATTEST_AT_KEY + 2592,
    ATTEST_AT_PCRS = ATTEST_AT_CIPHERTEXT + 1568, /* 64 bytes each, zeros behind the digest */
    ATTEST_AT_TPM_KEY = ATTEST_AT_PCRS + 64 * ATTEST_PCRS, /* ECDSA P-256: x, y */
    ATTEST_AT_QUOTE = ATTEST_AT_TPM_KEY + 64,              /* TPMS_ATTEST, zeros behind it */
    ATTEST_QUOTE_MAX = 256,
    ATTEST_AT_QUOTE_SIGNATURE = ATTEST_AT_QUOTE + ATTEST_QUOTE_MAX, /* r, s */
    ATTEST_AT_SIGNATURE = ATTEST_AT_QUOTE_SIGNATURE + 64,           /* ML-DSA-87 */
    ATTEST_SIGNATURE_SIZE = 4627,
    ATTEST_ANSWER_SIZE = ATTEST_AT_SIGNATURE + ATTEST_SIGNATURE_SIZE,
};

#define ATTEST_TEXT_MAX   5120 /* in a sealed frame */
#define ATTEST_SEALED_MAX (ATTEST_TEXT_MAX + PQ_AEAD_TAG)
#define ATTEST_FRAME_MAX  ATTEST_ANSWER_SIZE

/* Bytes of a line becoming frames. What is no frame is skipped. ATTEST_ANEW is found inside others,
 * too: whoever sent those may have died in the middle. Zeros: none yet. */
struct attest_receiver {
    size_t have;
    size_t anew; /* of ATTEST_ANEW, in the last bytes */
    uint8_t bytes[ATTEST_FRAME_HEADER + ATTEST_FRAME_MAX];
};

/* Takes one byte. Returns the type (enum attest_frame) of the frame that it completes: its contents
 * are attest_contents(), until the next byte comes. 0 when there is none yet. */
int attest_receive(struct attest_receiver *receiver, uint8_t byte);
struct pq_bytes attest_contents(const struct attest_receiver *receiver);

void attest_frame_header(uint8_t header[ATTEST_FRAME_HEADER], enum attest_frame type, size_t size);

/* What the TPM's quote has to hold as qualifying data: SHA-256 of the challenge and of the answer's
 * ML-DSA key and ciphertext. It binds the ML-DSA key and the session to the TPM and to the nonce.
 */
void attest_qualifying(const uint8_t *challenge, const uint8_t *answer, uint8_t digest[32]);

/* What the ML-DSA key signs: the challenge's and the answer's SHA-512 up to the signature. The
 * message is in digest; the context is "Quoin attestation 1". */
struct pq_message attest_message(const uint8_t *challenge, const uint8_t *answer,
                                 uint8_t digest[64]);

/* What a verifier signs to show who he is: the SHA-512 of the challenge and the whole answer, which
 * no other session has. The message is the transcript; the context is "Quoin verifier 1". */
void attest_transcript(const uint8_t *challenge, const uint8_t *answer, uint8_t transcript[64]);
struct pq_message attest_proof_message(const uint8_t transcript[64]);

/* A session between two who share a secret; each direction has a key, and numbers its frames. */
struct attest_session {
    enum pq_algorithm aead; /* 0: there is no session */
    uint8_t key[2][PQ_AEAD_KEY];
    uint64_t next[2]; /* number of the next frame sealed by us, and by the other */
};

/* How this machine's sessions are sealed: by what its processor is fast at (doc/performance.md,
 * "Trust"). The other side takes either. */
enum pq_algorithm attest_aead(void);

/* Keys from the ML-KEM secret, the challenge and the whole answer (HKDF-SHA-512). machine: which
 * side we are. 0, or -1 when the answer names no authenticated encryption: then there is no
 * session, and nothing is sealed or opened. */
int attest_session_start(struct attest_session *session, const uint8_t *challenge,
                         const uint8_t *answer, const uint8_t shared[32], int machine);

/* Seals at most ATTEST_TEXT_MAX bytes into out (size + PQ_AEAD_TAG bytes); returns that size, 0
 * when the text is too long. */
size_t attest_seal(struct attest_session *session, struct pq_bytes text, uint8_t *out);

/* The text of the other side's next frame; its size, or -1 when it is not that. */
int attest_open(struct attest_session *session, struct pq_bytes sealed,
                uint8_t text[ATTEST_TEXT_MAX]);

#endif
