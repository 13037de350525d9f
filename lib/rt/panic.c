/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>

#include <rt/log.h>
#include <rt/panic.h>

void panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_vmessage(LOG_ERROR, format, args);
    va_end(args);
    __builtin_trap();
}
