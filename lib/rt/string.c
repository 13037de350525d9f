/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <string.h>

#include "string_asm.h"

/* Bulk goes in words of eight bytes, which x86-64 loads and stores at any address. */
struct word {
    uint64_t value;
} __attribute__((packed, may_alias));

struct half {
    uint32_t value;
} __attribute__((packed, may_alias));

static void copy_word(uint8_t *to, const uint8_t *from)
{
    ((struct word *)to)->value = ((const struct word *)from)->value;
}

/* Fewer than 8 bytes. */
static void copy_few(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size >= 4) {
        uint32_t first = ((const struct half *)from)->value;
        uint32_t last = ((const struct half *)(from + size - 4))->value;

        ((struct half *)to)->value = first;
        ((struct half *)(to + size - 4))->value = last;
        return;
    }
    for (size_t i = 0; i < size; i++) {
        to[i] = from[i];
    }
}

/* What is no whole number of words ends with one that covers bytes of the one before it again. */
void *(memcpy)(void *restrict to, const void *restrict from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    if (size < 8) {
        copy_few(d, s, size);
        return to;
    }
    if (size >= STRING_MANY) {
        string_copy(d, s, size / 8);
    } else {
        size_t i = 0;

        for (; i + 16 < size; i += 16) {
            copy_word(d + i, s + i);
            copy_word(d + i + 8, s + i + 8);
        }
        if (i + 8 < size) {
            copy_word(d + i, s + i);
        }
    }
    copy_word(d + size - 8, s + size - 8);
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    if ((uintptr_t)d - (uintptr_t)s >= size) { /* to lies before from, or behind its end */
        for (; size >= 8; size -= 8, d += 8, s += 8) {
            ((struct word *)d)->value = ((const struct word *)s)->value;
        }
        for (; size > 0; size--) {
            *d++ = *s++;
        }
    } else {
        for (; size >= 8; size -= 8) {
            ((struct word *)(d + size - 8))->value = ((const struct word *)(s + size - 8))->value;
        }
        for (; size > 0; size--) {
            d[size - 1] = s[size - 1];
        }
    }
    return to;
}

void *memset(void *to, int value, size_t size)
{
    uint8_t *d = to;
    uint64_t fill = (uint8_t)value * UINT64_C(0x0101010101010101);

    if (size >= STRING_MANY) {
        string_fill(d, fill, size / 8);
        d += size & ~(size_t)7;
        size &= 7;
    }
    for (; size >= 8; size -= 8, d += 8) {
        ((struct word *)d)->value = fill;
    }
    for (; size > 0; size--) {
        *d++ = (uint8_t)value;
    }
    return to;
}

int(memcmp)(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    size_t i = 0;

    while (size - i >= 8 &&
           ((const struct word *)(x + i))->value == ((const struct word *)(y + i))->value) {
        i += 8;
    }
    for (; i < size; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

void *memchr(const void *in, int value, size_t size)
{
    const uint8_t *x = in;

    for (size_t i = 0; i < size; i++) {
        if (x[i] == (uint8_t)value) {
            return (void *)(uintptr_t)(x + i);
        }
    }
    return NULL;
}

size_t strlen(const char *s)
{
    size_t length = 0;

    while (s[length] != '\0') {
        length++;
    }
    return length;
}

size_t strnlen(const char *s, size_t size)
{
    size_t length = 0;

    while (length < size && s[length] != '\0') {
        length++;
    }
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i] || a[i] == '\0') {
            return (unsigned char)a[i] - (unsigned char)b[i];
        }
    }
    return 0;
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++) {
        if (*s == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
    const char *last = NULL;

    for (;; s++) {
        if (*s == (char)c) {
            last = s;
        }
        if (*s == '\0') {
            return (char *)(uintptr_t)last;
        }
    }
}

char *strstr(const char *s, const char *needle)
{
    size_t length = strlen(needle);

    for (;; s++) {
        if (strncmp(s, needle, length) == 0) {
            return (char *)(uintptr_t)s;
        }
        if (*s == '\0') {
            return NULL;
        }
    }
}
