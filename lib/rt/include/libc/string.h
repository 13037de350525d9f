/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The part of C11's <string.h> (7.24) that target code has, and strnlen of POSIX. On the host the C
 * library's header stands in its place, so that shared code includes <string.h> in both.
 */
#ifndef RT_LIBC_STRING_H
#define RT_LIBC_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *in, int value, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t size);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *needle);

/*
 * Freestanding code is compiled without the compiler's own knowledge of these. With it, a copy or a
 * comparison of few bytes, as many as the compiler knows, takes some instructions and no call. The
 * barrier makes it a copy all the same: without one the compiler may read what `from` points to a
 * second time, when the copy is used, and somebody else may have changed it meanwhile.
 */
#ifndef memcpy /* lib/rt's unit test gives them other names */
static inline __attribute__((always_inline)) void *
string_copy_here(void *restrict to, const void *restrict from, size_t size)
{
    __builtin_memcpy(to, from, size);
    __asm__ volatile("" : : : "memory");
    return to;
}

#define memcpy(to, from, size) string_copy_here(to, from, size)
#define memcmp(a, b, size)     __builtin_memcmp(a, b, size)
#endif

#endif
