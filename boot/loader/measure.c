/* SPDX-License-Identifier: BSD-2-Clause */
#include "measure.h"

#include <string.h>
#include <rt/format.h>

#include "little.h"

enum { EVENT_NO_ACTION = 3, EVENT_IPL = 13 };

/* The next size bytes of the log, or NULL when it is full. */
static uint8_t *grow(struct measure *measure, size_t size)
{
    uint8_t *at = measure->log + measure->size;

    if (size > sizeof measure->log - measure->size)
        return NULL;
    measure->size += size;
    return at;
}

/* TCG_PCR_EVENT with a TCG_EfiSpecIDEvent, sections 10.2.1 and 10.4.5.1. */
void measure_begin(struct measure *measure, struct tpm *tpm)
{
    static const uint8_t head[] = {'S', 'p', 'e', 'c', ' ', 'I', 'D', ' ', 'E', 'v', 'e', 'n',
                                   't', '0', '3', 0,   0,   0,   0,   0,   0,   2,   0,   2};
    size_t size = sizeof head + 4 + 4 * (size_t)tpm->bank_count + 1;
    uint8_t *at;

    measure->tpm = tpm;
    measure->size = 0;
    at = grow(measure, 32 + size);
    memset(at, 0, 32 + size);
    store32(at + 4, EVENT_NO_ACTION);
    store32(at + 28, (uint32_t)size);
    memcpy(at + 32, head, sizeof head);
    at += 32 + sizeof head;
    store32(at, tpm->bank_count);
    for (unsigned i = 0; i < tpm->bank_count; i++) {
        store16(at + 4 + 4 * i, tpm->banks[i].algorithm);
        store16(at + 4 + 4 * i + 2, tpm->banks[i].size);
    }
}

/* TCG_PCR_EVENT2, section 10.2.2. */
static int add_event(struct measure *measure, uint32_t pcr, const char *text,
                     const uint8_t digests[][TPM_DIGEST_MAX])
{
    const struct tpm *tpm = measure->tpm;
    size_t length = strlen(text);
    size_t size = 12 + 4 + length;
    uint8_t *at;

    for (unsigned i = 0; i < tpm->bank_count; i++)
        size += 2u + tpm->banks[i].size;
    at = grow(measure, size);
    if (!at)
        return TPM_ERROR_RESPONSE;
    store32(at, pcr);
    store32(at + 4, EVENT_IPL);
    store32(at + 8, tpm->bank_count);
    at += 12;
    for (unsigned i = 0; i < tpm->bank_count; i++) {
        store16(at, tpm->banks[i].algorithm);
        memcpy(at + 2, digests[i], tpm->banks[i].size);
        at += 2 + tpm->banks[i].size;
    }
    store32(at, (uint32_t)length);
    memcpy(at + 4, text, length);
    return TPM_OK;
}

int measure_text(struct measure *measure, uint32_t pcr, const char *text)
{
    struct tpm *tpm = measure->tpm;
    uint8_t digests[TPM_BANKS_MAX][TPM_DIGEST_MAX];
    struct pq_bytes bytes = {(const uint8_t *)text, strlen(text)};
    int error;

    for (unsigned i = 0; i < tpm->bank_count; i++)
        pq_hash(tpm->banks[i].hash, bytes, digests[i], tpm->banks[i].size);
    error = add_event(measure, pcr, text, digests);
    return error ? error : tpm_extend(tpm, pcr, digests);
}

static void hex(char *out, const uint8_t digest[MANIFEST_DIGEST_SIZE])
{
    for (unsigned i = 0; i < MANIFEST_DIGEST_SIZE; i++)
        format_text(out + 2 * i, 3, "%02x", digest[i]);
}

int measure_boot(struct measure *measure, const struct verify_file *files, unsigned count,
                 const struct verify_result *result, struct pq_bytes roots, const char *entry)
{
    char digits[2 * MANIFEST_DIGEST_SIZE + 1];
    char text[MEASURE_TEXT_MAX];
    uint8_t digest[MANIFEST_DIGEST_SIZE];
    int error;

    pq_hash(PQ_SHA2_512, roots, digest, sizeof digest);
    hex(digits, digest);
    format_text(text, sizeof text, "quoin roots %s", digits);
    error = measure_text(measure, MEASURE_PCR_MANIFEST, text);
    if (error)
        return error;
    hex(digits, files[result->manifest].digest);
    format_text(text, sizeof text, "quoin manifest %s", digits);
    error = measure_text(measure, MEASURE_PCR_MANIFEST, text);
    for (unsigned i = 0; i < count && !error; i++) {
        if (i == result->manifest)
            continue;
        hex(digits, files[i].digest);
        format_text(text, sizeof text, "quoin file %s %s", files[i].name, digits);
        error = measure_text(measure, MEASURE_PCR_FILES, text);
    }
    if (error)
        return error;
    format_text(text, sizeof text, "quoin entry %s", entry);
    return measure_text(measure, MEASURE_PCR_CHOICE, text);
}
