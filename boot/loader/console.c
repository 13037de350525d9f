/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial port: a 16550 at the first PC address. */
#include "console.h"

#include <uart/registers.h>

#include "port.h"

/* A port that never gets ready must not stop the loader. */
#define POLLS 100000

void console_init(void)
{
    port_write8(UART_COM1 + UART_IER, 0);
    port_write8(UART_COM1 + UART_LCR, UART_LCR_DIVISOR);
    port_write8(UART_COM1 + UART_DIVISOR_LOW, 1); /* 115200 / 1 */
    port_write8(UART_COM1 + UART_DIVISOR_HIGH, 0);
    port_write8(UART_COM1 + UART_LCR, UART_LCR_8N1);
    port_write8(UART_COM1 + UART_FCR, UART_FCR_ON);
    port_write8(UART_COM1 + UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
}

static void put(char c)
{
    for (unsigned i = 0; i < POLLS; i++) {
        if (port_read8(UART_COM1 + UART_LSR) & UART_LSR_EMPTY)
            break;
    }
    port_write8(UART_COM1 + UART_DATA, (uint8_t)c);
}

void console_print(const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '\n')
            put('\r');
        put(*text);
    }
}
