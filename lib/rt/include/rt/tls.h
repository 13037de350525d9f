/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Thread-local data of a component's threads, laid out as the x86-64 ABI's variant II wants it: the
 * data lies below the thread pointer (FS base), which points at itself.
 */
#ifndef RT_TLS_H
#define RT_TLS_H

#include <stdint.h>
#include <sel4/types.h>

/* Bytes that a thread's block must have, and its alignment. */
#define RT_TLS_SIZE  4096u
#define RT_TLS_ALIGN 64u

struct rt_tls_block {
    _Alignas(RT_TLS_ALIGN) uint8_t bytes[RT_TLS_SIZE];
};

/*
 * Gives the calling thread, which has no thread-local data yet, that of block, and its IPC buffer
 * pointer. The block belongs to the thread until it ends.
 */
void tls_enter(struct rt_tls_block *block, seL4_IPCBuffer *ipc_buffer);

/*
 * The same for a thread that does not run yet: fills block with the component's initial
 * thread-local data and sets its IPC buffer pointer. The caller must have thread-local data itself.
 * Returns the FS base to give the thread (seL4_TCB_SetTLSBase).
 */
seL4_Word tls_prepare(struct rt_tls_block *block, seL4_IPCBuffer *ipc_buffer);

#endif
