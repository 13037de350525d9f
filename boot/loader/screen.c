/* SPDX-License-Identifier: BSD-2-Clause */
/* Text on the screen as the framebuffer tag of Multiboot 2 (section 3.6.12) describes it. */
#include <string.h>

#include "console.h"
#include "font.h"

enum { TYPE_DIRECT = 1, TYPE_TEXT = 2 };

#define TEXT_ATTRIBUTE 0x0700u /* light grey on black */

static void show_text(const struct info_framebuffer *screen, const char *text)
{
    volatile uint8_t *rows = (volatile uint8_t *)(uintptr_t)screen->address;
    uint32_t column = 0;
    uint32_t line = 1;

    for (uint32_t y = 0; y < screen->height; y++) {
        for (uint32_t x = 0; x < screen->width; x++)
            *(volatile uint16_t *)(rows + (uint64_t)y * screen->pitch + 2 * x) = TEXT_ATTRIBUTE;
    }
    for (; *text != 0 && line < screen->height; text++) {
        if (*text == '\n' || column + 1 >= screen->width) {
            column = 0;
            line++;
            if (*text == '\n' || line >= screen->height)
                continue;
        }
        column++;
        *(volatile uint16_t *)(rows + (uint64_t)line * screen->pitch + 2 * column) =
            (uint16_t)(TEXT_ATTRIBUTE | (uint8_t)*text);
    }
}

/* One pixel, white or black, in any layout of 2 to 4 bytes. */
static void put_pixel(const struct info_framebuffer *screen, uint32_t x, uint32_t y, int white)
{
    unsigned bytes = (screen->depth + 7u) / 8;
    volatile uint8_t *at = (volatile uint8_t *)(uintptr_t)screen->address +
                           (uint64_t)y * screen->pitch + (uint64_t)x * bytes;

    for (unsigned i = 0; i < bytes; i++)
        at[i] = white ? 0xff : 0;
}

static void draw_letter(const struct info_framebuffer *screen, uint32_t x, uint32_t y,
                        uint32_t scale, char c)
{
    const uint8_t *rows;

    if (c < FONT_FIRST || c >= FONT_FIRST + FONT_COUNT)
        c = '?';
    rows = font_rows[c - FONT_FIRST];
    for (uint32_t i = 0; i < FONT_HEIGHT * scale; i++) {
        for (uint32_t j = 0; j < FONT_WIDTH * scale; j++) {
            if (rows[i / scale] >> (FONT_WIDTH - 1 - j / scale) & 1)
                put_pixel(screen, x + j, y + i, 1);
        }
    }
}

static void show_pixels(const struct info_framebuffer *screen, const char *text)
{
    uint32_t scale = screen->width >= 1920 ? 3 : screen->width >= 960 ? 2 : 1;
    uint32_t letter_width = (FONT_WIDTH + 1) * scale;
    uint32_t letter_height = (FONT_HEIGHT + 3) * scale;
    uint32_t x = letter_width;
    uint32_t y = letter_height;

    for (uint32_t row = 0; row < screen->height; row++)
        memset((uint8_t *)(uintptr_t)screen->address + (uint64_t)row * screen->pitch, 0,
               (size_t)screen->width * ((screen->depth + 7u) / 8));
    for (; *text != 0; text++) {
        if (*text == '\n' || x + 2 * letter_width > screen->width) {
            x = letter_width;
            y += letter_height;
        }
        if (y + letter_height > screen->height)
            break;
        if (*text == '\n')
            continue;
        draw_letter(screen, x, y, scale, *text);
        x += letter_width;
    }
}

void screen_show(const struct info_framebuffer *screen, uint64_t limit, const char *text)
{
    uint64_t size = (uint64_t)screen->pitch * screen->height;
    unsigned bytes = screen->type == TYPE_TEXT ? 2 : (screen->depth + 7u) / 8;

    if (screen->address == 0 || screen->address > limit || size > limit - screen->address ||
        screen->width > 0x10000 || screen->height > 0x10000 ||
        screen->pitch < (uint64_t)screen->width * bytes)
        return;
    if (screen->type == TYPE_TEXT)
        show_text(screen, text);
    else if (screen->type == TYPE_DIRECT && bytes >= 2 && bytes <= 4)
        show_pixels(screen, text);
}
