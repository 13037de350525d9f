/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every component's log, gathered into one.
 */
#ifndef CONSOLE_LOGS_H
#define CONSOLE_LOGS_H

#include <component/log.h>

void logs_start(void);

/* Takes all records of source number i of the directory; false: there is none. */
bool logs_drain(unsigned source);

/* Takes all records of a ring, in the name of NAME. Returns whether one was an error. */
bool logs_take(struct ring *ring, const char *name);

#endif
