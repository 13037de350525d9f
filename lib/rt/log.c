/* SPDX-License-Identifier: BSD-2-Clause */
#include <rt/format.h>
#include <rt/log.h>

static log_sink *current_sink;
static log_record_sink *current_record_sink;
static const char *current_name = "?";
static enum log_level current_level = LOG_INFO;

static const char *const level_prefix[] = {
    [LOG_ERROR] = "error: ",
    [LOG_WARNING] = "warning: ",
    [LOG_INFO] = "",
    [LOG_DEBUG] = "debug: ",
};

void log_set_sink(log_sink *sink, const char *name)
{
    current_sink = sink;
    current_name = name;
}

void log_set_record_sink(log_record_sink *sink)
{
    current_record_sink = sink;
}

void log_set_level(enum log_level level)
{
    current_level = level;
}

void log_vmessage(enum log_level level, const char *format, va_list args)
{
    char line[LOG_LINE_MAX];
    size_t length;

    if (level > current_level) {
        return;
    }
    if (current_record_sink != NULL) {
        current_record_sink(level, line, format_vtext(line, sizeof(line), format, args));
        return;
    }
    if (current_sink == NULL) {
        return;
    }
    length = format_text(line, sizeof(line) - 1, "%s: %s", current_name, level_prefix[level]);
    length += format_vtext(line + length, sizeof(line) - 1 - length, format, args);
    line[length++] = '\n';
    current_sink(line, length);
}

void log_message(enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_vmessage(level, format, args);
    va_end(args);
}

void log_print(const char *format, ...)
{
    char line[LOG_LINE_MAX];
    va_list args;
    size_t length;

    if (current_sink == NULL) {
        return;
    }
    va_start(args, format);
    length = format_vtext(line, sizeof(line), format, args);
    va_end(args);
    current_sink(line, length);
}
