/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a machine's secret gets from the attestation service to its VMM: a box in the content of
 * their connection (lib/connection), which no other machine's VMM can reach. The VMM empties it as
 * soon as it has found the secret there; neither side believes what the other wrote.
 */
#ifndef SECRET_SECRET_H
#define SECRET_SECRET_H

#include <stddef.h>
#include <stdint.h>

enum {
    SECRET_NAME_SIZE = 32, /* with the NUL: letters, digits, - and _ */
    SECRET_MAX = 96,       /* bytes: with its name it is what a TPM seals at most (128) */
};

enum secret_state {
    SECRET_ASKED = 0,  /* the VMM has joined; nothing is said yet */
    SECRET_ABSENT = 1, /* it is not there: it comes when a verifier releases it */
    SECRET_THERE = 2,  /* size bytes stand there */
    SECRET_TAKEN = 3,  /* the VMM has them, and the box is wiped */
};

/* At CONNECTION_AT_CONTENT of the slice. The service writes ABSENT and THERE, the VMM TAKEN; state
 * is written behind all else. */
struct secret_box {
    uint32_t state;
    uint32_t size;
    uint8_t bytes[SECRET_MAX];
};

_Static_assert(offsetof(struct secret_box, bytes) == 8, "both sides are of one mind");

#endif
