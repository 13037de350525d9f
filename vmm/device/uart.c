/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/uart.h"

#include <string.h>

#define IER_RECEIVE  0x01
#define IER_TRANSMIT 0x02
#define IER_LINE     0x04
#define FCR_ENABLE   0x01
#define LCR_DLAB     0x80
#define MCR_OUT2     0x08
#define MCR_LOOP     0x10
#define LSR_READY    0x01
#define LSR_OVERRUN  0x02

void uart_initialize(struct uart *uart, struct irq *irq, unsigned isa_irq,
                     bool (*transmit)(void *, uint8_t), void *context)
{
    memset(uart, 0, sizeof(*uart));
    uart->irq = irq;
    uart->isa_irq = isa_irq;
    uart->transmit = transmit;
    uart->context = context;
    uart_reset(uart);
}

unsigned uart_room(const struct uart *uart)
{
    unsigned depth = (uart->fcr & FCR_ENABLE) != 0 ? UART_FIFO : 1;
    return uart->count < depth ? depth - uart->count : 0;
}

/* Interrupt identification, highest priority first (data sheet table IV). */
static uint8_t identify(const struct uart *uart)
{
    if ((uart->ier & IER_LINE) != 0 && uart->overrun)
        return 0x06;
    if ((uart->ier & IER_RECEIVE) != 0 && uart->count != 0) {
        static const uint8_t trigger[4] = {1, 4, 8, 14};
        bool level = (uart->fcr & FCR_ENABLE) == 0 || uart->count >= trigger[uart->fcr >> 6];
        return level ? 0x04 : 0x0c; /* below the trigger level: the timeout, at once */
    }
    if ((uart->ier & IER_TRANSMIT) != 0 && uart->transmit_pending)
        return 0x02;
    return 0x01;
}

bool uart_is_idle(const struct uart *uart)
{
    return uart->unsent_count == 0 && uart->count == 0 && !uart->overrun;
}

bool uart_takes(const struct uart *uart)
{
    return uart_is_idle(uart) && (uart->lcr & LCR_DLAB) == 0 && (uart->mcr & MCR_LOOP) == 0 &&
           (uart->ier & IER_TRANSMIT) == 0;
}

void uart_taken(struct uart *uart)
{
    uart->transmit_pending = true;
}

static void tell_status(struct uart *uart)
{
    bool idle = uart_is_idle(uart);
    if (idle == uart->told_idle)
        return;
    uart->told_idle = idle;
    if (uart->status != NULL)
        uart->status(uart->context, idle);
}

static void update(struct uart *uart)
{
    tell_status(uart);
    /* OUT2 gates the interrupt on PC hardware. */
    bool line = identify(uart) != 0x01 && (uart->mcr & MCR_OUT2) != 0;
    if (line == uart->line)
        return;
    uart->line = line;
    irq_set_isa(uart->irq, uart->isa_irq, line);
}

void uart_reset(struct uart *uart)
{
    uart->ier = 0;
    uart->fcr = 0;
    uart->lcr = 0;
    uart->mcr = 0;
    uart->divisor = 12;
    uart->count = 0;
    uart->overrun = false;
    uart->unsent_count = 0;
    uart->transmit_pending = false;
    tell_status(uart);
    if (uart->line)
        irq_set_isa(uart->irq, uart->isa_irq, false);
    uart->line = false;
}

void uart_receive(struct uart *uart, uint8_t byte)
{
    if (uart_room(uart) == 0) {
        uart->overrun = true;
    } else {
        uart->fifo[(uart->head + uart->count) % UART_FIFO] = byte;
        uart->count++;
    }
    update(uart);
}

static uint8_t read_receive(struct uart *uart)
{
    if (uart->count == 0)
        return 0;
    uint8_t byte = uart->fifo[uart->head];
    uart->head = (uint8_t)((uart->head + 1) % UART_FIFO);
    uart->count--;
    update(uart);
    if (uart->count == 0 && uart->drained != NULL)
        uart->drained(uart->context);
    return byte;
}

static uint8_t read_identification(struct uart *uart)
{
    uint8_t id = identify(uart);
    if (id == 0x02) {
        uart->transmit_pending = false;
        update(uart);
    }
    return (uint8_t)(id | ((uart->fcr & FCR_ENABLE) != 0 ? 0xc0 : 0));
}

void uart_transmit_ready(struct uart *uart)
{
    uint8_t sent = 0;
    if (uart->unsent_count == 0)
        return;
    while (sent < uart->unsent_count && uart->transmit(uart->context, uart->unsent[sent]))
        sent++;
    uart->unsent_count = (uint8_t)(uart->unsent_count - sent);
    memmove(uart->unsent, uart->unsent + sent, uart->unsent_count);
    if (uart->unsent_count == 0) {
        uart->transmit_pending = true;
        update(uart);
    }
}

static uint8_t read_line_status(struct uart *uart)
{
    uart_transmit_ready(uart); /* the guest waits for it */
    uint8_t status = uart->unsent_count == 0 ? UART_LSR_IDLE : 0;
    if (uart->count != 0)
        status |= LSR_READY;
    if (uart->overrun) {
        status |= LSR_OVERRUN;
        uart->overrun = false;
        update(uart);
    }
    return status;
}

static uint8_t read_modem_status(const struct uart *uart)
{
    if ((uart->mcr & MCR_LOOP) != 0) {
        /* RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD */
        return (uint8_t)((uart->mcr & 0x02) << 3 | (uart->mcr & 0x01) << 5 |
                         (uart->mcr & 0x04) << 4 | (uart->mcr & 0x08) << 4);
    }
    return 0xb0; /* DCD, DSR, CTS: somebody listens */
}

static uint64_t uart_read(void *device, uint64_t offset, unsigned size)
{
    struct uart *uart = device;
    if (size != 1)
        return UINT64_MAX;
    switch (offset) {
    case 0:
        return (uart->lcr & LCR_DLAB) != 0 ? (uint8_t)uart->divisor : read_receive(uart);
    case 1:
        return (uart->lcr & LCR_DLAB) != 0 ? uart->divisor >> 8 : uart->ier;
    case 2:
        return read_identification(uart);
    case 3:
        return uart->lcr;
    case 4:
        return uart->mcr;
    case 5:
        return read_line_status(uart);
    case 6:
        return read_modem_status(uart);
    default:
        return uart->scratch;
    }
}

static void write_transmit(struct uart *uart, uint8_t value)
{
    if ((uart->mcr & MCR_LOOP) != 0) {
        uart_receive(uart, value);
    } else if (uart->unsent_count != 0 || !uart->transmit(uart->context, value)) {
        /* A guest that does not look whether there is room loses what it writes, as on hardware. */
        unsigned depth = (uart->fcr & FCR_ENABLE) != 0 ? UART_FIFO : 1;
        if (uart->unsent_count < depth)
            uart->unsent[uart->unsent_count++] = value;
    }
    /* Where the line took it the holding register is empty again at once: a new event. */
    uart->transmit_pending = uart->unsent_count == 0;
    update(uart);
}

static void write_fifo_control(struct uart *uart, uint8_t value)
{
    if ((value & 0x02) != 0 || ((value ^ uart->fcr) & FCR_ENABLE) != 0)
        uart->count = 0;
    if ((value & 0x04) != 0 || ((value ^ uart->fcr) & FCR_ENABLE) != 0)
        uart->unsent_count = 0;
    uart->fcr = value & 0xc9;
    update(uart);
}

static void uart_write(void *device, uint64_t offset, unsigned size, uint64_t wide)
{
    struct uart *uart = device;
    uint8_t value = (uint8_t)wide;
    if (size != 1)
        return;
    switch (offset) {
    case 0:
        if ((uart->lcr & LCR_DLAB) != 0)
            uart->divisor = (uint16_t)((uart->divisor & 0xff00) | value);
        else
            write_transmit(uart, value);
        break;
    case 1:
        if ((uart->lcr & LCR_DLAB) != 0) {
            uart->divisor = (uint16_t)((uart->divisor & 0xff) | value << 8);
        } else {
            if ((value & ~uart->ier & IER_TRANSMIT) != 0 && uart->unsent_count == 0)
                uart->transmit_pending = true;
            uart->ier = value & 0x0f;
            update(uart);
        }
        break;
    case 2:
        write_fifo_control(uart, value);
        break;
    case 3:
        uart->lcr = value;
        break;
    case 4:
        uart->mcr = value & 0x1f;
        update(uart);
        break;
    case 7:
        uart->scratch = value;
        break;
    default:
        break;
    }
}

const struct bus_operations uart_operations = {uart_read, uart_write, 1};
