/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls that leave the IPC buffer alone: it holds the guest's registers between VM entries,
 * and the stubs of lib/sel4 put a reply's first words there.
 */
#ifndef VMM_TARGET_CALL_H
#define VMM_TARGET_CALL_H

#include <sel4/labels.h>
#include <sel4/quoin.h>
#include <sel4/syscalls.h>
#include <stdbool.h>
#include <stdint.h>

/* Invokes a capability with up to two words; *value (may be NULL) is the reply's first word. */
static inline bool call_invoke(seL4_CPtr cap, seL4_Word label, seL4_Word length, seL4_Word mr0,
                               seL4_Word mr1, seL4_Word *value)
{
    struct seL4_x64_registers r = {
        .rdi = cap,
        .rsi = seL4_MessageInfo_new(label, 0, 0, length).words[0],
        .mr0 = mr0,
        .mr1 = mr1,
    };
    seL4_x64_syscall_short((seL4_Word)seL4_SysCall, &r);
    if (value != NULL)
        *value = r.mr0;
    return r.rsi >> 12 == 0; /* the label is the error */
}

/* The same with three words. */
static inline bool call_invoke3(seL4_CPtr cap, seL4_Word label, seL4_Word mr0, seL4_Word mr1,
                                seL4_Word mr2)
{
    struct seL4_x64_registers r = {
        .rdi = cap,
        .rsi = seL4_MessageInfo_new(label, 0, 0, 3).words[0],
        .mr0 = mr0,
        .mr1 = mr1,
        .mr2 = mr2,
    };
    seL4_x64_syscall_short((seL4_Word)seL4_SysCall, &r);
    return r.rsi >> 12 == 0;
}

static inline void call_send(seL4_CPtr cap, seL4_Word length, seL4_Word mr0)
{
    struct seL4_x64_registers r = {
        .rdi = cap,
        .rsi = seL4_MessageInfo_new(0, 0, 0, length).words[0],
        .mr0 = mr0,
    };
    seL4_x64_syscall_short((seL4_Word)seL4_SysSend, &r);
}

/* Waits for a notification; returns its badge. */
static inline seL4_Word call_wait(seL4_CPtr notification)
{
    struct seL4_x64_registers r = {.rdi = notification};
    seL4_x64_syscall_short((seL4_Word)seL4_SysWait, &r);
    return r.rdi;
}

#endif
