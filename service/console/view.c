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

static struct shown {
    struct view view;
    uint64_t position; /* in the history of the view */
    char page[PAGE_SIZE];
    size_t page_length, page_sent;
    char notice[NOTICE_SIZE]; /* sent before anything else */
    size_t notice_length, notice_sent;
} screens[SCREENS];

void view_start(void)
{
    for (unsigned i = 0; i < MACHINES_MAX; i++) {
        machine_history[i] = (struct history){machine_bytes[i], MACHINE_SIZE, 0};
    }
}

const struct view *view_current(enum screen screen)
{
    return &screens[screen].view;
}

bool view_is_shown(enum view_kind kind)
{
    return screens[SCREEN_SERIAL].view.kind == kind || screens[SCREEN_REMOTE].view.kind == kind;
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
    const struct shown *s = &screens[SCREEN_SERIAL];

    return s->view.kind == VIEW_MACHINE && s->view.machine == machine &&
           machine_history[machine].end - s->position > BEHIND &&
           machine_history[machine].end > s->position;
}

void view_skip_log(size_t length)
{
    struct shown *s = &screens[SCREEN_SERIAL];

    if (s->view.kind == VIEW_LOG && s->position + length == log_history.end) {
        s->position = log_history.end;
    }
}

static struct history *history_of(const struct shown *s)
{
    switch (s->view.kind) {
    case VIEW_LOG:
        return &log_history;
    case VIEW_MACHINE:
        return &machine_history[s->view.machine];
    default:
        return NULL;
    }
}

/* Leaves a page's screen: attributes off, and below what stands there. */
static void set_notice(struct shown *s, const char *what, const char *name)
{
    s->notice_length = format_text(s->notice, sizeof(s->notice),
                                   "\r\n\x1b[0m[quoin: %s%s, Ctrl-] ? for help]\r\n", what, name);
    s->notice_sent = 0;
    s->page_length = 0;
    s->page_sent = 0;
}

void view_show_log(enum screen screen)
{
    struct shown *s = &screens[screen];

    s->view = (struct view){.kind = VIEW_LOG};
    s->position = history_recent(&log_history, RECENT);
    set_notice(s, "log", "");
}

void view_show_machine(enum screen screen, unsigned machine)
{
    struct shown *s = &screens[screen];

    s->view = (struct view){.kind = VIEW_MACHINE, .machine = machine};
    s->position = history_recent(&machine_history[machine], RECENT);
    set_notice(s, "console of ", machines_name(machine));
}

void view_show_page(enum screen screen, enum view_kind kind)
{
    struct shown *s = &screens[screen];

    s->view = (struct view){.kind = kind};
    set_notice(s, kind == VIEW_HELP ? "help" : "status", "");
    memcpy(s->notice + s->notice_length, "\x1b[2J", 4); /* room: what, and a name of 31 bytes */
    s->notice_length += 4;
}

void view_page(enum view_kind kind, const char *text, size_t length)
{
    static const char home[] = "\x1b[H";

    if (length > PAGE_SIZE - sizeof(home)) {
        length = PAGE_SIZE - sizeof(home);
    }
    for (unsigned i = 0; i < SCREENS; i++) {
        struct shown *s = &screens[i];
        if (s->view.kind != kind || s->page_sent != s->page_length) {
            continue;
        }
        memcpy(s->page, home, sizeof(home) - 1);
        memcpy(s->page + sizeof(home) - 1, text, length);
        s->page_length = length + sizeof(home) - 1;
        s->page_sent = 0;
    }
}

bool view_pending(enum screen screen)
{
    const struct shown *s = &screens[screen];
    const struct history *h = history_of(s);

    return s->notice_sent < s->notice_length || s->page_sent < s->page_length ||
           (h && s->position < h->end);
}

int view_next(enum screen screen)
{
    struct shown *s = &screens[screen];
    const struct history *h = history_of(s);

    if (s->notice_sent < s->notice_length) {
        return (unsigned char)s->notice[s->notice_sent++];
    }
    if (s->page_sent < s->page_length) {
        return (unsigned char)s->page[s->page_sent++];
    }
    return h ? history_next(h, &s->position) : -1;
}
