/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Linked around what the attestation service does for a verifier: it faults at the secret named
 * "crash", when the session's keys and the secret itself stand in its memory, and a key in the TPM;
 * it hangs likewise at the one named "hang"; and it faults when a "!" is typed on the console.
 */
#include <pq.h>
#include <string.h>
#include <tpm_quote.h>

#include "service/attest/chip.h"
#include "service/attest/remote.h"
#include "service/attest/secrets.h"

enum secrets_kept __real_secrets_keep(const char *name, struct pq_bytes secret);
enum secrets_kept __wrap_secrets_keep(const char *name, struct pq_bytes secret);
void __real_remote_type(struct pq_bytes typed);
void __wrap_remote_type(struct pq_bytes typed);

enum secrets_kept __wrap_secrets_keep(const char *name, struct pq_bytes secret)
{
    struct tpm_key key;

    if (strcmp(name, "crash") == 0) {
        (void)tpm_make_key(chip_find(), &key);
        __builtin_trap();
    }
    while (strcmp(name, "hang") == 0) {
        __builtin_ia32_pause();
    }
    return __real_secrets_keep(name, secret);
}

void __wrap_remote_type(struct pq_bytes typed)
{
    if (memchr(typed.data, '!', typed.size)) {
        __builtin_trap();
    }
    __real_remote_type(typed);
}
