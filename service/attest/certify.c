/* SPDX-License-Identifier: BSD-2-Clause */
#include "certify.h"

#include <rt/format.h>
#include <tpm_certify.h>

#include "chip.h"

static size_t put_bytes(const char *what, const uint8_t *bytes, size_t size, char *reply,
                        size_t room)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = format_text(reply, room, "%s ", what);

    if (at + 2 * size > room) {
        return format_text(reply, room, "refused: %s is too large", what);
    }
    for (size_t i = 0; i < size; i++) {
        reply[at++] = digits[bytes[i] >> 4];
        reply[at++] = digits[bytes[i] & 15];
    }
    return at;
}

size_t certify_certificate(char *reply, size_t room)
{
    static uint8_t certificate[TPM_CERTIFICATE_MAX];
    struct tpm *tpm = chip_find();
    int size = tpm ? tpm_read_certificate(tpm, certificate) : TPM_ERROR_NONE;

    return size < 0 ? format_text(reply, room, "refused: the TPM has no certificate")
                    : put_bytes("certificate", certificate, (size_t)size, reply, room);
}

size_t certify_activate(struct pq_bytes blob, char *reply, size_t room)
{
    struct tpm *tpm = chip_find();
    uint8_t credential[TPM_CREDENTIAL_MAX];
    struct tpm_key key;

    if (!tpm || tpm_make_key(tpm, &key) != TPM_OK) {
        return format_text(reply, room, "refused: the TPM has no key");
    }
    int size = tpm_activate(tpm, &key, blob.data, blob.size, credential);
    (void)tpm_drop_key(tpm, &key);
    return size < 0 ? format_text(reply, room, "refused: the TPM does not open it (%x)", tpm->code)
                    : put_bytes("credential", credential, (size_t)size, reply, room);
}
