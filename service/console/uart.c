/* SPDX-License-Identifier: BSD-2-Clause
 *
 * National Semiconductor PC16550D, table II and sections 8.4 to 8.8.
 */
#include "uart.h"

#include <microkit.h>
#include <stdbool.h>

#include "keys.h"
#include "view.h"

/* Set by the system description. */
uint16_t uart_port = 0x3f8;
uint8_t uart_port_id = 1;
uint8_t uart_irq_id = 1;

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR };
enum { FCR = IIR };
enum {
    IER_RECEIVED = 1,
    IER_EMPTY = 2,
    FCR_ON = 1,
    MCR_DTR = 1,
    MCR_RTS = 2,
    MCR_OUT2 = 8, /* lets the interrupt through on a PC */
    LSR_READY = 1,
    LSR_EMPTY = 0x20,
    IIR_NONE = 1,
    IIR_CAUSE = 0x0e,
    IIR_MODEM = 0,
    IIR_EMPTY = 2,
    FIFO_SIZE = 16,
    MAX_CAUSES = 64, /* a device that always finds another cause must not keep us here */
};

static bool present;

static uint8_t in(unsigned offset)
{
    return microkit_x86_ioport_read_8(uart_port_id, uart_port + offset);
}

static void out(unsigned offset, uint8_t value)
{
    microkit_x86_ioport_write_8(uart_port_id, uart_port + offset, value);
}

bool uart_present(void)
{
    return present;
}

void uart_start(void)
{
    /* The kernel set speed and format; a missing device reads as ones. */
    present = in(LSR) != 0xff;
    if (!present) {
        return;
    }
    out(FCR, FCR_ON);
    out(MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    out(IER, IER_RECEIVED | IER_EMPTY);
    microkit_irq_ack(uart_irq_id);
    uart_interrupt();
}

void uart_send(void)
{
    if (!present || !view_pending(SCREEN_SERIAL) || (in(LSR)&LSR_EMPTY) == 0) {
        return; /* what is being sent ends with an interrupt */
    }
    for (unsigned i = 0; i < FIFO_SIZE; i++) {
        int byte = view_next(SCREEN_SERIAL);
        if (byte < 0) {
            break;
        }
        out(DATA, (uint8_t)byte);
    }
}

static void receive(void)
{
    for (unsigned i = 0; i < MAX_CAUSES && (in(LSR)&LSR_READY) != 0; i++) {
        key_byte(SCREEN_SERIAL, in(DATA));
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
        uint8_t cause = in(IIR);
        if (cause & IIR_NONE) {
            break;
        }
        switch (cause & IIR_CAUSE) {
        case IIR_EMPTY: /* reading it was the acknowledgement */
            uart_send();
            break;
        case IIR_MODEM:
            (void)in(MSR);
            break;
        default: /* received data, or an error of it */
            receive();
            break;
        }
    }
    uart_send();
}
