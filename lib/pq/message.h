/* SPDX-License-Identifier: BSD-2-Clause */
/* The message as the internal signing interfaces see it: M' of FIPS 204 and FIPS 205, in parts. */
#ifndef PQ_MESSAGE_H
#define PQ_MESSAGE_H

#include "pq.h"

#define MESSAGE_PARTS 4

struct message {
    struct pq_bytes part[MESSAGE_PARTS]; /* M' is their concatenation */
    uint8_t header[2];                   /* domain separator, length of the context */
    int is_mu; /* ML-DSA only: part[0] is the 64-byte mu (FIPS 204 algorithm 7, line 6) */
};

/*
 * Builds M' (FIPS 204 algorithms 2 to 5; FIPS 205 algorithms 22 to 25), pointing into source and
 * into itself: it must stay where it is. PQ_ERROR_CONTEXT, PQ_ERROR_ALGORITHM (unknown hash or
 * mode), PQ_ERROR_LENGTH (digest or mu of another size).
 */
int message_build(struct message *message, const struct pq_message *source);

#endif
