/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The most frequent system calls in their most frequent form: a Call to a passive server that
 * waits, and the server's answer with which it waits again; signals, waiting for them, and what
 * goes with interrupts. The effect is exactly that of the slow path; every condition is checked
 * before anything is changed.
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
 * The current thread signals what cptr names, which is all of its call. */
bool fastpath_send(struct core *core, struct tcb *t, uint64_t cptr);
/* The same as the first half of its call: whom it wakes, or null, is for fastpath_wait to make
 * run. */
bool fastpath_send_first(struct core *core, struct tcb *t, uint64_t cptr, struct tcb **woken);
/* n is signalled by an interrupt. */
bool fastpath_signal(struct core *core, struct notification *n, uint64_t badge);
/* The current thread waits at what its RDI names, with_reply: and its R12. Whom it has woken, or
 * null, is made ready in any case, or runs at once in its place. */
bool fastpath_wait(struct core *core, struct tcb *t, bool with_reply, struct tcb *woken);

/* The current thread's Call acknowledges an interrupt. */
bool fastpath_acknowledge(struct tcb *t);

#endif
