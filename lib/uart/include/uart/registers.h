/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registers of a 16550 (National Semiconductor PC16550D, table II and sections 8.3 to 8.8), for
 * whoever drives one: constants and nothing else.
 */
#ifndef UART_REGISTERS_H
#define UART_REGISTERS_H

enum { UART_COM1 = 0x3f8 }; /* where a PC has the first one */

/* Offsets of the ports. */
enum uart_register {
    UART_DATA,
    UART_IER,
    UART_IIR,
    UART_LCR,
    UART_MCR,
    UART_LSR,
    UART_MSR,
    UART_SCRATCH,
    UART_FCR = UART_IIR,          /* written */
    UART_DIVISOR_LOW = UART_DATA, /* with UART_LCR_DIVISOR */
    UART_DIVISOR_HIGH = UART_IER,
};

enum {
    UART_IER_RECEIVED = 1,
    UART_IER_EMPTY = 2,
    UART_FCR_ON = 1,
    UART_FCR_CLEAR = 6, /* both FIFOs emptied */
    UART_LCR_8N1 = 3,
    UART_LCR_DIVISOR = 0x80,
    UART_MCR_DTR = 1,
    UART_MCR_RTS = 2,
    UART_MCR_OUT2 = 8, /* lets the interrupt through on a PC */
    UART_LSR_READY = 1,
    UART_LSR_EMPTY = 0x20,
    UART_IIR_NONE = 1,
    UART_IIR_CAUSE = 0x0e,
    UART_IIR_MODEM = 0,
    UART_IIR_EMPTY = 2,
    UART_FIFO_SIZE = 16,
};

#endif
