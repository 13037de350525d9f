/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial port: a 16550 at the first PC address (its data sheet, section 8). */
#include "console.h"

#include "port.h"

enum {
    BASE = 0x3f8,
    DATA = BASE,
    INTERRUPTS = BASE + 1,
    FIFO_CONTROL = BASE + 2,
    LINE_CONTROL = BASE + 3,
    MODEM_CONTROL = BASE + 4,
    LINE_STATUS = BASE + 5,
};
enum { LINE_8N1 = 3, LINE_DIVISOR = 0x80, FIFO_ON = 1, DTR_RTS = 3, TRANSMIT_EMPTY = 0x20 };

/* A port that never gets ready must not stop the loader. */
#define POLLS 100000

void console_init(void)
{
    port_write8(INTERRUPTS, 0);
    port_write8(LINE_CONTROL, LINE_DIVISOR);
    port_write8(DATA, 1); /* 115200 / 1 */
    port_write8(INTERRUPTS, 0);
    port_write8(LINE_CONTROL, LINE_8N1);
    port_write8(FIFO_CONTROL, FIFO_ON);
    port_write8(MODEM_CONTROL, DTR_RTS);
}

static void put(char c)
{
    for (unsigned i = 0; i < POLLS; i++) {
        if (port_read8(LINE_STATUS) & TRANSMIT_EMPTY)
            break;
    }
    port_write8(DATA, (uint8_t)c);
}

void console_print(const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '\n')
            put('\r');
        put(*text);
    }
}
