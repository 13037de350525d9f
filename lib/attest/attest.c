/* SPDX-License-Identifier: BSD-2-Clause */
#include "attest.h"

static const uint8_t magic[4] = {'Q', 'A', 'T', 'T'};

enum { AT_TYPE = 4, AT_SIZE = 8 };

static size_t size_of(const uint8_t *header)
{
    return (size_t)header[AT_SIZE] | (size_t)header[AT_SIZE + 1] << 8 |
           (size_t)header[AT_SIZE + 2] << 16 | (size_t)header[AT_SIZE + 3] << 24;
}

/* Whether the byte ends an ATTEST_ANEW, wherever that began. */
static int ends_anew(struct attest_receiver *receiver, uint8_t byte)
{
    static const uint8_t frame[ATTEST_FRAME_HEADER] = {'Q', 'A', 'T', 'T', ATTEST_ANEW};

    /* The first byte stands there only once: a match that breaks begins anew with this one at most.
     */
    if (byte != frame[receiver->anew])
        receiver->anew = 0;
    receiver->anew += byte == frame[receiver->anew];
    if (receiver->anew != sizeof frame)
        return 0;
    receiver->anew = 0;
    for (receiver->have = 0; receiver->have < sizeof frame; receiver->have++)
        receiver->bytes[receiver->have] = frame[receiver->have];
    return 1;
}

int attest_receive(struct attest_receiver *receiver, uint8_t byte)
{
    if (ends_anew(receiver, byte))
        return ATTEST_ANEW;
    /* What was told of stands there until now. */
    if (receiver->have >= ATTEST_FRAME_HEADER &&
        receiver->have == ATTEST_FRAME_HEADER + size_of(receiver->bytes))
        receiver->have = 0;
    receiver->bytes[receiver->have++] = byte;
    if (receiver->have <= sizeof magic) {
        if (byte != magic[receiver->have - 1]) {
            receiver->have = byte == magic[0];
            receiver->bytes[0] = byte;
        }
        return 0;
    }
    if (receiver->have < ATTEST_FRAME_HEADER)
        return 0;
    if (size_of(receiver->bytes) > ATTEST_FRAME_MAX) {
        receiver->have = 0;
        return 0;
    }
    return receiver->have == ATTEST_FRAME_HEADER + size_of(receiver->bytes)
               ? receiver->bytes[AT_TYPE]
               : 0;
}

struct pq_bytes attest_contents(const struct attest_receiver *receiver)
{
    return (struct pq_bytes){receiver->bytes + ATTEST_FRAME_HEADER,
                             receiver->have - ATTEST_FRAME_HEADER};
}

void attest_frame_header(uint8_t header[ATTEST_FRAME_HEADER], enum attest_frame type, size_t size)
{
    for (unsigned i = 0; i < sizeof magic; i++)
        header[i] = magic[i];
    header[AT_TYPE] = (uint8_t)type;
    for (unsigned i = AT_TYPE + 1; i < AT_SIZE; i++)
        header[i] = 0;
    for (unsigned i = 0; i < 4; i++)
        header[AT_SIZE + i] = (uint8_t)(size >> 8 * i);
}

static void hash(enum pq_algorithm algorithm, const uint8_t *challenge, const uint8_t *answer,
                 size_t size, uint8_t *digest)
{
    struct pq_hash state;

    (void)pq_hash_init(&state, algorithm);
    pq_hash_update(&state, challenge, ATTEST_CHALLENGE_SIZE);
    pq_hash_update(&state, answer, size);
    (void)pq_hash_final(&state, digest, pq_hash_size(algorithm));
}

void attest_qualifying(const uint8_t *challenge, const uint8_t *answer, uint8_t digest[32])
{
    hash(PQ_SHA2_256, challenge, answer + ATTEST_AT_KEY, ATTEST_AT_PCRS - ATTEST_AT_KEY, digest);
}

struct pq_message attest_message(const uint8_t *challenge, const uint8_t *answer,
                                 uint8_t digest[64])
{
    static const uint8_t context[] = "Quoin attestation 1";

    hash(PQ_SHA2_512, challenge, answer, ATTEST_AT_SIGNATURE, digest);
    return (struct pq_message){
        .mode = PQ_MESSAGE_PURE, .context = {context, sizeof context - 1}, .body = {digest, 64}};
}

void attest_transcript(const uint8_t *challenge, const uint8_t *answer, uint8_t transcript[64])
{
    hash(PQ_SHA2_512, challenge, answer, ATTEST_ANSWER_SIZE, transcript);
}

struct pq_message attest_proof_message(const uint8_t transcript[64])
{
    static const uint8_t context[] = "Quoin verifier 1";

    return (struct pq_message){.mode = PQ_MESSAGE_PURE,
                               .context = {context, sizeof context - 1},
                               .body = {transcript, 64}};
}

enum pq_algorithm attest_aead(void)
{
    return pq_processor() & PQ_PROCESSOR_AES ? PQ_AES_256_GCM : PQ_CHACHA20_POLY1305;
}

int attest_session_start(struct attest_session *session, const uint8_t *challenge,
                         const uint8_t *answer, const uint8_t shared[32], int machine)
{
    static const uint8_t info[] = "Quoin session 1";
    const unsigned aead = answer[ATTEST_AT_AEAD] | (unsigned)answer[ATTEST_AT_AEAD + 1] << 8;
    uint8_t salt[64];
    uint8_t keys[2 * PQ_AEAD_KEY]; /* of the machine, of the verifier */

    pq_wipe(session, sizeof *session);
    if (aead != PQ_AES_256_GCM && aead != PQ_CHACHA20_POLY1305)
        return -1;
    session->aead = (enum pq_algorithm)aead;
    attest_transcript(challenge, answer, salt);
    (void)pq_hkdf(PQ_SHA2_512, (struct pq_bytes){salt, sizeof salt}, (struct pq_bytes){shared, 32},
                  (struct pq_bytes){info, sizeof info - 1}, keys, sizeof keys);
    for (unsigned i = 0; i < PQ_AEAD_KEY; i++) {
        session->key[0][i] = keys[machine ? i : PQ_AEAD_KEY + i];
        session->key[1][i] = keys[machine ? PQ_AEAD_KEY + i : i];
    }
    pq_wipe(keys, sizeof keys);
    return 0;
}

static struct pq_aead prepare(struct attest_session *session, unsigned side,
                              uint8_t nonce[PQ_AEAD_NONCE])
{
    for (unsigned i = 0; i < PQ_AEAD_NONCE; i++) {
        nonce[i] = 0;
        if (i < 8)
            nonce[i] = (uint8_t)(session->next[side] >> 8 * i);
    }
    return (struct pq_aead){.algorithm = session->aead,
                            .key = {session->key[side], PQ_AEAD_KEY},
                            .nonce = {nonce, PQ_AEAD_NONCE}};
}

size_t attest_seal(struct attest_session *session, struct pq_bytes text, uint8_t *out)
{
    uint8_t nonce[PQ_AEAD_NONCE];
    struct pq_aead aead = prepare(session, 0, nonce);

    if (text.size > ATTEST_TEXT_MAX || pq_aead_seal(&aead, text, out, out + text.size) != PQ_OK)
        return 0;
    session->next[0]++;
    return text.size + PQ_AEAD_TAG;
}

int attest_open(struct attest_session *session, struct pq_bytes sealed,
                uint8_t text[ATTEST_TEXT_MAX])
{
    uint8_t nonce[PQ_AEAD_NONCE];
    struct pq_aead aead = prepare(session, 1, nonce);
    size_t size = sealed.size - PQ_AEAD_TAG;

    if (sealed.size < PQ_AEAD_TAG || size > ATTEST_TEXT_MAX ||
        pq_aead_open(&aead, (struct pq_bytes){sealed.data, size}, sealed.data + size, text) !=
            PQ_OK)
        return -1;
    session->next[1]++;
    return (int)size;
}
