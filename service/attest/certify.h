/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whose TPM signs here: what a verifier needs to see that a maker's certificate stands behind it.
 */
#ifndef ATTEST_CERTIFY_H
#define ATTEST_CERTIFY_H

#include <pq.h>
#include <stddef.h>

/* The certificate of the endorsement key, in hexadecimal digits behind "certificate "; or why there
 * is none. The size of the reply. */
size_t certify_certificate(char *reply, size_t room);

/* Opens a credential made for the key that signs the quotes, likewise behind "credential ". */
size_t certify_activate(struct pq_bytes blob, char *reply, size_t room);

#endif
