/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Physical memory for parsers under test: every access gets a copy of exactly the bytes asked for,
 * so that the address sanitizer sees a read beyond them.
 */
#ifndef TEST_UNIT_KERNEL_FAKE_MEMORY_H
#define TEST_UNIT_KERNEL_FAKE_MEMORY_H

#include <stdlib.h>
#include <string.h>

#include "x86/boot.h"

enum { FAKE_BASE = 0x8000, FAKE_SIZE = 0x4000, FAKE_MAX_COPIES = 8192 };

struct fake_memory {
    struct memory_view view; /* first: the parsers' pointer is one to all of it */
    uint8_t bytes[FAKE_SIZE];
    void *copies[FAKE_MAX_COPIES];
    size_t copy_count;
};

static inline const void *fake_at(const struct memory_view *view, uint64_t address, uint64_t bytes)
{
    struct fake_memory *m = (struct fake_memory *)(uintptr_t)view;
    if (address < FAKE_BASE || address - FAKE_BASE > FAKE_SIZE ||
        bytes > FAKE_SIZE - (address - FAKE_BASE) || m->copy_count == FAKE_MAX_COPIES) {
        return NULL;
    }
    void *copy = malloc(bytes == 0 ? 1 : bytes);
    memcpy(copy, m->bytes + (address - FAKE_BASE), bytes);
    m->copies[m->copy_count++] = copy;
    return copy;
}

static inline struct fake_memory *fake_new(void)
{
    struct fake_memory *m = calloc(1, sizeof(*m));
    m->view.at = fake_at;
    return m;
}

static inline void fake_forget_copies(struct fake_memory *m)
{
    while (m->copy_count > 0) {
        free(m->copies[--m->copy_count]);
    }
}

static inline void fake_free(struct fake_memory *m)
{
    fake_forget_copies(m);
    free(m);
}

static inline void fake_put(struct fake_memory *m, uint64_t address, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        m->bytes[address - FAKE_BASE + i] = (uint8_t)(value >> (8 * i));
    }
}

/* xorshift64: the same sequence on every run. */
static inline uint64_t fake_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
