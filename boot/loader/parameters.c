/* SPDX-License-Identifier: BSD-2-Clause */
#include "parameters.h"

#include <string.h>

#include "little.h"

/* Offsets: doc/formats.md. */
enum {
    AT_MAGIC = 0,
    AT_FORMAT = 8,
    AT_FLAGS = 12,
    AT_VERSION = 16,
    AT_EPOCH = 24,
    AT_LOG_OFFSET = 28,
    AT_LOG_SIZE = 32,
    AT_ENTRY = 40,
    AT_MEDIUM = 104,
    AT_MANIFEST = 168,
    MANIFEST_DIGEST = 64,
};

int parameters_write(uint8_t *room, size_t size, const struct parameters *parameters)
{
    if (size < PARAMETERS_SIZE)
        return -1;
    memset(room, 0, size);
    memcpy(room + AT_MAGIC, PARAMETERS_MAGIC, 8);
    store32(room + AT_FORMAT, PARAMETERS_FORMAT);
    store32(room + AT_FLAGS, parameters->flags);
    store64(room + AT_VERSION, parameters->version);
    store32(room + AT_EPOCH, parameters->epoch);
    memcpy(room + AT_ENTRY, parameters->entry, PARAMETERS_TEXT_SIZE);
    memcpy(room + AT_MEDIUM, parameters->medium, PARAMETERS_TEXT_SIZE);
    memcpy(room + AT_MANIFEST, parameters->manifest_digest, MANIFEST_DIGEST);
    if (parameters->log.size != 0 && parameters->log.size <= size - PARAMETERS_SIZE) {
        store32(room + AT_LOG_OFFSET, PARAMETERS_SIZE);
        store32(room + AT_LOG_SIZE, (uint32_t)parameters->log.size);
        memcpy(room + PARAMETERS_SIZE, parameters->log.data, parameters->log.size);
    }
    return 0;
}
