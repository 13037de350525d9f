/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The 16550 at COM1, driven by its interrupt.
 */
#ifndef CONSOLE_UART_H
#define CONSOLE_UART_H

#include <stdbool.h>
#include <stdint.h>

/* Switches interrupts on. Without a device nothing is ever sent or received. */
void uart_start(void);
bool uart_present(void);

/* The interrupt came: takes what was received (key_byte of keys.h) and sends on. */
void uart_interrupt(void);

/* There may be something to send (view_next of view.h). */
void uart_send(void);

#endif
