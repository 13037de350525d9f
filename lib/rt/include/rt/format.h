/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Text from a format string: %d %i %u %x %X %o %c %s %p %%, the flags - 0 + space #, width,
 * precision (for numbers and %s, each a number or *), lengths hh h l ll z j t. Nothing else: an
 * unknown conversion is put out as it stands and takes no argument.
 */
#ifndef RT_FORMAT_H
#define RT_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Writes at most size bytes, the last of them a NUL, and returns the number of bytes written
 * without that NUL: never more than size - 1 (unlike snprintf), 0 for size 0. buffer belongs to the
 * caller.
 */
size_t format_text(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t format_vtext(char *buffer, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

#endif
