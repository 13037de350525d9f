/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The last bytes that a source wrote. Positions count all bytes ever written.
 */
#ifndef CONSOLE_HISTORY_H
#define CONSOLE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct history {
    uint8_t *bytes;
    uint32_t size; /* a power of two */
    uint64_t end;  /* position behind the last byte */
};

void history_write(struct history *h, const void *bytes, size_t length);

/* The byte at *position, which moves on: -1 at the end. A position that is no longer kept becomes
 * the oldest one that is. */
int history_next(const struct history *h, uint64_t *position);

/* Where the last at most count bytes begin, at the start of a line if there is one. */
uint64_t history_recent(const struct history *h, uint32_t count);

#endif
