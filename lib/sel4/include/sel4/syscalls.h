/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls of the MCS kernel (ABI sheet, section 5). The ...WithMRs forms keep MR0..MR3 in
 * registers (a null pointer is a register that does not matter); the plain forms take them from and
 * put them into the IPC buffer.
 */
#ifndef SEL4_SYSCALLS_H
#define SEL4_SYSCALLS_H

#include <sel4/constants.h>
#include <sel4/ipc.h>
#include <sel4/types.h>

/* What a system call takes and gives in registers. */
struct seL4_x64_registers {
    seL4_Word rdi; /* in: capability; out: badge */
    seL4_Word rsi; /* message info */
    seL4_Word mr0, mr1, mr2, mr3;
};

/*
 * The SYSCALL instruction with everything it takes and gives. The kernel clobbers RCX and R11 as
 * the instruction does and does not bring RSP back, so RBX keeps it. r12 and r13 are as section 5
 * says.
 */
static inline void seL4_x64_syscall(seL4_Word number, struct seL4_x64_registers *r, seL4_Word r12,
                                    seL4_Word r13)
{
    register seL4_Word mr0 __asm__("r10") = r->mr0;
    register seL4_Word mr1 __asm__("r8") = r->mr1;
    register seL4_Word mr2 __asm__("r9") = r->mr2;
    register seL4_Word mr3 __asm__("r15") = r->mr3;
    register seL4_Word reply __asm__("r12") = r12;
    register seL4_Word dest __asm__("r13") = r13;

    __asm__ volatile("movq %%rsp, %%rbx\n\t"
                     "syscall\n\t"
                     "movq %%rbx, %%rsp"
                     : "+D"(r->rdi), "+S"(r->rsi), "+r"(mr0), "+r"(mr1), "+r"(mr2), "+r"(mr3)
                     : "d"(number), "r"(reply), "r"(dest)
                     : "rcx", "rbx", "r11", "memory");
    r->mr0 = mr0;
    r->mr1 = mr1;
    r->mr2 = mr2;
    r->mr3 = mr3;
}

/* The same without R12 and R13, which stay free for the compiler. */
static inline void seL4_x64_syscall_short(seL4_Word number, struct seL4_x64_registers *r)
{
    register seL4_Word mr0 __asm__("r10") = r->mr0;
    register seL4_Word mr1 __asm__("r8") = r->mr1;
    register seL4_Word mr2 __asm__("r9") = r->mr2;
    register seL4_Word mr3 __asm__("r15") = r->mr3;

    __asm__ volatile("movq %%rsp, %%rbx\n\t"
                     "syscall\n\t"
                     "movq %%rbx, %%rsp"
                     : "+D"(r->rdi), "+S"(r->rsi), "+r"(mr0), "+r"(mr1), "+r"(mr2), "+r"(mr3)
                     : "d"(number)
                     : "rcx", "rbx", "r11", "memory");
    r->mr0 = mr0;
    r->mr1 = mr1;
    r->mr2 = mr2;
    r->mr3 = mr3;
}

/* Calls that carry neither message nor result, such as Yield and the debug calls. */
static inline seL4_Word seL4_x64_syscall_word(seL4_Word number, seL4_Word rdi, seL4_Word rsi)
{
    __asm__ volatile("movq %%rsp, %%rbx\n\t"
                     "syscall\n\t"
                     "movq %%rbx, %%rsp"
                     : "+D"(rdi), "+S"(rsi)
                     : "d"(number)
                     : "rcx", "rbx", "r11", "r10", "r8", "r9", "r15", "memory");
    return rdi;
}

static inline seL4_Word seL4_x64_in(const seL4_Word *mr)
{
    return mr != NULL ? *mr : 0;
}

static inline void seL4_x64_out(seL4_Word *mr, seL4_Word value)
{
    if (mr != NULL) {
        *mr = value;
    }
}

static inline void seL4_x64_out_message(const struct seL4_x64_registers *r, seL4_Word *badge,
                                        seL4_Word *mr0, seL4_Word *mr1, seL4_Word *mr2,
                                        seL4_Word *mr3)
{
    seL4_x64_out(badge, r->rdi);
    seL4_x64_out(mr0, r->mr0);
    seL4_x64_out(mr1, r->mr1);
    seL4_x64_out(mr2, r->mr2);
    seL4_x64_out(mr3, r->mr3);
}

static inline seL4_MessageInfo_t seL4_x64_info(const struct seL4_x64_registers *r)
{
    seL4_MessageInfo_t info = {{r->rsi}};

    return info;
}

/* Sends and waits until a receiver has taken the message; an invalid capability is a fault. */
static inline void seL4_SendWithMRs(seL4_CPtr dest, seL4_MessageInfo_t info, const seL4_Word *mr0,
                                    const seL4_Word *mr1, const seL4_Word *mr2,
                                    const seL4_Word *mr3)
{
    struct seL4_x64_registers r = {dest,
                                   info.words[0],
                                   seL4_x64_in(mr0),
                                   seL4_x64_in(mr1),
                                   seL4_x64_in(mr2),
                                   seL4_x64_in(mr3)};

    seL4_x64_syscall_short((seL4_Word)seL4_SysSend, &r);
}

/* Sends if a receiver waits, and otherwise does nothing. */
static inline void seL4_NBSendWithMRs(seL4_CPtr dest, seL4_MessageInfo_t info, const seL4_Word *mr0,
                                      const seL4_Word *mr1, const seL4_Word *mr2,
                                      const seL4_Word *mr3)
{
    struct seL4_x64_registers r = {dest,
                                   info.words[0],
                                   seL4_x64_in(mr0),
                                   seL4_x64_in(mr1),
                                   seL4_x64_in(mr2),
                                   seL4_x64_in(mr3)};

    seL4_x64_syscall_short((seL4_Word)seL4_SysNBSend, &r);
}

/* Sends, waits for the reply and returns its message info; on a kernel object, invokes it. */
static inline seL4_MessageInfo_t seL4_CallWithMRs(seL4_CPtr dest, seL4_MessageInfo_t info,
                                                  seL4_Word *mr0, seL4_Word *mr1, seL4_Word *mr2,
                                                  seL4_Word *mr3)
{
    struct seL4_x64_registers r = {dest,
                                   info.words[0],
                                   seL4_x64_in(mr0),
                                   seL4_x64_in(mr1),
                                   seL4_x64_in(mr2),
                                   seL4_x64_in(mr3)};

    seL4_x64_syscall_short((seL4_Word)seL4_SysCall, &r);
    seL4_x64_out_message(&r, NULL, mr0, mr1, mr2, mr3);
    return seL4_x64_info(&r);
}

/*
 * Waits for a message on src. On an endpoint, reply is a reply object that will hold the way back
 * to the caller. *badge, if asked for, is the badge of the capability the sender used.
 */
static inline seL4_MessageInfo_t seL4_RecvWithMRs(seL4_CPtr src, seL4_Word *badge, seL4_Word *mr0,
                                                  seL4_Word *mr1, seL4_Word *mr2, seL4_Word *mr3,
                                                  seL4_CPtr reply)
{
    struct seL4_x64_registers r = {.rdi = src};

    seL4_x64_syscall((seL4_Word)seL4_SysRecv, &r, reply, 0);
    seL4_x64_out_message(&r, badge, mr0, mr1, mr2, mr3);
    return seL4_x64_info(&r);
}

/* As Recv, but with nothing pending returns at once with badge 0. */
static inline seL4_MessageInfo_t seL4_NBRecvWithMRs(seL4_CPtr src, seL4_Word *badge, seL4_Word *mr0,
                                                    seL4_Word *mr1, seL4_Word *mr2, seL4_Word *mr3,
                                                    seL4_CPtr reply)
{
    struct seL4_x64_registers r = {.rdi = src};

    seL4_x64_syscall((seL4_Word)seL4_SysNBRecv, &r, reply, 0);
    seL4_x64_out_message(&r, badge, mr0, mr1, mr2, mr3);
    return seL4_x64_info(&r);
}

/* Answers the caller held by reply, then waits for the next message on src. */
static inline seL4_MessageInfo_t seL4_ReplyRecvWithMRs(seL4_CPtr src, seL4_MessageInfo_t info,
                                                       seL4_Word *badge, seL4_Word *mr0,
                                                       seL4_Word *mr1, seL4_Word *mr2,
                                                       seL4_Word *mr3, seL4_CPtr reply)
{
    struct seL4_x64_registers r = {
        src, info.words[0], seL4_x64_in(mr0), seL4_x64_in(mr1), seL4_x64_in(mr2), seL4_x64_in(mr3)};

    seL4_x64_syscall((seL4_Word)seL4_SysReplyRecv, &r, reply, 0);
    seL4_x64_out_message(&r, badge, mr0, mr1, mr2, mr3);
    return seL4_x64_info(&r);
}

/* Non-blocking send to dest, then Recv on src, in one step. */
static inline seL4_MessageInfo_t seL4_NBSendRecvWithMRs(seL4_CPtr dest, seL4_MessageInfo_t info,
                                                        seL4_CPtr src, seL4_Word *badge,
                                                        seL4_Word *mr0, seL4_Word *mr1,
                                                        seL4_Word *mr2, seL4_Word *mr3,
                                                        seL4_CPtr reply)
{
    struct seL4_x64_registers r = {
        src, info.words[0], seL4_x64_in(mr0), seL4_x64_in(mr1), seL4_x64_in(mr2), seL4_x64_in(mr3)};

    seL4_x64_syscall((seL4_Word)seL4_SysNBSendRecv, &r, reply, dest);
    seL4_x64_out_message(&r, badge, mr0, mr1, mr2, mr3);
    return seL4_x64_info(&r);
}

/* Non-blocking send to dest, then Wait on src, in one step. */
static inline seL4_MessageInfo_t seL4_NBSendWaitWithMRs(seL4_CPtr dest, seL4_MessageInfo_t info,
                                                        seL4_CPtr src, seL4_Word *badge,
                                                        seL4_Word *mr0, seL4_Word *mr1,
                                                        seL4_Word *mr2, seL4_Word *mr3)
{
    struct seL4_x64_registers r = {
        src, info.words[0], seL4_x64_in(mr0), seL4_x64_in(mr1), seL4_x64_in(mr2), seL4_x64_in(mr3)};

    seL4_x64_syscall((seL4_Word)seL4_SysNBSendWait, &r, dest, 0);
    seL4_x64_out_message(&r, badge, mr0, mr1, mr2, mr3);
    return seL4_x64_info(&r);
}

/* Waits on src without a reply object: a notification, or an endpoint that is only sent to. */
static inline seL4_MessageInfo_t seL4_WaitWithMRs(seL4_CPtr src, seL4_Word *badge, seL4_Word *mr0,
                                                  seL4_Word *mr1, seL4_Word *mr2, seL4_Word *mr3)
{
    struct seL4_x64_registers r = {.rdi = src};

    seL4_x64_syscall_short((seL4_Word)seL4_SysWait, &r);
    seL4_x64_out_message(&r, badge, mr0, mr1, mr2, mr3);
    return seL4_x64_info(&r);
}

/* As Wait, but with nothing pending returns at once with badge 0. */
static inline seL4_MessageInfo_t seL4_NBWaitWithMRs(seL4_CPtr src, seL4_Word *badge, seL4_Word *mr0,
                                                    seL4_Word *mr1, seL4_Word *mr2, seL4_Word *mr3)
{
    struct seL4_x64_registers r = {.rdi = src};

    seL4_x64_syscall_short((seL4_Word)seL4_SysNBWait, &r);
    seL4_x64_out_message(&r, badge, mr0, mr1, mr2, mr3);
    return seL4_x64_info(&r);
}

static inline void seL4_Send(seL4_CPtr dest, seL4_MessageInfo_t info)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    seL4_SendWithMRs(dest, info, &mr[0], &mr[1], &mr[2], &mr[3]);
}

static inline void seL4_NBSend(seL4_CPtr dest, seL4_MessageInfo_t info)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    seL4_NBSendWithMRs(dest, info, &mr[0], &mr[1], &mr[2], &mr[3]);
}

static inline seL4_MessageInfo_t seL4_Call(seL4_CPtr dest, seL4_MessageInfo_t info)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    return seL4_CallWithMRs(dest, info, &mr[0], &mr[1], &mr[2], &mr[3]);
}

static inline seL4_MessageInfo_t seL4_Recv(seL4_CPtr src, seL4_Word *badge, seL4_CPtr reply)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    return seL4_RecvWithMRs(src, badge, &mr[0], &mr[1], &mr[2], &mr[3], reply);
}

static inline seL4_MessageInfo_t seL4_NBRecv(seL4_CPtr src, seL4_Word *badge, seL4_CPtr reply)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    return seL4_NBRecvWithMRs(src, badge, &mr[0], &mr[1], &mr[2], &mr[3], reply);
}

static inline seL4_MessageInfo_t seL4_ReplyRecv(seL4_CPtr src, seL4_MessageInfo_t info,
                                                seL4_Word *badge, seL4_CPtr reply)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    return seL4_ReplyRecvWithMRs(src, info, badge, &mr[0], &mr[1], &mr[2], &mr[3], reply);
}

static inline seL4_MessageInfo_t seL4_NBSendRecv(seL4_CPtr dest, seL4_MessageInfo_t info,
                                                 seL4_CPtr src, seL4_Word *badge, seL4_CPtr reply)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    return seL4_NBSendRecvWithMRs(dest, info, src, badge, &mr[0], &mr[1], &mr[2], &mr[3], reply);
}

static inline seL4_MessageInfo_t seL4_NBSendWait(seL4_CPtr dest, seL4_MessageInfo_t info,
                                                 seL4_CPtr src, seL4_Word *badge)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    return seL4_NBSendWaitWithMRs(dest, info, src, badge, &mr[0], &mr[1], &mr[2], &mr[3]);
}

static inline seL4_MessageInfo_t seL4_Wait(seL4_CPtr src, seL4_Word *badge)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    return seL4_WaitWithMRs(src, badge, &mr[0], &mr[1], &mr[2], &mr[3]);
}

static inline seL4_MessageInfo_t seL4_NBWait(seL4_CPtr src, seL4_Word *badge)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;

    return seL4_NBWaitWithMRs(src, badge, &mr[0], &mr[1], &mr[2], &mr[3]);
}

/* Reads a notification without waiting; *badge is 0 when nothing was signalled. */
static inline seL4_MessageInfo_t seL4_Poll(seL4_CPtr src, seL4_Word *badge)
{
    return seL4_NBWait(src, badge);
}

/* Signals a notification with the badge of the capability used. */
static inline void seL4_Signal(seL4_CPtr dest)
{
    seL4_SendWithMRs(dest, seL4_MessageInfo_new(0, 0, 0, 0), NULL, NULL, NULL, NULL);
}

/* Gives up the rest of the current budget's time slice. */
static inline void seL4_Yield(void)
{
    seL4_x64_syscall_word((seL4_Word)seL4_SysYield, 0, 0);
}

/* Sets the calling thread's FS base; takes effect at once. */
static inline void seL4_SetTLSBase(seL4_Word base)
{
    seL4_x64_syscall_word((seL4_Word)seL4_SysSetTLSBase, base, 0);
}

/*
 * Runs the VCPU bound to the calling thread until it exits or the thread's bound notification is
 * signalled (section 13). MR0..MR2 in, MR0..MR24 out, all in the IPC buffer. Returns
 * SEL4_VMENTER_RESULT_FAULT, or SEL4_VMENTER_RESULT_NOTIF with the notification's badge in *badge.
 */
static inline seL4_Word seL4_VMEnter(seL4_Word *badge)
{
    seL4_Word *mr = seL4_GetIPCBuffer()->msg;
    struct seL4_x64_registers r = {.mr0 = mr[0], .mr1 = mr[1], .mr2 = mr[2]};

    seL4_x64_syscall_short((seL4_Word)seL4_SysVMEnter, &r);
    seL4_x64_out_message(&r, badge, &mr[0], &mr[1], &mr[2], &mr[3]);
    return r.rsi;
}

#endif
