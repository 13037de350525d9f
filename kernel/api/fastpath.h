/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The two most frequent system calls in their most frequent form: a Call to a passive server that
 * waits, and the server's answer with which it waits again. The effect is exactly that of the slow
 * path; every condition is checked before anything is changed.
 */
#ifndef KERNEL_API_FASTPATH_H
#define KERNEL_API_FASTPATH_H

#include "object/sched.h"

/* True: the call is done, core->current is the thread to go on with. False: nothing was changed. */
bool fastpath_call(struct core *core, struct tcb *t);
bool fastpath_reply_recv(struct core *core, struct tcb *t);

#endif
