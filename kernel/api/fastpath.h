/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The most frequent system calls in their most frequent form: a Call to a passive server that
 * waits, and the server's answer with which it waits again; signals, and waiting for them. The
 * effect is exactly that of the slow path; every condition is checked before anything is changed.
 */
#ifndef KERNEL_API_FASTPATH_H
#define KERNEL_API_FASTPATH_H

#include "object/sched.h"

/* True: the call is done, core->current is the thread to go on with. False: nothing was changed. */
bool fastpath_call(struct core *core, struct tcb *t);
bool fastpath_reply_recv(struct core *core, struct tcb *t);

/* Parts of signalling and waiting (fastsignal.c), between threads of one core that have round robin
 * contexts of their own. True: the part is done, and core->current goes on. False: nothing was
 * changed.
 *
 * The current thread signals what cptr names. last: that is all of its call, and what it wakes may
 * run at once in its place. */
bool fastpath_send(struct core *core, struct tcb *t, uint64_t cptr, bool last);
/* n is signalled; last as above, always so for an interrupt. */
bool fastpath_signal(struct core *core, struct notification *n, uint64_t badge, bool last);
/* The current thread waits at what its RDI names, with_reply: and its R12. */
bool fastpath_wait(struct core *core, struct tcb *t, bool with_reply);

#endif
