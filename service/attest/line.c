/* SPDX-License-Identifier: BSD-2-Clause */
#include "line.h"

#include <component/component.h>
#include <uart/uart.h>

/* Set by the system description. */
uint16_t line_port = 0x2f8;
uint8_t line_port_id = 1;
uint8_t line_irq_id = 1;

enum {
    MAX_BYTES = 256,   /* a device that always finds another byte must not keep us here */
    RECEIVED = 0x4000, /* a power of two, and more than a frame */
};

static bool present;

/* What was received and not handed on yet: it comes in while something is sent as well. */
static uint8_t received[RECEIVED];
static uint32_t received_end;
static uint32_t received_start;
static bool pause;
static uint64_t last;

static uint8_t in(enum uart_register offset)
{
    return uart_in((struct uart){line_port_id, line_port}, offset);
}

static void out(enum uart_register offset, uint8_t value)
{
    uart_out((struct uart){line_port_id, line_port}, offset, value);
}

void line_start(void)
{
    /* A missing device reads as ones, and keeps nothing. */
    out(UART_SCRATCH, 0x5a);
    present = in(UART_SCRATCH) == 0x5a;
    if (!present) {
        return;
    }
    out(UART_LCR, UART_LCR_DIVISOR);
    out(UART_DIVISOR_LOW, 1); /* 115200 baud */
    out(UART_DIVISOR_HIGH, 0);
    out(UART_LCR, UART_LCR_8N1);
    out(UART_FCR, UART_FCR_ON | UART_FCR_CLEAR);
    out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
    out(UART_IER, UART_IER_RECEIVED);
    microkit_irq_ack(line_irq_id);
    line_interrupt();
}

/* Takes what stands in the FIFO, MAX_BYTES at most. What finds no room is lost. */
static void receive(void)
{
    for (unsigned i = 0; i < MAX_BYTES && (in(UART_LSR)&UART_LSR_READY) != 0; i++) {
        uint64_t now = component_tsc();
        uint8_t byte = in(UART_DATA);
        if (now - last > component_info->tsc_hz && received_start == received_end) {
            pause = true;
        }
        last = now;
        if (received_end - received_start < RECEIVED) {
            received[received_end++ % RECEIVED] = byte;
        }
    }
}

static void hand_on(void)
{
    while (received_start != received_end) {
        bool paused = pause;
        pause = false;
        line_byte(received[received_start++ % RECEIVED], paused);
    }
}

void line_interrupt(void)
{
    if (!present) {
        return;
    }
    /* Acknowledged first: the line is an edge, and falls only when no cause is left. */
    microkit_irq_ack(line_irq_id);
    for (unsigned i = 0; i < MAX_BYTES && (in(UART_IIR)&UART_IIR_NONE) == 0; i++) {
        receive();
        hand_on();
    }
}

void line_go_on(void)
{
    if (present) {
        receive();
        hand_on();
    }
}

/* Until the FIFO is empty; false when the line takes nothing for ten seconds. Line rate would be
 * two milliseconds; the other end of an emulated line may take its time. */
static bool await_empty(void)
{
    uint64_t end = component_tsc() + 10 * component_info->tsc_hz;

    while ((in(UART_LSR)&UART_LSR_EMPTY) == 0) {
        receive();
        if (component_tsc() > end) {
            return false;
        }
    }
    return true;
}

void line_send(const uint8_t *data, size_t size)
{
    for (size_t at = 0; present && at < size; at++) {
        if (at % UART_FIFO_SIZE == 0 && !await_empty()) {
            return;
        }
        out(UART_DATA, data[at]);
    }
}
