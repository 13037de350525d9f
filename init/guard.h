/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Components that are started anew when they fault, or when they do not answer their watchdog; and
 * the machines that are told of it.
 */
#ifndef INIT_GUARD_H
#define INIT_GUARD_H

#include <stdbool.h>

#include "system.h"
#include "vm.h"

/* Begins to ask. */
void guard_start(struct system *system, const struct vm_host *host);

/* The component has faulted, and the log says so: it is started anew, or runs no more. */
void guard_faulted(unsigned number);

/* The components whose bits (BADGE_SIGNAL_ALIVE) are set have answered. false: there is none. */
bool guard_alive(seL4_Word badge);

/* The devices of a component that runs no more are stopped. */
void guard_stopped(unsigned number);

/* Time has passed. */
void guard_time(void);

#endif
