/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <string.h>

/* Bulk goes in words of eight bytes, which x86-64 loads and stores at any address. */
struct word {
    uint64_t value;
} __attribute__((packed, may_alias));

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    for (; size >= 32; size -= 32, d += 32, s += 32) {
        struct word *wd = (struct word *)d;
        const struct word *ws = (const struct word *)s;
        uint64_t a = ws[0].value;
        uint64_t b = ws[1].value;
        uint64_t c = ws[2].value;
        uint64_t e = ws[3].value;

        wd[0].value = a;
        wd[1].value = b;
        wd[2].value = c;
        wd[3].value = e;
    }
    for (; size >= 8; size -= 8, d += 8, s += 8) {
        ((struct word *)d)->value = ((const struct word *)s)->value;
    }
    for (; size > 0; size--) {
        *d++ = *s++;
    }
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

    for (; size >= 8; size -= 8, d += 8) {
        ((struct word *)d)->value = fill;
    }
    for (; size > 0; size--) {
        *d++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a;
    const uint8_t *y = b;

    for (size_t i = 0; i < size; i++) {
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
