/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal.h"

#include <stdbool.h>
#include <string.h>
#include <component/log.h>
#include <rt/format.h>
#include <rt/log.h>

#include "serial.h"

enum { EARLY_SIZE = 16384, HEADER = 3 };

/* What was said before there was a ring: level, whether shown, length, text. */
static uint8_t early[EARLY_SIZE];
static size_t early_length;

static struct ring ring;
static seL4_CPtr reader;
static bool has_ring;
static bool has_serial;

static void keep(enum log_level level, const char *text, size_t length)
{
    if (length > LOG_RECORD_TEXT) {
        length = LOG_RECORD_TEXT;
    }
    if (early_length + length + HEADER > sizeof(early)) {
        return;
    }
    early[early_length++] = (uint8_t)level;
    early[early_length++] = has_serial;
    early[early_length++] = (uint8_t)length;
    memcpy(early + early_length, text, length);
    early_length += length;
}

static void put(uint8_t level, bool shown, const char *text, size_t length)
{
    /* The console has the higher priority: it empties the ring when it is woken. */
    if (log_encode(&ring, level, shown, text, length) && ring_must_wake(&ring)) {
        seL4_Signal(reader);
    }
}

/* On the serial port. */
static void show(uint8_t level, const char *text, size_t length)
{
    static const char *const prefix[] = {
        [LOG_ERROR] = "error: ",
        [LOG_WARNING] = "warning: ",
        [LOG_INFO] = "",
        [LOG_DEBUG] = "debug: ",
    };
    char head[64];

    serial_write(head, format_text(head, sizeof(head), "quoin init: %s", prefix[level]));
    serial_write(text, length);
    serial_write("\n", 1);
}

static void sink(enum log_level level, const char *text, size_t length)
{
    if (has_ring) {
        put((uint8_t)level, false, text, length);
        return;
    }
    if (has_serial) {
        show((uint8_t)level, text, length);
    }
    keep(level, text, length);
}

void journal_start(bool serial)
{
    has_serial = serial;
    log_set_record_sink(sink);
}

void journal_leave_serial(void)
{
    has_serial = false;
}

void journal_return_to_serial(void)
{
    has_serial = true;
    for (size_t at = 0; at + HEADER <= early_length;) {
        size_t length = early[at + 2];
        if (!early[at + 1]) {
            show(early[at], (const char *)&early[at + HEADER], length);
            early[at + 1] = true;
        }
        at += HEADER + length;
    }
}

void journal_enter_ring(void *memory, uint64_t size, seL4_CPtr notification)
{
    if (ring_attach(&ring, memory, size, true) != RING_OK) {
        return;
    }
    reader = notification;
    has_ring = true;
    for (size_t at = 0; at + HEADER <= early_length;) {
        size_t length = early[at + 2];
        put(early[at], early[at + 1] != 0, (const char *)&early[at + HEADER], length);
        at += HEADER + length;
    }
    early_length = 0;
}
