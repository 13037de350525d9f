/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The system call instruction itself: registers that survive, the debug calls, TLS.
 */
#include "harness.h"

/*
 * Makes a system call with known values in every register that the ABI says is kept (section 5) and
 * returns a mask of those that changed: bit 0 RAX, 1 RBX, 2 RBP, 3 R12, 4 R13, 5 R14, 6 RDX.
 */
seL4_Word syscall_changes(seL4_Word number, seL4_Word rdi, seL4_Word rsi, seL4_Word r12,
                          seL4_Word r13);

__asm__(".pushsection .text.syscall_changes, \"ax\", @progbits\n"
        ".globl syscall_changes\n"
        "syscall_changes:\n"
        "    pushq %rbx\n    pushq %rbp\n    pushq %r12\n    pushq %r13\n    pushq %r14\n"
        "    pushq %r15\n"
        "    pushq %rdi\n    pushq %rcx\n    pushq %r8\n" /* what RDX, R12, R13 shall be */
        "    movq %rdx, %r9\n"
        "    movq %rdi, %rdx\n    movq %rsi, %rdi\n    movq %r9, %rsi\n"
        "    movq %rcx, %r12\n    movq %r8, %r13\n"
        "    movabsq $0x1122334455667788, %r14\n"
        "    movabsq $0x99aabbccddeeff00, %rbp\n"
        "    movabsq $0x0123456789abcdef, %rax\n"
        "    movq %rsp, %rbx\n"
        "    xorl %r10d, %r10d\n    xorl %r8d, %r8d\n    xorl %r9d, %r9d\n    xorl %r15d, %r15d\n"
        "    syscall\n"
        "    xorl %ecx, %ecx\n"
        "    movabsq $0x0123456789abcdef, %r8\n    cmpq %r8, %rax\n    je 1f\n    orl $1, %ecx\n"
        "1:  movq %rbx, %rsp\n"
        "    movabsq $0x99aabbccddeeff00, %r8\n    cmpq %r8, %rbp\n    je 2f\n    orl $4, %ecx\n"
        "2:  popq %r8\n    cmpq %r8, %r13\n    je 3f\n    orl $16, %ecx\n"
        "3:  popq %r8\n    cmpq %r8, %r12\n    je 4f\n    orl $8, %ecx\n"
        "4:  popq %r8\n    cmpq %r8, %rdx\n    je 5f\n    orl $64, %ecx\n"
        "5:  movabsq $0x1122334455667788, %r8\n    cmpq %r8, %r14\n    je 6f\n    orl $32, %ecx\n"
        "6:  movl %ecx, %eax\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbp\n    popq %rbx\n"
        "    ret\n"
        ".popsection\n");

static seL4_Word changes(seL4_Word number, seL4_CPtr cap)
{
    return syscall_changes(number, cap, 0, 0, 0);
}

TEST(syscall_keeps_registers_send)
{
    CHECK_EQ(changes((seL4_Word)seL4_SysSend, ROOT), 0);
    CHECK_EQ(changes((seL4_Word)seL4_SysNBSend, ROOT), 0);
}

TEST(syscall_keeps_registers_call)
{
    CHECK_EQ(changes((seL4_Word)seL4_SysCall, ROOT), 0);
}

TEST(syscall_keeps_registers_recv)
{
    seL4_CPtr notification = notification_new();

    seL4_Signal(notification);
    CHECK_EQ(changes((seL4_Word)seL4_SysRecv, notification), 0);
    seL4_Signal(notification);
    CHECK_EQ(changes((seL4_Word)seL4_SysWait, notification), 0);
    CHECK_EQ(changes((seL4_Word)seL4_SysNBRecv, notification), 0);
    CHECK_EQ(changes((seL4_Word)seL4_SysNBWait, notification), 0);
}

TEST(syscall_keeps_registers_combined)
{
    seL4_CPtr notification = notification_new();

    seL4_Signal(notification);
    CHECK_EQ(syscall_changes((seL4_Word)seL4_SysReplyRecv, notification, 0, reply_new(), 0), 0);
    seL4_Signal(notification);
    CHECK_EQ(syscall_changes((seL4_Word)seL4_SysNBSendRecv, notification, 0, 0, ROOT), 0);
    seL4_Signal(notification);
    CHECK_EQ(syscall_changes((seL4_Word)seL4_SysNBSendWait, notification, 0, ROOT, 0), 0);
}

TEST(syscall_keeps_registers_yield)
{
    CHECK_EQ(changes((seL4_Word)seL4_SysYield, 0), 0);
}

static void echo(struct thread *self)
{
    seL4_Recv(self->arg[0], NULL, self->reply);
    for (;;) {
        seL4_ReplyRecv(self->arg[0], message(0, 0), NULL, self->reply);
    }
}

/* With a switch to another thread and back in between. */
TEST(syscall_keeps_registers_over_an_ipc)
{
    seL4_CPtr endpoint = endpoint_new();

    thread_run(HIGHER, echo, endpoint, 0, 0);
    CHECK_EQ(changes((seL4_Word)seL4_SysCall, endpoint), 0);
}

static seL4_Word flags_after_syscall(seL4_Word flags)
{
    seL4_Word after;

    __asm__ volatile("pushq %1\n\tpopfq\n\tmovq $-11, %%rdx\n\tmovq %%rsp, %%rbx\n\tsyscall\n\t"
                     "movq %%rbx, %%rsp\n\tpushfq\n\tpopq %0\n\tcld"
                     : "=r"(after)
                     : "r"(flags)
                     : "rax", "rbx", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "r15",
                       "cc", "memory");
    return after;
}

/* The direction flag is the caller's, and must not reach the kernel's string instructions. */
TEST(syscall_with_direction_flag)
{
    CHECK_EQ(flags_after_syscall(0x202 | 0x400) & 0x400, 0x400);
    CHECK_EQ(flags_after_syscall(0x202) & 0x400, 0);
}

/* Nested task and alignment check would disturb a kernel that does not mask them at entry. */
TEST(syscall_with_odd_flags)
{
    flags_after_syscall(0x202 | 0x4000);
    CHECK_EQ(flags_after_syscall(0x202) & 0x200, 0x200);
}

static void trap_flag(struct thread *self)
{
    self->step = 1;
    flags_after_syscall(0x202 | 0x100);
    self->step = 2;
}

TEST(syscall_with_trap_flag)
{
    seL4_CPtr faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});
    seL4_MessageInfo_t info;

    thread_start(thread, trap_flag, 0, 0, 0);
    info = seL4_Recv(faults, NULL, reply_new());
    CHECK(label_of(info) == seL4_Fault_UserException ||
          label_of(info) == seL4_Fault_DebugException);
}

TEST(syscall_set_tls_base)
{
    seL4_Word own = thread_self()->tls, read;

    seL4_SetTLSBase((seL4_Word)(uintptr_t)&own);
    __asm__ volatile("movq %%fs:0, %0" : "=r"(read));
    seL4_SetTLSBase(own);
    CHECK_EQ(read, own);
}

static void bad_tls(struct thread *self)
{
    self->step = 1;
    seL4_SetTLSBase(0x8000000000000000ull);
    self->step = 2;
    seL4_SetTLSBase(self->tls);
    self->step = 3;
}

TEST(syscall_set_tls_base_not_canonical)
{
    struct thread *thread = thread_run(HIGHER, bad_tls, 0, 0, 0);

    CHECK(thread->step >= 1);
}

/* RDTSC and RDTSCP are open to user code. */
TEST(rdtsc_in_user_mode)
{
    uint64_t a = time_now(), b = time_now();

    CHECK(b >= a);
}

TEST(debug_cap_identify_objects)
{
    need_debug();
    CHECK_EQ(seL4_DebugCapIdentify(slot_new()), seL4_CapTag_null);
    CHECK_EQ(seL4_DebugCapIdentify(endpoint_new()), seL4_CapTag_endpoint);
    CHECK_EQ(seL4_DebugCapIdentify(notification_new()), seL4_CapTag_notification);
    CHECK_EQ(seL4_DebugCapIdentify(reply_new()), seL4_CapTag_reply);
    CHECK_EQ(seL4_DebugCapIdentify(cnode_new(2)), seL4_CapTag_cnode);
    CHECK_EQ(seL4_DebugCapIdentify(frame_new()), seL4_CapTag_frame);
    CHECK_EQ(seL4_DebugCapIdentify(sc_new()), seL4_CapTag_sched_context);
    CHECK_EQ(seL4_DebugCapIdentify(object_new(seL4_X86_PageTableObject, 0)),
             seL4_CapTag_page_table);
    CHECK_EQ(seL4_DebugCapIdentify(object_new(seL4_X86_PageDirectoryObject, 0)),
             seL4_CapTag_page_directory);
    CHECK_EQ(seL4_DebugCapIdentify(object_new(seL4_X86_PDPTObject, 0)), seL4_CapTag_pdpt);
    CHECK_EQ(seL4_DebugCapIdentify(object_new(seL4_X64_PML4Object, 0)), seL4_CapTag_pml4);
}

TEST(debug_name_thread)
{
    need_debug();
    seL4_DebugNameThread(test_tcb, "a test");
    seL4_DebugNameThread(
        object_new(seL4_TCBObject, 0),
        "a name that is a good deal longer than any kernel has room for it, one hopes, "
        "and that goes on for quite a while after that, to no further purpose at all");
}
