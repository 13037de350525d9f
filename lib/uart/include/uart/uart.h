/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A 16550 for components that have its ports.
 */
#ifndef UART_UART_H
#define UART_UART_H

#include <microkit.h>
#include <stdint.h>
#include <uart/registers.h>

/* Where a component has one: its capability for the ports, and the first of them. */
struct uart {
    uint8_t id;
    uint16_t port;
};

static inline uint8_t uart_in(struct uart uart, enum uart_register offset)
{
    return microkit_x86_ioport_read_8(uart.id, uart.port + offset);
}

static inline void uart_out(struct uart uart, enum uart_register offset, uint8_t value)
{
    microkit_x86_ioport_write_8(uart.id, uart.port + offset, value);
}

#endif
