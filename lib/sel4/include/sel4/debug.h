/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Debug calls (ABI sheet, section 5). A release kernel has none of them: there each raises an
 * UnknownSyscall fault, so a program that calls them must know which kernel it runs on.
 */
#ifndef SEL4_DEBUG_H
#define SEL4_DEBUG_H

#include <sel4/syscalls.h>

static inline void seL4_DebugPutChar(char c)
{
    seL4_x64_syscall_word((seL4_Word)seL4_SysDebugPutChar, (unsigned char)c, 0);
}

static inline void seL4_DebugPutString(const char *s)
{
    while (*s != '\0') {
        seL4_DebugPutChar(*s++);
    }
}

static inline void seL4_DebugDumpScheduler(void)
{
    seL4_x64_syscall_word((seL4_Word)seL4_SysDebugDumpScheduler, 0, 0);
}

/* Stops all processors. */
static inline void seL4_DebugHalt(void)
{
    seL4_x64_syscall_word((seL4_Word)seL4_SysDebugHalt, 0, 0);
}

static inline void seL4_DebugSnapshot(void)
{
    seL4_x64_syscall_word((seL4_Word)seL4_SysDebugSnapshot, 0, 0);
}

/* Returns the seL4_CapTag_* of the capability, 0 for an empty slot. */
static inline seL4_Word seL4_DebugCapIdentify(seL4_CPtr cap)
{
    return seL4_x64_syscall_word((seL4_Word)seL4_SysDebugCapIdentify, cap, 0);
}

/* Names a thread in the kernel's messages; a name longer than the IPC buffer's msg is cut. */
static inline void seL4_DebugNameThread(seL4_TCB tcb, const char *name)
{
    char *to = (char *)seL4_GetIPCBuffer()->msg;
    size_t room = sizeof(seL4_GetIPCBuffer()->msg) - 1;
    size_t i = 0;

    for (; i < room && name[i] != '\0'; i++) {
        to[i] = name[i];
    }
    to[i] = '\0';
    seL4_x64_syscall_word((seL4_Word)seL4_SysDebugNameThread, tcb, 0);
}

/* Returns the number of the processor the thread runs on. */
static inline seL4_Word seL4_DebugGetThreadAffinity(seL4_TCB tcb)
{
    return seL4_x64_syscall_word((seL4_Word)seL4_SysDebugGetThreadAffinity, tcb, 0);
}

#endif
