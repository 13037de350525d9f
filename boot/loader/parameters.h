/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the loader tells the system: a page of parameters and the log of measurements, written into
 * the room that a root image keeps for them (doc/formats.md, "Boot parameters"). Also built for the
 * host.
 */
#ifndef LOADER_PARAMETERS_H
#define LOADER_PARAMETERS_H

#include <stddef.h>
#include <stdint.h>

#include "pq.h"

#define PARAMETERS_MAGIC     "QUOINPAR"
#define PARAMETERS_FORMAT    1
#define PARAMETERS_SIZE      4096 /* the log comes behind it */
#define PARAMETERS_TEXT_SIZE 64

enum {
    PARAMETERS_VERIFIED = 1, /* by a loader with root keys */
    PARAMETERS_MEASURED = 2, /* in a TPM */
};

struct parameters {
    uint32_t flags;
    uint32_t epoch;
    uint64_t version;
    char entry[PARAMETERS_TEXT_SIZE];  /* the menu entry that was chosen, as GRUB says */
    char medium[PARAMETERS_TEXT_SIZE]; /* the medium's name or UUID, as GRUB says */
    const uint8_t *manifest_digest;    /* 64 bytes, SHA-512 */
    struct pq_bytes log;               /* measurements; empty without a TPM */
};

/* Fills the room; the log is left out when it does not fit. 0, or -1 when there are less than
 * PARAMETERS_SIZE bytes. */
int parameters_write(uint8_t *room, size_t size, const struct parameters *parameters);

#endif
