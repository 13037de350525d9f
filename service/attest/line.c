/* SPDX-License-Identifier: BSD-2-Clause
 *
 * National Semiconductor PC16550D, table II and sections 8.3 to 8.8.
 */
#include "line.h"

#include <component/component.h>

/* Set by the system description. */
uint16_t line_port = 0x2f8;
uint8_t line_port_id = 1;
uint8_t line_irq_id = 1;

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH };
enum { FCR = IIR, DIVISOR_LOW = DATA, DIVISOR_HIGH = IER };
enum {
    IER_RECEIVED = 1,
    FCR_ON = 7, /* and both FIFOs emptied */
    LCR_8N1 = 3,
    LCR_DIVISOR = 0x80,
    MCR_DTR = 1,
    MCR_RTS = 2,
    MCR_OUT2 = 8, /* lets the interrupt through on a PC */
    LSR_READY = 1,
    LSR_EMPTY = 0x20,
    IIR_NONE = 1,
    FIFO_SIZE = 16,
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

static uint8_t in(unsigned offset)
{
    return microkit_x86_ioport_read_8(line_port_id, line_port + offset);
}

static void out(unsigned offset, uint8_t value)
{
    microkit_x86_ioport_write_8(line_port_id, line_port + offset, value);
}

void line_start(void)
{
    /* A missing device reads as ones, and keeps nothing. */
    out(SCRATCH, 0x5a);
    present = in(SCRATCH) == 0x5a;
    if (!present) {
        return;
    }
    out(LCR, LCR_DIVISOR);
    out(DIVISOR_LOW, 1); /* 115200 baud */
    out(DIVISOR_HIGH, 0);
    out(LCR, LCR_8N1);
    out(FCR, FCR_ON);
    out(MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    out(IER, IER_RECEIVED);
    microkit_irq_ack(line_irq_id);
    line_interrupt();
}

/* Takes what stands in the FIFO, MAX_BYTES at most. What finds no room is lost. */
static void receive(void)
{
    for (unsigned i = 0; i < MAX_BYTES && (in(LSR)&LSR_READY) != 0; i++) {
        uint64_t now = component_tsc();
        uint8_t byte = in(DATA);
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
    for (unsigned i = 0; i < MAX_BYTES && (in(IIR)&IIR_NONE) == 0; i++) {
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

    while ((in(LSR)&LSR_EMPTY) == 0) {
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
        if (at % FIFO_SIZE == 0 && !await_empty()) {
            return;
        }
        out(DATA, data[at]);
    }
}
