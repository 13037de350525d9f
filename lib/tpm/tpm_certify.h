/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose TPM it is: the certificate of its endorsement key, and the proof that a key that it signs
 * with is in the same TPM. */
#ifndef TPM_CERTIFY_H
#define TPM_CERTIFY_H

#include "tpm_quote.h"

#define TPM_CERTIFICATE_MAX 2048u
#define TPM_CREDENTIAL_MAX  32u

/* The certificate that the maker left in the TPM for its RSA endorsement key of 2048 bits (DER);
 * its size, or an enum tpm_error. TPM_ERROR_CODE when there is none. */
int tpm_read_certificate(struct tpm *tpm, uint8_t certificate[TPM_CERTIFICATE_MAX]);

/* Opens a credential that was made for this signing key and encrypted to that endorsement key
 * (TPM2_MakeCredential): blob is TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET. Its size, or an enum
 * tpm_error; TPM_ERROR_CODE when it is for other keys. */
int tpm_activate(struct tpm *tpm, const struct tpm_key *key, const uint8_t *blob, size_t size,
                 uint8_t credential[TPM_CREDENTIAL_MAX]);

#endif
