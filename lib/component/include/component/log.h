/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log records in a ring: a header and text without end of line. Whoever reads them trusts nothing
 * of it: log_decode takes any bytes.
 */
#ifndef COMPONENT_LOG_H
#define COMPONENT_LOG_H

#include <ring/ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOG_RECORD_TEXT = 240,  /* most bytes of text in a record */
    LOG_RECORD_SHOWN = 128, /* flag in the level: the text went to the screen another way already */
    LOG_NAME_SIZE = 32,
    LOG_MAX_SOURCES = 64,
};

/* The names of those who log, in the first page of the log's region: written by init alone. */
struct log_directory {
    uint32_t count;
    uint32_t slice; /* bytes for each source, from the second page on */
    uint8_t zero[56];
    char name[LOG_MAX_SOURCES - 1][LOG_NAME_SIZE];
};
_Static_assert(sizeof(struct log_directory) <= 4096, "one page");

struct log_record {
    uint8_t level; /* enum log_level of rt/log.h, or more: taken for LOG_DEBUG */
    bool shown;
    uint8_t length;
    char text[LOG_RECORD_TEXT]; /* printable ASCII and blanks only, not terminated */
};

/* Writes one record, cut to what a record holds; false when the ring has no room for it. */
bool log_encode(struct ring *ring, uint8_t level, bool shown, const char *text, size_t length);

/* Takes the next whole record: false when there is none or the ring is broken. Bytes that are no
 * text become '?'. */
bool log_decode(struct ring *ring, struct log_record *record);

#endif
