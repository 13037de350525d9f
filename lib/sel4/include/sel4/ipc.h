/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The calling thread's IPC buffer and what lies in it: message registers, capabilities to send, and
 * where to receive capabilities. The pointer is thread-local, so every thread of a program has its
 * own; lib/rt sets it up for the first thread (rt/tls.h).
 */
#ifndef SEL4_IPC_H
#define SEL4_IPC_H

#include <sel4/types.h>

extern _Thread_local seL4_IPCBuffer *seL4_ipc_buffer;

/* Tells the stubs which IPC buffer the calling thread's TCB has; the TCB itself is not changed. */
static inline void seL4_SetIPCBuffer(seL4_IPCBuffer *buffer)
{
    seL4_ipc_buffer = buffer;
}

static inline seL4_IPCBuffer *seL4_GetIPCBuffer(void)
{
    return seL4_ipc_buffer;
}

/* Message register i, 0..119. */
static inline seL4_Word seL4_GetMR(seL4_Word i)
{
    return seL4_GetIPCBuffer()->msg[i];
}

static inline void seL4_SetMR(seL4_Word i, seL4_Word value)
{
    seL4_GetIPCBuffer()->msg[i] = value;
}

static inline seL4_Word seL4_GetUserData(void)
{
    return seL4_GetIPCBuffer()->userData;
}

static inline void seL4_SetUserData(seL4_Word data)
{
    seL4_GetIPCBuffer()->userData = data;
}

/* Badge of received capability i (0..2), where capsUnwrapped has bit i set. */
static inline seL4_Word seL4_GetBadge(seL4_Word i)
{
    return seL4_GetIPCBuffer()->caps_or_badges[i];
}

/* Capability i (0..2) to send; extraCaps of the message info counts them. */
static inline seL4_CPtr seL4_GetCap(seL4_Word i)
{
    return seL4_GetIPCBuffer()->caps_or_badges[i];
}

static inline void seL4_SetCap(seL4_Word i, seL4_CPtr cptr)
{
    seL4_GetIPCBuffer()->caps_or_badges[i] = cptr;
}

/* The slot that receives a capability: index, resolved to depth bits, below the CNode cnode. */
static inline void seL4_SetCapReceivePath(seL4_CPtr cnode, seL4_CPtr index, seL4_Word depth)
{
    seL4_IPCBuffer *buffer = seL4_GetIPCBuffer();

    buffer->receiveCNode = cnode;
    buffer->receiveIndex = index;
    buffer->receiveDepth = depth;
}

#endif
