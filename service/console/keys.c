/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys.h"

#include <stdbool.h>

#include "machines.h"
#include "status.h"
#include "view.h"

enum { ESCAPE = 0x1d }; /* Ctrl-] */

static bool escaped[SCREENS];

/* 1 to 9 and 0 for the tenth: the slot, or -1. */
static int slot_of(uint8_t key)
{
    int slot = key >= '1' && key <= '9' ? key - '1' : key == '0' ? 9 : -1;
    return slot >= 0 && (unsigned)slot < machines_count() ? slot : -1;
}

/* The next machine after the one on the screen. */
static void next_machine(enum screen screen)
{
    const struct view *v = view_current(screen);
    unsigned count = machines_count();

    if (count != 0) {
        view_show_machine(screen, v->kind == VIEW_MACHINE ? (v->machine + 1) % count : 0);
    }
}

/* Keys that do the same after the escape key and on a page. */
static bool choose_view(enum screen screen, uint8_t key)
{
    switch (key) {
    case 'l':
        view_show_log(screen);
        return true;
    case 'n':
        next_machine(screen);
        return true;
    case 'h':
    case '?':
        status_show_help(screen);
        return true;
    default:
        return false;
    }
}

static void escape_command(enum screen screen, uint8_t key)
{
    const struct view *v = view_current(screen);
    int slot = slot_of(key);

    if (slot >= 0) {
        view_show_machine(screen, (unsigned)slot);
    } else if (key == ESCAPE && v->kind == VIEW_MACHINE) {
        machines_type(v->machine, ESCAPE);
    } else if (key == 's') {
        status_show(screen);
    } else {
        (void)choose_view(screen, key);
    }
}

static void page_key(enum screen screen, uint8_t key)
{
    static const struct {
        uint8_t key, command;
    } commands[] = {
        {'s', MACHINE_COMMAND_START},        {'x', MACHINE_COMMAND_STOP},
        {'p', MACHINE_COMMAND_POWER_BUTTON}, {'r', MACHINE_COMMAND_RESTART},
        {'k', MACHINE_COMMAND_KILL},         {'d', MACHINE_COMMAND_DUMP},
        {'-', MACHINE_COMMAND_LESS},         {'+', MACHINE_COMMAND_MORE},
    };
    int slot = slot_of(key);

    if (slot >= 0) {
        status_select((unsigned)slot);
        return;
    }
    if (key == 'j' || key == 'i') {
        status_move(key == 'j');
        return;
    }
    if (key == '\r' && machines_count() > 0) {
        view_show_machine(screen, status_selected());
        return;
    }
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].key == key) {
            machines_command(commands[i].command, status_selected());
            return;
        }
    }
    (void)choose_view(screen, key);
}

void key_byte(enum screen screen, uint8_t byte)
{
    const struct view *v = view_current(screen);

    if (escaped[screen]) {
        escaped[screen] = false;
        escape_command(screen, byte);
    } else if (byte == ESCAPE) {
        escaped[screen] = true;
    } else if (v->kind == VIEW_MACHINE) {
        machines_type(v->machine, byte);
    } else if (v->kind == VIEW_STATUS) {
        page_key(screen, byte);
    } else if (v->kind == VIEW_HELP) {
        (void)choose_view(screen, byte);
    }
}
