/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a verifier asks for in a sealed session (doc/formats.md, "Requests"). Freestanding.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "attest.h"

enum request_kind {
    REQUEST_STATUS,      /* what the machine says of itself */
    REQUEST_RELEASE,     /* name, data: a secret for the virtual machine that names it */
    REQUEST_CERTIFICATE, /* of the TPM's maker */
    REQUEST_ACTIVATE,    /* data: a credential for the key that signs the quotes */
    REQUEST_PROVE,       /* data: a verifier's signature of the session */
    REQUEST_CONSOLE,     /* the console, in frames of its own from now on */
    REQUEST_TYPE,        /* data: what is typed there */
    REQUEST_END,         /* whoever asks has no more to ask */
};

enum { REQUEST_NAME_SIZE = 32 };

struct request {
    enum request_kind kind;
    char name[REQUEST_NAME_SIZE]; /* letters, digits, - and _, at least one */
    struct pq_bytes data;         /* in the text; never empty where the kind has any */
};

/* Reads a whole text. 0, or -1 when it is no request. */
int request_parse(struct pq_bytes text, struct request *request);

#endif
