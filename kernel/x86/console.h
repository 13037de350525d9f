/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's own serial console: panics, a banner, and the debug build's output.
 */
#ifndef KERNEL_X86_CONSOLE_H
#define KERNEL_X86_CONSOLE_H

#include <stdarg.h>

#include "types.h"

/* Sets up a 16550 at the port (115200 8N1); port 0: no console. */
void console_init(uint16_t port);
void console_vprintf(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

#endif
