/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A verifier's session: what he may ask for, and what comes of it. Everybody may ask what the
 * machine is; for more he shows that he has the secret half of the key that this image names.
 */
#ifndef ATTEST_SESSION_H
#define ATTEST_SESSION_H

#include <pq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A new session begins, with a challenge that was answered; whoever was there is not any more. */
void session_begin(const uint8_t *challenge, const uint8_t *answer);

/* None is there. */
void session_end(void);

/* Whether it lasts: it was begun, and nobody has ended it. */
bool session_lasts(void);

/* Carries out a request; the size of the reply. */
size_t session_request(struct pq_bytes text, char *reply, size_t room);

#endif
