/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The virtual machines as the console sees them: init's table, their consoles' rings, their counts,
 * and the commands to init.
 */
#ifndef CONSOLE_MACHINES_H
#define CONSOLE_MACHINES_H

#include <machines/machines.h>
#include <microkit.h>
#include <stdbool.h>

void machines_start(void);

/* init changed its table: follows starts and ends. */
void machines_changed(void);

/* The machine in this slot said something. */
void machines_drain(unsigned slot);

/* Takes what a machine said while the line was behind with it; false: there is no such machine. */
bool machines_go_on(void);

/* What is typed, for the machine in this slot. */
void machines_type(unsigned slot, uint8_t byte);

/* Asks init. */
void machines_command(enum machine_command command, unsigned slot);

const struct machine_table *machines_table(void);
unsigned machines_count(void);
/* Its name, "?" for a slot without one. */
const char *machines_name(unsigned slot);
/* Exits of a kind, of all its vCPUs, since it started. */
uint64_t machines_exits(unsigned slot, unsigned kind);
/* Its guest has not begun: its secret is not there. */
bool machines_wait(unsigned slot);

extern uint8_t machines_first_id; /* channel of the first slot */
extern uint8_t machines_id;       /* channel to init */

#endif
