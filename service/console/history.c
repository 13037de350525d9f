/* SPDX-License-Identifier: BSD-2-Clause */
#include "history.h"

static uint8_t at(const struct history *h, uint64_t position)
{
    return h->bytes[position & (h->size - 1)];
}

static uint64_t oldest(const struct history *h)
{
    return h->end > h->size ? h->end - h->size : 0;
}

void history_write(struct history *h, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;

    for (size_t i = 0; i < length; i++) {
        h->bytes[h->end++ & (h->size - 1)] = from[i];
    }
}

int history_next(const struct history *h, uint64_t *position)
{
    if (*position < oldest(h)) {
        *position = oldest(h);
    }
    return *position < h->end ? at(h, (*position)++) : -1;
}

uint64_t history_recent(const struct history *h, uint32_t count)
{
    uint64_t start = oldest(h);

    if (h->end - start <= count) {
        return start;
    }
    start = h->end - count;
    for (uint64_t p = start; p < h->end; p++) {
        if (at(h, p) == '\n') {
            return p + 1 < h->end ? p + 1 : start;
        }
    }
    return start;
}
