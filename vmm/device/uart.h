/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A 16550A serial port (National PC16550D data sheet). Transmission takes no time while the line
 * takes what is sent; what it does not take stands in the transmit FIFO, which the guest sees.
 */
#ifndef VMM_DEVICE_UART_H
#define VMM_DEVICE_UART_H

#include "vmm/device/irq.h"

#define UART_FIFO     16
#define UART_LSR_IDLE 0x60 /* line status while uart_is_idle */

struct uart {
    uint8_t ier;
    uint8_t fcr;
    uint8_t lcr;
    uint8_t mcr;
    uint8_t scratch;
    uint16_t divisor;
    uint8_t fifo[UART_FIFO];
    uint8_t head;
    uint8_t count;
    bool overrun;
    uint8_t unsent[UART_FIFO]; /* the transmit FIFO, or in its first byte the holding register */
    uint8_t unsent_count;
    bool transmit_pending; /* the THR-empty interrupt has not been read yet */
    bool line;
    unsigned isa_irq;
    struct irq *irq;
    bool (*transmit)(void *context, uint8_t byte);
    void (*drained)(void *context);           /* the receive FIFO has become empty; may be NULL */
    void (*status)(void *context, bool idle); /* uart_is_idle has changed; may be NULL */
    bool told_idle;
    void *context;
};

extern const struct bus_operations uart_operations; /* 8 ports */

/* transmit is called with each byte that the guest sends; false: it is to be tried again later,
 * when uart_transmit_ready is called. */
void uart_initialize(struct uart *uart, struct irq *irq, unsigned isa_irq,
                     bool (*transmit)(void *, uint8_t), void *context);
void uart_reset(struct uart *uart);

/* The line status register reads as UART_LSR_IDLE, and reading it changes nothing. */
bool uart_is_idle(const struct uart *uart);

/* A byte written to the transmit register goes to the line and has no other effect, and so do those
 * behind it as long as the line takes them. uart_taken: such bytes were sent past the device. */
bool uart_takes(const struct uart *uart);
void uart_taken(struct uart *uart);

/* The line may take bytes again. */
void uart_transmit_ready(struct uart *uart);

/* How many bytes uart_receive takes now. */
unsigned uart_room(const struct uart *uart);

/* A byte arrives on the line; without room it is lost and the overrun bit is set. */
void uart_receive(struct uart *uart, uint8_t byte);

#endif
