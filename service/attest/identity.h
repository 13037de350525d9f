/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the machine answers a challenge with: its key, its TPM's word.
 */
#ifndef ATTEST_IDENTITY_H
#define ATTEST_IDENTITY_H

#include <attest.h>

/* Fills the answer and starts the session. NULL, or a text that says why there is no answer. The
 * first call finds the TPM, gathers randomness and makes the key. */
const char *identity_answer(const uint8_t *challenge, uint8_t *answer,
                            struct attest_session *session);

#endif
