/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The virtual machines that wait for secrets, or have got theirs.
 */
#ifndef ATTEST_MACHINES_H
#define ATTEST_MACHINES_H

#include <microkit.h>
#include <stdbool.h>

void machines_start(void);

/* A machine's channel was notified, or anything else: whether it was a machine's. */
bool machines_notified(microkit_channel channel);

/* A secret has come: hands it to the machine that waits for it. Its name, or NULL when none does.
 */
const char *machines_serve(const char *secret);

#endif
