/* SPDX-License-Identifier: BSD-2-Clause */
#include "uart.h"

#include <microkit.h>
#include <stdbool.h>
#include <uart/uart.h>

#include "keys.h"
#include "view.h"

/* Set by the system description. */
uint16_t uart_port = 0x3f8;
uint8_t uart_port_id = 1;
uint8_t uart_irq_id = 1;

enum {
    MAX_CAUSES = 64, /* a device that always finds another cause must not keep us here */
};

static bool present;

static uint8_t in(enum uart_register offset)
{
    return uart_in((struct uart){uart_port_id, uart_port}, offset);
}

static void out(enum uart_register offset, uint8_t value)
{
    uart_out((struct uart){uart_port_id, uart_port}, offset, value);
}

bool uart_present(void)
{
    return present;
}

void uart_start(void)
{
    /* The kernel set speed and format; a missing device reads as ones. */
    present = in(UART_LSR) != 0xff;
    if (!present) {
        return;
    }
    out(UART_FCR, UART_FCR_ON);
    out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
    out(UART_IER, UART_IER_RECEIVED | UART_IER_EMPTY);
    microkit_irq_ack(uart_irq_id);
    uart_interrupt();
}

void uart_send(void)
{
    if (!present || !view_pending(SCREEN_SERIAL) || (in(UART_LSR)&UART_LSR_EMPTY) == 0) {
        return; /* what is being sent ends with an interrupt */
    }
    uint8_t bytes[UART_FIFO_SIZE];
    unsigned count = 0;
    for (int byte; count < UART_FIFO_SIZE && (byte = view_next(SCREEN_SERIAL)) >= 0; count++) {
        bytes[count] = (uint8_t)byte;
    }
    quoin_x86_ioport_write_some(uart_port_id, uart_port + UART_DATA, bytes, count);
}

static void receive(void)
{
    for (unsigned i = 0; i < MAX_CAUSES && (in(UART_LSR)&UART_LSR_READY) != 0; i++) {
        key_byte(SCREEN_SERIAL, in(UART_DATA));
    }
}

void uart_interrupt(void)
{
    if (!present) {
        return;
    }
    /* Acknowledged first: the line is an edge, and falls only when no cause is left. */
    microkit_irq_ack(uart_irq_id);
    for (unsigned i = 0; i < MAX_CAUSES; i++) {
        uint8_t cause = in(UART_IIR);
        if (cause & UART_IIR_NONE) {
            break;
        }
        switch (cause & UART_IIR_CAUSE) {
        case UART_IIR_EMPTY: /* reading it was the acknowledgement */
            uart_send();
            break;
        case UART_IIR_MODEM:
            (void)in(UART_MSR);
            break;
        default: /* received data, or an error of it */
            receive();
            break;
        }
    }
    uart_send();
}
