/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What init does when everything runs: it waits for faults, endings, commands and its timer.
 */
#ifndef INIT_WATCH_H
#define INIT_WATCH_H

#include "system.h"

/* Never returns. endpoint: its messages carry the badges of badge.h. */
_Noreturn void watch_run(const struct system *system, seL4_CPtr endpoint, seL4_CPtr reply);

#endif
