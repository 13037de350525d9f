/* SPDX-License-Identifier: BSD-2-Clause */
#include "machines.h"

#include <ring/ring.h>
#include <rt/format.h>
#include <string.h>

#include "logs.h"
#include "uart.h"
#include "view.h"

/* Set by the system description. */
uintptr_t machines_rings;
uintptr_t machines_table_address;
uintptr_t machines_commands;
uint64_t machines_commands_size;
uint8_t machines_first_id = 16;
uint8_t machines_id = 3;

enum { MAX_PIECES = 64, PIECE = 512 }; /* taken from one machine at once */

struct slot {
    struct ring out, in, log;
    uint32_t generation; /* of the machine that the rings belong to */
    bool attached;
    char name[MACHINES_NAME_SIZE];
    uint32_t state;
};

static struct slot slots[MACHINES_MAX];
static int held = -1; /* the machine whose output waits for the line, or none */
static struct ring commands;
static bool has_commands;
static const struct machine_table *table;
static uint32_t focus_followed;

static uintptr_t slice(unsigned slot)
{
    return machines_rings + (uintptr_t)slot * MACHINE_SLICE_SIZE;
}

void machines_start(void)
{
    /* A system without machines has no such memory. */
    static const struct machine_table none;

    table = machines_table_address ? (const struct machine_table *)machines_table_address : &none;
    has_commands =
        ring_attach(&commands, (void *)machines_commands, machines_commands_size, true) == RING_OK;
}

const struct machine_table *machines_table(void)
{
    return table;
}

unsigned machines_count(void)
{
    return table->count < MACHINES_MAX ? table->count : MACHINES_MAX;
}

const char *machines_name(unsigned slot)
{
    return slot < MACHINES_MAX && slots[slot].name[0] ? slots[slot].name : "?";
}

uint64_t machines_exits(unsigned slot, unsigned kind)
{
    const struct machine_counts *counts =
        (const struct machine_counts *)(slice(slot) + MACHINE_SLICE_COUNTS);
    uint64_t sum = 0;

    for (unsigned i = 0; i < MACHINE_COUNT_VCPUS; i++) {
        sum += counts->exits[i][kind];
    }
    return sum;
}

bool machines_wait(unsigned slot)
{
    const struct machine_counts *counts =
        (const struct machine_counts *)(slice(slot) + MACHINE_SLICE_COUNTS);

    return counts->waits == 1;
}

static bool runs(uint32_t state)
{
    return state == MACHINE_RUNNING || state == MACHINE_STOPPING;
}

/* A machine that started has fresh rings. */
static void attach(struct slot *s, unsigned index)
{
    uintptr_t at = slice(index);

    s->attached = ring_attach(&s->out, (void *)(at + MACHINE_SLICE_OUT), MACHINE_SLICE_OUT_SIZE,
                              false) == RING_OK &&
                  ring_attach(&s->in, (void *)(at + MACHINE_SLICE_IN), MACHINE_SLICE_IN_SIZE,
                              true) == RING_OK &&
                  ring_attach(&s->log, (void *)(at + MACHINE_SLICE_LOG), MACHINE_SLICE_LOG_SIZE,
                              false) == RING_OK;
}

/* A line between what the machine said before and what it says now. */
static void note_restart(unsigned index)
{
    char line[64];

    history_write(
        view_machine(index), line,
        format_text(line, sizeof(line), "\r\n--- VM %s: starts again\r\n", slots[index].name));
}

/* Takes what a machine said; of one that has ended all that is left. */
static void take(unsigned slot, bool ended);

void machines_changed(void)
{
    for (unsigned i = 0; i < machines_count(); i++) {
        const struct machine_row *row = &table->row[i];
        struct slot *s = &slots[i];
        uint32_t state = row->state;

        memcpy(s->name, row->name, sizeof(s->name));
        s->name[sizeof(s->name) - 1] = 0;
        if (runs(state) && (!s->attached || s->generation != row->generation)) {
            if (s->generation != 0) {
                note_restart(i);
            }
            s->generation = row->generation;
            attach(s, i);
        }
        take(i, !runs(state));
        if (!runs(state)) {
            s->attached = false;
        }
        for (unsigned screen = 0; screen < SCREENS; screen++) {
            const struct view *v = view_current((enum screen)screen);
            if (runs(s->state) && !runs(state) && v->kind == VIEW_MACHINE && v->machine == i) {
                view_show_log((enum screen)screen);
            }
        }
        s->state = state;
    }
    /* The first machine that starts gets the screen, unless somebody chose already. */
    if (table->focus != 0 && focus_followed == 0) {
        focus_followed = table->focus;
        if (focus_followed <= machines_count() && view_current(SCREEN_SERIAL)->kind == VIEW_LOG) {
            view_show_machine(SCREEN_SERIAL, focus_followed - 1);
        }
    }
}

bool machines_go_on(void)
{
    if (held < 0) {
        return false;
    }
    unsigned slot = (unsigned)held;
    held = -1;
    machines_drain(slot);
    return true;
}

void machines_drain(unsigned slot)
{
    take(slot, false);
}

static void take(unsigned slot, bool ended)
{
    struct slot *s = &slots[slot];
    uint8_t bytes[PIECE];

    if (!s->attached) {
        return;
    }
    for (unsigned i = 0; i < MAX_PIECES; i++) {
        /* What is on the screen goes no faster than the line: the machine waits for it. */
        if (!ended && uart_present() && view_behind(slot)) {
            held = (int)slot;
            break;
        }
        int64_t length = ring_read(&s->out, bytes, sizeof(bytes));
        if (length > 0) {
            history_write(view_machine(slot), bytes, (size_t)length);
        } else if (length < 0) {
            ring_drop(&s->out);
        } else if (ring_prepare_sleep(&s->out)) {
            break;
        }
    }
    (void)logs_take(&s->log, s->name);
}

void machines_type(unsigned slot, uint8_t byte)
{
    struct slot *s = &slots[slot];

    /* A machine that does not read loses what is typed. */
    if (s->attached && ring_write(&s->in, &byte, 1) == 1 && ring_must_wake(&s->in)) {
        microkit_notify(machines_first_id + slot);
    }
}

void machines_command(enum machine_command command, unsigned slot)
{
    uint8_t bytes[2] = {(uint8_t)command, (uint8_t)slot};

    if (has_commands && ring_room(&commands) >= sizeof(bytes)) {
        (void)ring_write(&commands, bytes, sizeof(bytes));
        microkit_notify(machines_id);
    }
}
