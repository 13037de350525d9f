/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Faults: what the handler is told, and how a reply goes on. Lookup faults are in cspace.c, timeout
 * faults in timeout.c.
 */
#include "test.h"

enum { NOT_MAPPED = 0x30000000 };

/* Points of fault, so that tests can compare instruction pointers. */
extern char fault_read[], fault_read_end[], fault_write[], fault_ud2[], fault_ud2_end[];
extern char fault_syscall[], fault_syscall_end[], fault_in[], fault_in_end[];

__asm__(".pushsection .text.faults, \"ax\", @progbits\n"
        "fault_read:\n\tmovq (%rdi), %rax\n"
        "fault_read_end:\n\tret\n"
        "fault_write:\n\tmovq %rsi, (%rdi)\n\tret\n"
        "fault_ud2:\n\tud2\n"
        "fault_ud2_end:\n\tret\n"
        /* The kernel need not bring RSP back. */
        "fault_syscall:\n\tpushq %rbx\n\tmovq %rsp, %rbx\n\tmovq $0x1234, %rdx\n\tsyscall\n"
        "fault_syscall_end:\n\tmovq %rbx, %rsp\n\tpopq %rbx\n\tret\n"
        "fault_in:\n\tmovw $0x60, %dx\n\tinb %dx, %al\n"
        "fault_in_end:\n\tret\n"
        ".popsection\n");

typedef seL4_Word fault_function(seL4_Word a, seL4_Word b);

static void call_at(struct thread *self)
{
    fault_function *function = (fault_function *)(uintptr_t)self->arg[0];

    self->step = 1;
    self->result = function(self->arg[1], self->arg[2]);
    self->step = 2;
}

struct faulter {
    seL4_CPtr endpoint;
    seL4_CPtr reply;
    struct thread *thread;
};

static struct faulter start_at(const void *code, seL4_Word a, seL4_Word b)
{
    struct faulter f = {endpoint_new(), reply_new(), NULL};

    f.thread = thread_new_with(&(struct thread_options){
        .priority = HIGHER, .mcp = HIGHER, .fault_ep = cap_mint(f.endpoint, seL4_AllRights, 0x66)});
    thread_start(f.thread, call_at, (seL4_Word)(uintptr_t)code, a, b);
    return f;
}

static seL4_MessageInfo_t receive(const struct faulter *f)
{
    seL4_Word badge;
    seL4_MessageInfo_t info = seL4_Recv(f->endpoint, &badge, f->reply);

    CHECK_EQ(badge, 0x66);
    return info;
}

#define AT(symbol) ((seL4_Word)(uintptr_t)(symbol))

TEST(fault_vm_read)
{
    struct faulter f = start_at(fault_read, NOT_MAPPED + 0x18, 0);
    seL4_MessageInfo_t info = receive(&f);

    CHECK_EQ(label_of(info), seL4_Fault_VMFault);
    CHECK_EQ(length_of(info), seL4_VMFault_Length);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_IP), AT(fault_read));
    CHECK_EQ(seL4_GetMR(seL4_VMFault_Addr), NOT_MAPPED + 0x18);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_PrefetchFault), 0);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_FSR), 4); /* user, read, not present */
}

TEST(fault_vm_write)
{
    struct faulter f = start_at(fault_write, NOT_MAPPED, 0);

    CHECK_EQ(label_of(receive(&f)), seL4_Fault_VMFault);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_IP), AT(fault_write));
    CHECK_EQ(seL4_GetMR(seL4_VMFault_FSR), 6);
}

TEST(fault_vm_fetch)
{
    struct faulter f = start_at((void *)NOT_MAPPED, 0, 0);

    CHECK_EQ(label_of(receive(&f)), seL4_Fault_VMFault);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_IP), NOT_MAPPED);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_Addr), NOT_MAPPED);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_FSR) & 7, 4);
}

TEST(fault_vm_read_only_page)
{
    struct faulter f;

    CHECK_OK(
        seL4_X86_PageTable_Map(object_new(seL4_X86_PageTableObject, 0), VSPACE, 0x10000000, 0));
    CHECK_OK(seL4_X86_Page_Map(frame_new(), VSPACE, 0x10000000, seL4_CanRead, 0));
    f = start_at(fault_write, 0x10000000, 0);
    CHECK_EQ(label_of(receive(&f)), seL4_Fault_VMFault);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_FSR), 7); /* user, write, present */
}

TEST(fault_vm_kernel_address)
{
    struct faulter f = start_at(fault_read, 0xffffffff80100000ull, 0);

    CHECK_EQ(label_of(receive(&f)), seL4_Fault_VMFault);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_Addr), 0xffffffff80100000ull);
}

TEST(fault_vm_physical_window_address)
{
    struct faulter f = start_at(fault_read, 0xffffff8000100000ull, 0);

    CHECK_EQ(label_of(receive(&f)), seL4_Fault_VMFault);
}

/* Not canonical: a general protection exception, not a page fault. */
TEST(fault_not_canonical_address)
{
    struct faulter f = start_at(fault_read, 0x1000000000000000ull, 0);

    CHECK_EQ(label_of(receive(&f)), seL4_Fault_UserException);
    CHECK_EQ(seL4_GetMR(seL4_UserException_Number), 13);
}

/* The reply alone restarts at the same instruction, which works once the page is there. */
TEST(fault_vm_reply_after_mapping)
{
    struct faulter f;
    seL4_CPtr frame = frame_new();

    CHECK_OK(
        seL4_X86_PageTable_Map(object_new(seL4_X86_PageTableObject, 0), VSPACE, 0x10000000, 0));
    f = start_at(fault_read, 0x10000000, 0);
    receive(&f);
    CHECK_OK(seL4_X86_Page_Map(frame, VSPACE, 0x10000000, seL4_AllRights, 0));
    *(volatile seL4_Word *)0x10000000 = 0x4711;
    seL4_Send(f.reply, message(0, 0));
    CHECK_EQ(f.thread->step, 2);
    CHECK_EQ(f.thread->result, 0x4711);
}

TEST(fault_vm_handler_moves_the_thread)
{
    struct faulter f = start_at(fault_read, NOT_MAPPED, 0);
    seL4_UserContext regs;

    receive(&f);
    CHECK_OK(seL4_TCB_ReadRegisters(f.thread->tcb, false, 0, seL4_UserContextWords, &regs));
    CHECK_EQ(regs.rip, AT(fault_read));
    CHECK_EQ(regs.rdi, NOT_MAPPED);
    regs.rip = AT(fault_read_end);
    regs.rax = 0x99;
    CHECK_OK(seL4_TCB_WriteRegisters(f.thread->tcb, false, 0, seL4_UserContextWords, &regs));
    CHECK_EQ(f.thread->step, 1);
    seL4_Send(f.reply, message(0, 0));
    CHECK_EQ(f.thread->step, 2);
    CHECK_EQ(f.thread->result, 0x99);
}

TEST(fault_exception_undefined_instruction)
{
    struct faulter f = start_at(fault_ud2, 0, 0);
    seL4_MessageInfo_t info = receive(&f);

    CHECK_EQ(label_of(info), seL4_Fault_UserException);
    CHECK_EQ(length_of(info), seL4_UserException_Length);
    CHECK_EQ(seL4_GetMR(seL4_UserException_FaultIP), AT(fault_ud2));
    CHECK(seL4_GetMR(seL4_UserException_SP) < f.thread->stack_top);
    CHECK_EQ(seL4_GetMR(seL4_UserException_FLAGS) & 0x202, 0x202);
    CHECK_EQ(seL4_GetMR(seL4_UserException_Number), 6);
    CHECK_EQ(seL4_GetMR(seL4_UserException_Code), 0);
}

TEST(fault_exception_reply_sets_ip_sp_and_flags)
{
    struct faulter f = start_at(fault_ud2, 0, 0);

    receive(&f);
    seL4_SetMR(seL4_UserException_FaultIP, AT(fault_ud2_end));
    seL4_Send(f.reply, message(0, seL4_UserException_ReplyLength));
    CHECK_EQ(f.thread->step, 2);
}

TEST(fault_exception_reply_with_label_leaves_it_stopped)
{
    struct faulter f = start_at(fault_ud2, 0, 0);

    receive(&f);
    seL4_SetMR(seL4_UserException_FaultIP, AT(fault_ud2_end));
    seL4_Send(f.reply, message(1, seL4_UserException_ReplyLength));
    CHECK_EQ(f.thread->step, 1);
    CHECK_OK(seL4_TCB_Resume(f.thread->tcb));
    CHECK_EQ(f.thread->step, 2);
}

TEST(fault_exception_empty_reply_restarts)
{
    struct faulter f = start_at(fault_ud2, 0, 0);

    receive(&f);
    seL4_Send(f.reply, message(0, 0));
    CHECK_EQ(label_of(receive(&f)), seL4_Fault_UserException);
    CHECK_EQ(seL4_GetMR(seL4_UserException_FaultIP), AT(fault_ud2));
}

TEST(fault_exception_port_access)
{
    struct faulter f = start_at(fault_in, 0, 0);

    CHECK_EQ(label_of(receive(&f)), seL4_Fault_UserException);
    CHECK_EQ(seL4_GetMR(seL4_UserException_Number), 13);
    CHECK_EQ(seL4_GetMR(seL4_UserException_FaultIP), AT(fault_in) + 4);
}

static seL4_Word divide(seL4_Word a, seL4_Word b)
{
    __asm__ volatile("xorl %%edx, %%edx\n\tdivq %1" : "+a"(a) : "r"(b) : "rdx");
    return a;
}

TEST(fault_exception_divide)
{
    struct faulter f = start_at((void *)(uintptr_t)divide, 1, 0);

    CHECK_EQ(label_of(receive(&f)), seL4_Fault_UserException);
    CHECK_EQ(seL4_GetMR(seL4_UserException_Number), 0);
}

static seL4_Word breakpoint(seL4_Word a, seL4_Word b)
{
    __asm__ volatile("int3");
    return a + b;
}

TEST(fault_exception_breakpoint)
{
    struct faulter f = start_at((void *)(uintptr_t)breakpoint, 0, 0);

    CHECK_EQ(label_of(receive(&f)), seL4_Fault_UserException);
    CHECK_EQ(seL4_GetMR(seL4_UserException_Number), 3);
}

TEST(fault_unknown_syscall)
{
    struct faulter f = start_at(fault_syscall, 0x71, 0x72);
    seL4_MessageInfo_t info = receive(&f);

    CHECK_EQ(label_of(info), seL4_Fault_UnknownSyscall);
    CHECK_EQ(length_of(info), seL4_UnknownSyscall_Length);
    CHECK_EQ(seL4_GetMR(seL4_UnknownSyscall_Syscall), 0x1234);
    CHECK_EQ(seL4_GetMR(seL4_UnknownSyscall_RDX), 0x1234);
    CHECK_EQ(seL4_GetMR(seL4_UnknownSyscall_RDI), 0x71);
    CHECK_EQ(seL4_GetMR(seL4_UnknownSyscall_RSI), 0x72);
    CHECK_EQ(seL4_GetMR(seL4_UnknownSyscall_FaultIP), AT(fault_syscall_end) - 2);
}

TEST(fault_unknown_syscall_reply_rewrites_registers)
{
    struct faulter f = start_at(fault_syscall, 0, 0);

    receive(&f);
    seL4_SetMR(seL4_UnknownSyscall_FaultIP, AT(fault_syscall_end));
    seL4_SetMR(seL4_UnknownSyscall_RAX, 0x55aa);
    seL4_Send(f.reply, message(0, seL4_UnknownSyscall_ReplyLength));
    CHECK_EQ(f.thread->step, 2);
    CHECK_EQ(f.thread->result, 0x55aa);
}

TEST(fault_unknown_syscall_reply_with_label_leaves_it_stopped)
{
    struct faulter f = start_at(fault_syscall, 0, 0);

    receive(&f);
    seL4_Send(f.reply, message(1, 0));
    CHECK_EQ(f.thread->step, 1);
}

static seL4_Word software_interrupt(seL4_Word a, seL4_Word b)
{
    __asm__ volatile("int $0xc3" ::"a"(a));
    return b;
}

TEST(fault_software_interrupt_is_an_unknown_syscall)
{
    struct faulter f = start_at((void *)(uintptr_t)software_interrupt, 0x77, 0);

    CHECK_EQ(label_of(receive(&f)), seL4_Fault_UnknownSyscall);
    CHECK_EQ((uint32_t)seL4_GetMR(seL4_UnknownSyscall_Syscall), 0xc3000077);
}

TEST(fault_without_handler_stops_the_thread)
{
    struct thread *thread = thread_run(HIGHER, call_at, AT(fault_ud2), 0, 0);

    CHECK_EQ(thread->step, 1);
    sleep_us(2000);
    CHECK_EQ(thread->step, 1);
}

TEST(fault_handler_endpoint_deleted)
{
    struct thread *thread;
    seL4_CPtr endpoint = endpoint_new();

    thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = endpoint});
    CHECK_OK(cap_revoke(endpoint));
    CHECK_OK(cap_delete(endpoint));
    thread_start(thread, call_at, AT(fault_ud2), 0, 0);
    CHECK_EQ(thread->step, 1);
}

static void handle_faults(struct thread *self)
{
    self->step = 1;
    seL4_Recv(self->arg[0], NULL, self->reply);
    for (;;) {
        self->step++;
        seL4_SetMR(0, AT(fault_ud2_end));
        seL4_ReplyRecv(self->arg[0], message(0, seL4_UserException_ReplyLength), NULL, self->reply);
    }
}

/* The faulting thread's context is lent to a passive handler and comes back with the reply. */
TEST(fault_passive_handler)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *handler = thread_run(HIGHER, handle_faults, endpoint, 0, 0);
    struct thread *thread;

    CHECK_OK(seL4_SchedContext_Unbind(handler->sc));
    thread = thread_new_with(
        &(struct thread_options){.priority = LOWER, .mcp = LOWER, .fault_ep = endpoint});
    for (seL4_Word i = 0; i < 3; i++) {
        thread_start(thread, call_at, AT(fault_ud2), 0, 0);
        thread_join(thread);
        CHECK_EQ(handler->step, i + 2);
    }
}

static void signal_and_fault(struct thread *self)
{
    seL4_Signal(self->arg[0]);
    __asm__ volatile("ud2");
}

static void wait_and_trace(struct thread *self)
{
    seL4_Wait(self->arg[0], NULL);
    trace('m');
}

static void handle_and_trace(struct thread *self)
{
    seL4_Recv(self->arg[0], NULL, self->reply);
    trace('h');
    seL4_Signal(self->arg[1]);
    seL4_Wait(self->arg[1], NULL);
}

/* What the handler was lent does not put it before a more important thread that is ready. */
TEST(fault_passive_handler_waits_for_its_turn)
{
    seL4_CPtr endpoint = endpoint_new(), notification = notification_new(),
              end = notification_new();
    struct thread *handler = thread_run(LOWER - 2, handle_and_trace, endpoint, end, 0);
    struct thread *thread;

    thread_run(LOWER - 1, wait_and_trace, notification, 0, 0);
    sleep_us(2000);
    CHECK_OK(seL4_SchedContext_Unbind(handler->sc));
    thread = thread_new_with(
        &(struct thread_options){.priority = LOWER, .mcp = LOWER, .fault_ep = endpoint});
    thread_start(thread, signal_and_fault, notification, 0, 0);
    seL4_Wait(end, NULL);
    CHECK_TRACE("mh");
}

TEST(fault_thread_restarted_by_write_registers)
{
    struct faulter f = start_at(fault_ud2, 0, 0);
    seL4_UserContext regs;

    receive(&f);
    CHECK_OK(seL4_TCB_ReadRegisters(f.thread->tcb, false, 0, seL4_UserContextWords, &regs));
    regs.rip = AT(fault_ud2_end);
    CHECK_OK(seL4_TCB_WriteRegisters(f.thread->tcb, true, 0, seL4_UserContextWords, &regs));
    CHECK_EQ(f.thread->step, 2);
    /* The reply object no longer leads to it. */
    seL4_SetMR(0, AT(fault_ud2));
    seL4_Send(f.reply, message(0, 3));
    CHECK_EQ(f.thread->step, 2);
}

/* A second reply word count than expected must not read beyond the message. */
TEST(fault_exception_short_reply)
{
    struct faulter f = start_at(fault_ud2, 0, 0);

    receive(&f);
    seL4_SetMR(0, AT(fault_ud2_end));
    seL4_Send(f.reply, message(0, 1));
    CHECK_EQ(f.thread->step, 2);
}
