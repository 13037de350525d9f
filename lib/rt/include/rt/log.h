/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Log lines with a level. Where they go is the component's choice; until it has chosen they are
 * lost.
 */
#ifndef RT_LOG_H
#define RT_LOG_H

#include <stdarg.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Takes text as it comes: length bytes, not terminated, lines or parts of lines. */
typedef void log_sink(const char *text, size_t length);

/* sink may be null: nothing is written then. name stands before each line; it must stay valid. */
void log_set_sink(log_sink *sink, const char *name);

/* Takes one message: its level, and its text without name and end of line. */
typedef void log_record_sink(enum log_level level, const char *text, size_t length);

/* Once set, messages go there as records instead; log_print still goes to the sink. */
void log_set_record_sink(log_record_sink *sink);

/* Lines above level are dropped. LOG_INFO at the start. */
void log_set_level(enum log_level level);

/* Writes one line, "name: [level: ]text". A line longer than LOG_LINE_MAX bytes is cut. */
#define LOG_LINE_MAX 512
void log_message(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_vmessage(enum log_level level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Writes text as it is, without name and end of line. */
void log_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define log_error(...)   log_message(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_DEBUG, __VA_ARGS__)

#endif
