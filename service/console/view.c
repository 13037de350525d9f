/* SPDX-License-Identifier: BSD-2-Clause */
#include "view.h"

#include <rt/format.h>
#include <string.h>

#include "machines.h"

enum {
    LOG_SIZE = 65536,
    MACHINE_SIZE = 32768,
    PAGE_SIZE = 8192,
    NOTICE_SIZE = 256,
    RECENT = 1500,
    BEHIND = 4096
};

static uint8_t log_bytes[LOG_SIZE];
static uint8_t machine_bytes[MACHINES_MAX][MACHINE_SIZE];
static struct history log_history = {log_bytes, LOG_SIZE, 0};
static struct history machine_history[MACHINES_MAX];

static struct view current;
static uint64_t position; /* in the history of the current view */

static char page[PAGE_SIZE];
static size_t page_length, page_sent;
static char notice[NOTICE_SIZE]; /* sent before anything else */
static size_t notice_length, notice_sent;

void view_start(void)
{
    for (unsigned i = 0; i < MACHINES_MAX; i++) {
        machine_history[i] = (struct history){machine_bytes[i], MACHINE_SIZE, 0};
    }
}

const struct view *view_current(void)
{
    return &current;
}

struct history *view_log(void)
{
    return &log_history;
}

struct history *view_machine(unsigned machine)
{
    return &machine_history[machine];
}

bool view_behind(unsigned machine)
{
    return current.kind == VIEW_MACHINE && current.machine == machine &&
           machine_history[machine].end - position > BEHIND &&
           machine_history[machine].end > position;
}

void view_skip_log(size_t length)
{
    if (current.kind == VIEW_LOG && position + length == log_history.end) {
        position = log_history.end;
    }
}

static struct history *shown(void)
{
    switch (current.kind) {
    case VIEW_LOG:
        return &log_history;
    case VIEW_MACHINE:
        return &machine_history[current.machine];
    default:
        return NULL;
    }
}

/* Leaves a page's screen: attributes off, and below what stands there. */
static void set_notice(const char *what, const char *name)
{
    notice_length = format_text(notice, sizeof(notice),
                                "\r\n\x1b[0m[quoin: %s%s, Ctrl-] ? for help]\r\n", what, name);
    notice_sent = 0;
    page_length = 0;
    page_sent = 0;
}

void view_show_log(void)
{
    current = (struct view){.kind = VIEW_LOG};
    position = history_recent(&log_history, RECENT);
    set_notice("log", "");
}

void view_show_machine(unsigned machine)
{
    current = (struct view){.kind = VIEW_MACHINE, .machine = machine};
    position = history_recent(&machine_history[machine], RECENT);
    set_notice("console of ", machines_name(machine));
}

void view_show_page(enum view_kind kind)
{
    current = (struct view){.kind = kind};
    set_notice(kind == VIEW_HELP ? "help" : "status", "");
    memcpy(notice + notice_length, "\x1b[2J", 4); /* room: what, and a name of 31 bytes */
    notice_length += 4;
}

void view_page(const char *text, size_t length)
{
    static const char home[] = "\x1b[H";

    if (!view_page_is_sent()) {
        return;
    }
    if (length > sizeof(page) - sizeof(home)) {
        length = sizeof(page) - sizeof(home);
    }
    memcpy(page, home, sizeof(home) - 1);
    memcpy(page + sizeof(home) - 1, text, length);
    page_length = length + sizeof(home) - 1;
    page_sent = 0;
}

bool view_page_is_sent(void)
{
    return page_sent == page_length;
}

bool view_pending(void)
{
    const struct history *h = shown();
    return notice_sent < notice_length || page_sent < page_length || (h && position < h->end);
}

int view_next(void)
{
    const struct history *h = shown();

    if (notice_sent < notice_length) {
        return (unsigned char)notice[notice_sent++];
    }
    if (page_sent < page_length) {
        return (unsigned char)page[page_sent++];
    }
    return h ? history_next(h, &position) : -1;
}
