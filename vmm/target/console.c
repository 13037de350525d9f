/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The guest's console and the VMM's log: rings shared with the console service.
 */
#include <component/log.h>
#include <ring/ring.h>
#include <stddef.h>

#include "vmm/target/call.h"
#include "vmm/target/target.h"

static struct ring out;
static struct ring in;
static struct ring messages;
static bool has_out;
static bool has_in;
static bool has_messages;
static seL4_CPtr notification;
static uint32_t pending; /* bytes in the ring that the service may not know of */

/* Bytes that are gathered before the console service is woken in the middle of a line. */
#define BATCH 64u

static bool attach(struct ring *ring, const struct vmm_startup_blob *blob, bool producer)
{
    return blob->size != 0 &&
           ring_attach(ring, (void *)blob->address, blob->size, producer) == RING_OK;
}

void console_initialize(const struct vmm_startup *startup)
{
    notification = startup->console_notification;
    has_out = attach(&out, &startup->console_out, true);
    has_in = attach(&in, &startup->console_in, false);
    has_messages = attach(&messages, &startup->console_log, true);
}

void console_flush(void)
{
    pending = 0;
    if (has_out && notification != 0 && ring_must_wake(&out))
        call_send(notification, 0, 0);
}

bool console_byte(void *context, uint8_t byte)
{
    (void)context;
    if (!has_out)
        return true; /* nobody listens */
    if (ring_write(&out, &byte, 1) != 1) {
        console_flush();
        return false;
    }
    pending++;
    if (byte == '\n' || pending >= BATCH)
        console_flush();
    return true;
}

uint32_t console_room(void *context)
{
    (void)context;
    return has_out ? ring_room(&out) : UINT32_MAX;
}

void console_write(void *context, const uint8_t *bytes, uint32_t length)
{
    (void)context;
    if (!has_out)
        return;
    (void)ring_write(&out, bytes, length);
    pending += length;
    bool line = false;
    for (uint32_t i = 0; i < length; i++)
        line |= bytes[i] == '\n';
    if (line || pending >= BATCH)
        console_flush();
}

void console_log(enum log_level level, const char *text, size_t length)
{
    if (has_messages && log_encode(&messages, (uint8_t)level, false, text, length) &&
        ring_must_wake(&messages) && notification != 0)
        call_send(notification, 0, 0);
}

void console_poll(struct vm *vm)
{
    uint8_t byte;
    if (pending != 0)
        console_flush();
    if (!has_in || ring_sleeps(&in))
        return;
    while (uart_room(&vm->uart) != 0) {
        int64_t taken = ring_read(&in, &byte, 1);
        if (taken == 1)
            uart_receive(&vm->uart, byte);
        else if (taken < 0)
            ring_drop(&in); /* an impossible index: what stands there means nothing */
        else if (ring_prepare_sleep(&in))
            return;
    }
}
