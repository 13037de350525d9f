/* SPDX-License-Identifier: BSD-2-Clause */
#include "serial.h"

#include <sel4/sel4.h>
#include <uart/registers.h>

/* A port that never gets ready must not stop the system: after this many looks the byte is sent. */
#define READY_LOOKS 100000u

static seL4_X86_IOPort port;

seL4_Error serial_open(seL4_SlotPos slot)
{
    seL4_Error error =
        seL4_X86_IOPortControl_Issue(seL4_CapIOPortControl, UART_COM1, UART_COM1 + UART_SCRATCH,
                                     seL4_CapInitThreadCNode, slot, seL4_WordBits);

    port = error == seL4_NoError ? slot : seL4_CapNull;
    return error;
}

void serial_close(void)
{
    port = seL4_CapNull;
}

static void put(char c)
{
    for (unsigned i = 0; i < READY_LOOKS; i++) {
        seL4_X86_IOPort_In8_t status = seL4_X86_IOPort_In8(port, UART_COM1 + UART_LSR);

        if (status.error != seL4_NoError || (status.result & UART_LSR_EMPTY) != 0) {
            break;
        }
    }
    (void)seL4_X86_IOPort_Out8(port, UART_COM1 + UART_DATA, (unsigned char)c);
}

void serial_write(const char *text, size_t length)
{
    if (port == seL4_CapNull) {
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            put('\r');
        }
        put(text[i]);
    }
}
