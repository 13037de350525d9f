/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Debug builds: invariants of the derivation tree and of the scheduler's queues. DebugSnapshot
 * checks them at once and, called with RDI = 1, after every system call from then on (RDI = 0: no
 * more).
 */
#ifndef KERNEL_API_CHECK_H
#define KERNEL_API_CHECK_H

#include "object/sched.h"

/* The thread's CNode is where the search for derivation lists begins. */
void check_enable(const struct tcb *t, bool enable);
/* Checks everything if enabled; a violation is a panic that names it. */
void check_all_enabled(void);

#endif
