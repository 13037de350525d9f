/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The status page, anew each second while it is on the screen, and the help page.
 */
#ifndef CONSOLE_STATUS_H
#define CONSOLE_STATUS_H

#include <stdbool.h>

#include "view.h"

void status_show(enum screen screen);
void status_show_help(enum screen screen);

/* The second is over: asks init for fresh times. */
void status_tick(void);
/* init's table is fresh. */
void status_draw(void);

unsigned status_selected(void);
void status_select(unsigned slot);
void status_move(bool down);

#endif
