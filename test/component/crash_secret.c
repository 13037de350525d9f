/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Linked around the attestation service's keeping of secrets: it faults at the one named "crash",
 * when the session's keys and the secret itself stand in its memory, and a key in the TPM.
 */
#include <pq.h>
#include <string.h>
#include <tpm_quote.h>

#include "service/attest/chip.h"
#include "service/attest/secrets.h"

enum secrets_kept __real_secrets_keep(const char *name, struct pq_bytes secret);
enum secrets_kept __wrap_secrets_keep(const char *name, struct pq_bytes secret);

enum secrets_kept __wrap_secrets_keep(const char *name, struct pq_bytes secret)
{
    struct tpm_key key;

    if (strcmp(name, "crash") == 0) {
        (void)tpm_make_key(chip_find(), &key);
        __builtin_trap();
    }
    return __real_secrets_keep(name, secret);
}
