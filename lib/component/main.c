/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The component's one thread: init(), then notified() and protected() as things arrive.
 */
#include <component/component.h>
#include <component/log.h>
#include <rt/log.h>
#include <rt/panic.h>
#include <rt/tls.h>
#include <stdbool.h>
#include <string.h>

const struct component_info *component_info;
char microkit_name[MICROKIT_PD_NAME_LENGTH];

static struct rt_tls_block tls;
static struct ring log_ring;
static bool has_log;
static seL4_CPtr deferred; /* to be signalled with the next wait; 0: nothing */

void component_start(const struct component_info *info);

/* A full ring loses the record: who logs must not wait for who reads. */
static void write_record(enum log_level level, const char *text, size_t length)
{
    if (has_log && log_encode(&log_ring, (uint8_t)level, false, text, length) &&
        ring_must_wake(&log_ring)) {
        seL4_Signal(COMPONENT_SLOT_LOG);
    }
}

void microkit_dbg_putc(int c)
{
    static char line[LOG_RECORD_TEXT];
    static size_t length;

    if (c != '\n') {
        line[length++] = (char)c;
    }
    if (c == '\n' || length == sizeof(line)) {
        write_record(LOG_INFO, line, length);
        length = 0;
    }
}

void microkit_dbg_puts(const char *s)
{
    for (; *s; s++) {
        microkit_dbg_putc(*s);
    }
}

static void put_number(seL4_Uint32 x)
{
    char digits[10];
    unsigned count = 0;

    do {
        digits[count++] = (char)('0' + x % 10);
        x /= 10;
    } while (x != 0);
    while (count > 0) {
        microkit_dbg_putc(digits[--count]);
    }
}

void microkit_dbg_put8(seL4_Uint8 x)
{
    put_number(x);
}

void microkit_dbg_put32(seL4_Uint32 x)
{
    put_number(x);
}

void microkit_internal_crash(seL4_Error error)
{
    panic("crashed with error %d", (int)error);
}

void component_flush(void)
{
    if (deferred != 0) {
        seL4_Signal(deferred);
    }
    deferred = 0;
}

void microkit_deferred_notify(microkit_channel ch)
{
    if (deferred != COMPONENT_SLOT_NOTIFY + ch) {
        component_flush();
    }
    deferred = COMPONENT_SLOT_NOTIFY + ch;
}

/* For components that nobody may call. */
__attribute__((weak)) microkit_msginfo protected(microkit_channel ch, microkit_msginfo msginfo)
{
    (void)ch;
    (void)msginfo;
    return microkit_msginfo_new(0, 0);
}

static void handle_notification(seL4_Word badge)
{
    if (badge & component_info->watch) {
        seL4_Signal(COMPONENT_SLOT_ALIVE);
        badge &= ~component_info->watch;
    }
    for (; badge != 0; badge &= badge - 1) {
        notified((microkit_channel)__builtin_ctzll(badge));
    }
}

/* Signals what has been put off and waits, in one system call. */
static seL4_MessageInfo_t next(seL4_Word *badge)
{
    seL4_CPtr signal = deferred;

    deferred = 0;
    return signal == 0 ? seL4_Recv(COMPONENT_SLOT_INPUT, badge, COMPONENT_SLOT_REPLY)
                       : seL4_NBSendRecv(signal, seL4_MessageInfo_new(0, 0, 0, 0),
                                         COMPONENT_SLOT_INPUT, badge, COMPONENT_SLOT_REPLY);
}

static _Noreturn void serve(void)
{
    seL4_Word badge;
    seL4_MessageInfo_t info = next(&badge);

    for (;;) {
        if (badge & COMPONENT_BADGE_CALL) {
            info = protected((microkit_channel)(badge & 63), info);
            component_flush();
            info = seL4_ReplyRecv(COMPONENT_SLOT_INPUT, info, &badge, COMPONENT_SLOT_REPLY);
        } else {
            handle_notification(badge);
            info = next(&badge);
        }
    }
}

void component_start(const struct component_info *info)
{
    tls_enter(&tls, (seL4_IPCBuffer *)info->ipc_buffer);
    if (info->magic != COMPONENT_INFO_MAGIC) {
        panic("init and this component are not of one build");
    }
    component_info = info;
    memcpy(microkit_name, info->name, sizeof(microkit_name));
    microkit_name[sizeof(microkit_name) - 1] = 0;
    has_log = info->log_size != 0 &&
              ring_attach(&log_ring, (void *)info->log_address, info->log_size, true) == RING_OK;
    log_set_record_sink(write_record);
    init();
    serve();
}
