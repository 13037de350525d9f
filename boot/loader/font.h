/* SPDX-License-Identifier: BSD-2-Clause */
/* Letters for a screen that has none of its own: ASCII 32 to 126, 5 pixels wide and 7 high. */
#ifndef LOADER_FONT_H
#define LOADER_FONT_H

#include <stdint.h>

#define FONT_FIRST  32
#define FONT_COUNT  95
#define FONT_WIDTH  5
#define FONT_HEIGHT 7

/* Rows from the top; bit 4 is the leftmost pixel. */
extern const uint8_t font_rows[FONT_COUNT][FONT_HEIGHT];

#endif
