/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stubs of the kernel's extensions: one-shot timers, direct MSR access of guests, and the extended
 * VMEnter. Numbers and register conventions are in quoin.h; on a kernel without them each gives
 * seL4_IllegalOperation (VMEnter: an UnknownSyscall fault), so ask bootinfo first.
 */
#ifndef SEL4_INVOCATION_QUOIN_H
#define SEL4_INVOCATION_QUOIN_H

#include <sel4/invocation.h>
#include <sel4/quoin.h>

/* The notification that timer signals when it runs out, with the badge of this capability. */
static inline seL4_Error seL4_QuoinTimer_SetNotification(seL4_QuoinTimer timer,
                                                         seL4_Notification notification)
{
    seL4_SetCap(0, notification);
    return seL4_x64_invoke0(timer, QUOIN_LABEL_TIMER_SET_NOTIFICATION, 1);
}

/* Runs out when the TSC reaches deadline, at once if it has; replaces an earlier deadline. */
static inline seL4_Error seL4_QuoinTimer_Arm(seL4_QuoinTimer timer, uint64_t deadline)
{
    return seL4_x64_invoke1(timer, QUOIN_LABEL_TIMER_ARM, 0, deadline);
}

static inline seL4_Error seL4_QuoinTimer_Cancel(seL4_QuoinTimer timer)
{
    return seL4_x64_invoke0(timer, QUOIN_LABEL_TIMER_CANCEL, 0);
}

/* Says which accesses (QUOIN_MSR_*) of the guest to msr do not exit. */
static inline seL4_Error seL4_QuoinVCPU_SetMSRAccess(seL4_X86_VCPU vcpu, uint32_t msr,
                                                     seL4_Word access)
{
    return seL4_x64_invoke2(vcpu, QUOIN_LABEL_VCPU_SET_MSR_ACCESS, 0, msr, access);
}

/* The timer that QUOIN_VMENTER_DEADLINE arms. */
static inline seL4_Error seL4_QuoinVCPU_SetTimer(seL4_X86_VCPU vcpu, seL4_QuoinTimer timer)
{
    seL4_SetCap(0, timer);
    return seL4_x64_invoke0(vcpu, QUOIN_LABEL_VCPU_SET_TIMER, 1);
}

/* How the kernel serves a port's accesses of one byte (QUOIN_PORT_*; value: of QUOIN_PORT_ANSWER).
 */
static inline seL4_Error seL4_QuoinVCPU_ServePort(seL4_X86_VCPU vcpu, seL4_Word port, seL4_Word how,
                                                  seL4_Word value)
{
    return seL4_x64_invoke3(vcpu, QUOIN_LABEL_VCPU_SERVE_PORT, 0, port, how, value);
}

/* count (1 to QUOIN_OUT8_MAX) bytes to one port of the capability, one after the other. */
static inline seL4_Error seL4_QuoinIOPort_Out8Some(seL4_X86_IOPort port_cap, seL4_Word port,
                                                   const uint8_t *bytes, seL4_Word count)
{
    seL4_Word words[2] = {0, 0};

    for (seL4_Word i = 0; i < count && i < QUOIN_OUT8_MAX; i++) {
        words[i / 8] |= (seL4_Word)bytes[i] << i % 8 * 8;
    }
    return seL4_x64_invoke(port_cap, QUOIN_LABEL_IO_PORT_OUT8_SOME, 0, 4, port, count, words[0],
                           words[1]);
}

/*
 * Runs the VCPU bound to the calling thread. The IPC buffer holds the guest as enum quoin_vm_mr
 * lists it, before and after; changed (QUOIN_VMENTER_*) says which of its words to load into the
 * guest, beside MR0..MR2, which always are. Returns SEL4_VMENTER_RESULT_FAULT for an exit, or
 * SEL4_VMENTER_RESULT_NOTIF with the badge of the bound notification in *badge.
 */
static inline seL4_Word seL4_QuoinVMEnter(seL4_Word changed, seL4_Word *badge)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;
    struct seL4_x64_registers r = {.rdi = changed, .mr0 = mr[0], .mr1 = mr[1], .mr2 = mr[2]};

    seL4_x64_syscall_short((seL4_Word)QUOIN_SYS_VMENTER, &r);
    seL4_x64_out_message(&r, badge, &mr[0], &mr[1], &mr[2], &mr[3]);
    return r.rsi;
}

#endif
