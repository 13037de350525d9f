/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The screen of a verifier, by the attestation service (lib/remote).
 */
#ifndef CONSOLE_REMOTE_H
#define CONSOLE_REMOTE_H

#include <microkit.h>

extern microkit_channel remote_channel;

void remote_start(void);

/* The attestation service has notified: sessions begin and end, and something may be typed. */
void remote_notified(void);

/* There may be something to send. */
void remote_send(void);

#endif
