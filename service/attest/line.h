/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The 16550 at COM2, on which a verifier speaks to the machine.
 */
#ifndef ATTEST_LINE_H
#define ATTEST_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Switches the interrupt on; without a device nothing ever comes. */
void line_start(void);

/* The interrupt came: hands each byte that was received to line_byte(). */
void line_interrupt(void);

/* Hands on what was received while something was sent. */
void line_go_on(void);

/* Defined by whoever uses the line; it may send. paused: nothing had come for a second before. */
void line_byte(uint8_t byte, bool paused);

/* Sends, and waits as long as the line takes (10,000 bytes: a second). Gives up on a line that
 * takes nothing for a while. */
void line_send(const uint8_t *data, size_t size);

#endif
