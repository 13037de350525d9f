/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measured boot: what was verified goes into the TPM's PCRs and into a log in the format of the TCG
 * (PC Client platform firmware profile 1.05, section 10). doc/formats.md says which event goes
 * where. Also built for the host.
 */
#ifndef LOADER_MEASURE_H
#define LOADER_MEASURE_H

#include "tpm.h"
#include "verify.h"

#define MEASURE_PCR_MANIFEST 11
#define MEASURE_PCR_FILES    12
#define MEASURE_PCR_CHOICE   13

#define MEASURE_LOG_SIZE 16384
#define MEASURE_TEXT_MAX 320

struct measure {
    struct tpm *tpm;
    uint8_t log[MEASURE_LOG_SIZE];
    size_t size;
};

/* Begins a log with the TPM's banks. */
void measure_begin(struct measure *measure, struct tpm *tpm);

/* Extends a PCR by the hash of the text and adds both to the log. 0, or an enum tpm_error; a full
 * log is TPM_ERROR_RESPONSE. */
int measure_text(struct measure *measure, uint32_t pcr, const char *text);

/* All events of a boot: root keys and manifest, the files in GRUB's order, the menu entry. */
int measure_boot(struct measure *measure, const struct verify_file *files, unsigned count,
                 const struct verify_result *result, struct pq_bytes roots, const char *entry);

#endif
