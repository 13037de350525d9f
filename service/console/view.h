/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is on the screen: the log, a machine's console, or a page. And the bytes that the UART is to
 * send for it.
 */
#ifndef CONSOLE_VIEW_H
#define CONSOLE_VIEW_H

#include <machines/machines.h>
#include <stdbool.h>
#include <stddef.h>

#include "history.h"

enum view_kind { VIEW_LOG, VIEW_MACHINE, VIEW_STATUS, VIEW_HELP };

struct view {
    enum view_kind kind;
    unsigned machine; /* VIEW_MACHINE: its slot */
};

void view_start(void);
const struct view *view_current(void);

void view_show_log(void);
void view_show_machine(unsigned machine);
/* The page's text comes by view_page. */
void view_show_page(enum view_kind kind);

/* Puts a page (status or help) on the screen, from its upper left corner on; if the last one is not
 * sent yet it is dropped. */
void view_page(const char *text, size_t length);
bool view_page_is_sent(void);

/* The log's history, and a machine's. */
struct history *view_log(void);
struct history *view_machine(unsigned machine);

/* Is the machine on the screen, and much of its console not sent yet? */
bool view_behind(unsigned machine);

/* The last length bytes of the log need not be sent. */
void view_skip_log(size_t length);

/* For the UART: the next byte, or -1. */
bool view_pending(void);
int view_next(void);

#endif
