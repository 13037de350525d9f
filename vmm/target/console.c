/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The guest's console: rings shared with the console service, or, until there is one, a UART whose
 * ports the VMM was given.
 */
#include <ring/ring.h>
#include <rt/log.h>
#include <stddef.h>

#include "vmm/target/call.h"
#include "vmm/target/target.h"

#define UART_DATA        0u
#define UART_LINE_STATUS 5u
#define LSR_READY        0x01u
#define LSR_EMPTY        0x20u

static struct ring out;
static struct ring in;
static bool has_out;
static bool has_in;
static seL4_CPtr notification;
static seL4_CPtr uart_cap;
static seL4_Word uart_port;
static uint32_t pending; /* bytes in the ring that the service may not know of */

/* Bytes that are gathered before the console service is woken in the middle of a line. */
#define BATCH 64u

void console_initialize(const struct vmm_startup *startup)
{
    notification = startup->console_notification;
    has_out =
        startup->console_out.size != 0 && ring_attach(&out, (void *)startup->console_out.address,
                                                      startup->console_out.size, true) == RING_OK;
    has_in =
        startup->console_in.size != 0 && ring_attach(&in, (void *)startup->console_in.address,
                                                     startup->console_in.size, false) == RING_OK;
    uart_cap = startup->uart_cap;
    uart_port = startup->uart_port;
}

static uint8_t port_in(unsigned offset)
{
    seL4_Word value = 0;
    call_invoke(uart_cap, X86IOPortIn8, 1, uart_port + offset, 0, &value);
    return (uint8_t)value;
}

static void uart_put(uint8_t byte)
{
    /* An empty transmitter takes a FIFO's worth without being asked again. init has switched the
     * FIFO on. Bounded: a UART that never empties must not stop the guest. */
    static unsigned room;
    for (unsigned i = 0; i < 10000 && room == 0; i++) {
        if ((port_in(UART_LINE_STATUS) & LSR_EMPTY) != 0)
            room = UART_FIFO;
        else
            __builtin_ia32_pause();
    }
    if (room != 0)
        room--;
    call_invoke(uart_cap, X86IOPortOut8, 2, uart_port + UART_DATA, byte, NULL);
}

void console_flush(void)
{
    pending = 0;
    if (has_out && notification != 0 && ring_must_wake(&out))
        call_send(notification, 0, 0);
}

void console_byte(void *context, uint8_t byte)
{
    (void)context;
    if (!has_out) {
        if (uart_cap != 0)
            uart_put(byte);
        return;
    }
    /* A full ring loses output: the guest must not wait for the console service. */
    if (ring_write(&out, &byte, 1) == 1)
        pending++;
    if (byte == '\n' || pending >= BATCH)
        console_flush();
}

void console_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            console_byte(NULL, '\r');
        console_byte(NULL, (uint8_t)text[i]);
    }
}

bool console_must_ask(void)
{
    return !has_in && uart_cap != 0;
}

void console_poll(struct vm *vm)
{
    uint8_t byte;
    if (has_out && pending != 0)
        console_flush();
    while (uart_room(&vm->uart) != 0) {
        if (has_in) {
            if (ring_read(&in, &byte, 1) != 1 && ring_prepare_sleep(&in))
                return;
            continue;
        }
        if (uart_cap == 0 || (port_in(UART_LINE_STATUS) & LSR_READY) == 0)
            return;
        uart_receive(&vm->uart, port_in(UART_DATA));
    }
}
