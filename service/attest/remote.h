/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The console, for a verifier that may have it.
 */
#ifndef ATTEST_REMOTE_H
#define ATTEST_REMOTE_H

#include <microkit.h>
#include <pq.h>
#include <stddef.h>
#include <stdint.h>

extern microkit_channel remote_channel;

void remote_start(void);

/* From now on there is something to read; until remote_close. */
void remote_open(void);
void remote_close(void);

/* The next bytes of the screen, at most room of them; 0 when there are none, or it is closed. */
size_t remote_read(uint8_t *to, size_t room);

/* Types; what the console does not take is lost. */
void remote_type(struct pq_bytes keys);

#endif
