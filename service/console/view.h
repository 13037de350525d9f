/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is on a screen: the log, a machine's console, or a page. And the bytes that are to be sent
 * for it. There are two screens: the terminal at the serial port, and that of a verifier.
 */
#ifndef CONSOLE_VIEW_H
#define CONSOLE_VIEW_H

#include <machines/machines.h>
#include <stdbool.h>
#include <stddef.h>

#include "history.h"

enum view_kind { VIEW_LOG, VIEW_MACHINE, VIEW_STATUS, VIEW_HELP };

enum screen { SCREEN_SERIAL, SCREEN_REMOTE, SCREENS };

struct view {
    enum view_kind kind;
    unsigned machine; /* VIEW_MACHINE: its slot */
};

void view_start(void);
const struct view *view_current(enum screen screen);

/* Whether any screen shows pages of this kind. */
bool view_is_shown(enum view_kind kind);

void view_show_log(enum screen screen);
void view_show_machine(enum screen screen, unsigned machine);
/* The page's text comes by view_page. */
void view_show_page(enum screen screen, enum view_kind kind);

/* Puts a page (status or help) on every screen that shows that kind, from its upper left corner on;
 * where the last one is not sent yet it is dropped. */
void view_page(enum view_kind kind, const char *text, size_t length);

/* The log's history, and a machine's. */
struct history *view_log(void);
struct history *view_machine(unsigned machine);

/* Is the machine on the serial screen, and much of its console not sent yet? */
bool view_behind(unsigned machine);

/* The last length bytes of the log need not be sent to the serial screen. */
void view_skip_log(size_t length);

/* For who sends: the next byte, or -1. */
bool view_pending(enum screen screen);
int view_next(enum screen screen);

#endif
