/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader's output: lines on the first serial port, and on a failure the screen. */
#ifndef LOADER_CONSOLE_H
#define LOADER_CONSOLE_H

#include "info.h"

/* 115200 baud, 8 bits, no parity, one stop bit. */
void console_init(void);

/* Text as it is; a line feed becomes carriage return and line feed. */
void console_print(const char *text);

/* Clears the screen (EGA text, or a linear framebuffer of 16 to 32 bits a pixel that ends below
 * limit) and writes text on it. Without such a screen nothing happens. */
void screen_show(const struct info_framebuffer *screen, uint64_t limit, const char *text);

#endif
