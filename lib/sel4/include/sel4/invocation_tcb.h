/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of threads (ABI sheet, section 9).
 */
#ifndef SEL4_INVOCATION_TCB_H
#define SEL4_INVOCATION_TCB_H

#include <sel4/invocation.h>

/* Reads the first count (1..20) words of the thread's registers, stopping it first if suspend. */
static inline seL4_Error seL4_TCB_ReadRegisters(seL4_TCB tcb, bool suspend, uint8_t arch_flags,
                                                seL4_Word count, seL4_UserContext *regs)
{
    seL4_Error error = seL4_x64_invoke2(tcb, TCBReadRegisters, 0,
                                        (seL4_Word)suspend | (seL4_Word)arch_flags << 8, count);
    seL4_Word *words = &regs->rip;

    if (error == seL4_NoError) {
        for (seL4_Word i = 0; i < count && i < seL4_UserContextWords; i++) {
            words[i] = seL4_GetMR(i);
        }
    }
    return error;
}

/* Writes the first count (0..20) words of the thread's registers, and resumes it if resume. */
static inline seL4_Error seL4_TCB_WriteRegisters(seL4_TCB tcb, bool resume, uint8_t arch_flags,
                                                 seL4_Word count, const seL4_UserContext *regs)
{
    const seL4_Word *words = &regs->rip;
    seL4_Word sent = count < seL4_UserContextWords ? count : seL4_UserContextWords;

    for (seL4_Word i = 2; i < sent; i++) {
        seL4_SetMR(i + 2, words[i]);
    }
    return seL4_x64_invoke(tcb, TCBWriteRegisters, 0, 2 + sent,
                           (seL4_Word)resume | (seL4_Word)arch_flags << 8, count, words[0],
                           words[1]);
}

static inline seL4_Error seL4_TCB_CopyRegisters(seL4_TCB dest, seL4_TCB source, bool suspend_source,
                                                bool resume_target, bool transfer_frame,
                                                bool transfer_integer, uint8_t arch_flags)
{
    seL4_SetCap(0, source);
    return seL4_x64_invoke1(dest, TCBCopyRegisters, 1,
                            (seL4_Word)suspend_source | (seL4_Word)resume_target << 1 |
                                (seL4_Word)transfer_frame << 2 | (seL4_Word)transfer_integer << 3 |
                                (seL4_Word)arch_flags << 8);
}

/* Sets CSpace, VSpace and IPC buffer (address and frame, which must fit) in one step. */
static inline seL4_Error seL4_TCB_Configure(seL4_TCB tcb, seL4_CNode cspace_root,
                                            seL4_Word cspace_root_data, seL4_CPtr vspace_root,
                                            seL4_Word vspace_root_data, seL4_Word buffer,
                                            seL4_CPtr buffer_frame)
{
    seL4_SetCap(0, cspace_root);
    seL4_SetCap(1, vspace_root);
    seL4_SetCap(2, buffer_frame);
    return seL4_x64_invoke3(tcb, TCBConfigure, 3, cspace_root_data, vspace_root_data, buffer);
}

/* The priority may not exceed the maximum controlled priority of the thread authority. */
static inline seL4_Error seL4_TCB_SetPriority(seL4_TCB tcb, seL4_TCB authority, seL4_Word priority)
{
    seL4_SetCap(0, authority);
    return seL4_x64_invoke1(tcb, TCBSetPriority, 1, priority);
}

static inline seL4_Error seL4_TCB_SetMCPriority(seL4_TCB tcb, seL4_TCB authority, seL4_Word mcp)
{
    seL4_SetCap(0, authority);
    return seL4_x64_invoke1(tcb, TCBSetMCPriority, 1, mcp);
}

/* Sets priorities, scheduling context (0: none) and fault endpoint (0: none). */
static inline seL4_Error seL4_TCB_SetSchedParams(seL4_TCB tcb, seL4_TCB authority, seL4_Word mcp,
                                                 seL4_Word priority,
                                                 seL4_SchedContext sched_context,
                                                 seL4_CPtr fault_ep)
{
    seL4_SetCap(0, authority);
    seL4_SetCap(1, sched_context);
    seL4_SetCap(2, fault_ep);
    return seL4_x64_invoke2(tcb, TCBSetSchedParams, 3, mcp, priority);
}

/* Where a timeout fault goes when the budget is used up; without one the thread just waits. */
static inline seL4_Error seL4_TCB_SetTimeoutEndpoint(seL4_TCB tcb, seL4_CPtr timeout_fault_ep)
{
    seL4_SetCap(0, timeout_fault_ep);
    return seL4_x64_invoke0(tcb, TCBSetTimeoutEndpoint, 1);
}

static inline seL4_Error seL4_TCB_SetIPCBuffer(seL4_TCB tcb, seL4_Word buffer,
                                               seL4_CPtr buffer_frame)
{
    seL4_SetCap(0, buffer_frame);
    return seL4_x64_invoke1(tcb, TCBSetIPCBuffer, 1, buffer);
}

static inline seL4_Error seL4_TCB_SetSpace(seL4_TCB tcb, seL4_CPtr fault_ep, seL4_CNode cspace_root,
                                           seL4_Word cspace_root_data, seL4_CPtr vspace_root,
                                           seL4_Word vspace_root_data)
{
    seL4_SetCap(0, fault_ep);
    seL4_SetCap(1, cspace_root);
    seL4_SetCap(2, vspace_root);
    return seL4_x64_invoke2(tcb, TCBSetSpace, 3, cspace_root_data, vspace_root_data);
}

static inline seL4_Error seL4_TCB_Suspend(seL4_TCB tcb)
{
    return seL4_x64_invoke0(tcb, TCBSuspend, 0);
}

static inline seL4_Error seL4_TCB_Resume(seL4_TCB tcb)
{
    return seL4_x64_invoke0(tcb, TCBResume, 0);
}

/* Signals of a bound notification also arrive while the thread waits on an endpoint. */
static inline seL4_Error seL4_TCB_BindNotification(seL4_TCB tcb, seL4_Notification notification)
{
    seL4_SetCap(0, notification);
    return seL4_x64_invoke0(tcb, TCBBindNotification, 1);
}

static inline seL4_Error seL4_TCB_UnbindNotification(seL4_TCB tcb)
{
    return seL4_x64_invoke0(tcb, TCBUnbindNotification, 0);
}

static inline seL4_Error seL4_TCB_SetTLSBase(seL4_TCB tcb, seL4_Word base)
{
    return seL4_x64_invoke1(tcb, TCBSetTLSBase, 0, base);
}

typedef struct {
    seL4_Error error;
    seL4_Word flags; /* seL4_TCBFlag_*, as they are afterwards */
} seL4_TCB_SetFlags_t;

static inline seL4_TCB_SetFlags_t seL4_TCB_SetFlags(seL4_TCB tcb, seL4_Word clear, seL4_Word set)
{
    seL4_TCB_SetFlags_t result;

    result.error = seL4_x64_invoke2(tcb, TCBSetFlags, 0, clear, set);
    result.flags = seL4_GetMR(0);
    return result;
}

/* The guest-physical address space of the VCPU that the thread runs. */
static inline seL4_Error seL4_TCB_SetEPTRoot(seL4_TCB tcb, seL4_X86_EPTPML4 eptpml4)
{
    seL4_SetCap(0, eptpml4);
    return seL4_x64_invoke0(tcb, TCBSetEPTRoot, 1);
}

#endif
