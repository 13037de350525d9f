/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions that user code must not get away with, and state of the processor that it must not
 * see or keep.
 */
#include "test.h"

static struct {
    seL4_Word number; /* exception */
    seL4_Word ip;
} seen;

static void run(struct thread *self)
{
    void (*code)(void) = (void (*)(void))(uintptr_t)self->arg[0];

    self->step = 1;
    code();
    self->step = 2;
}

/* Runs code on a thread; its exception must be number. */
static void raises(void (*code)(void), seL4_Word number)
{
    seL4_CPtr faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    thread_start(thread, run, (seL4_Word)(uintptr_t)code, 0, 0);
    CHECK_EQ(thread->step, 1);
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_UserException);
    seen.number = seL4_GetMR(seL4_UserException_Number);
    seen.ip = seL4_GetMR(seL4_UserException_FaultIP);
    CHECK_EQ(seen.number, number);
}

#define RAISES(name, assembly, number)                                \
    static void code_##name(void)                                     \
    {                                                                 \
        __asm__ volatile(assembly ::: "rax", "rcx", "rdx", "memory"); \
    }                                                                 \
    TEST(privilege_##name)                                            \
    {                                                                 \
        raises(code_##name, number);                                  \
    }

enum { UNDEFINED = 6, PROTECTION = 13 };

RAISES(hlt, "hlt", PROTECTION)
RAISES(cli, "cli", PROTECTION)
RAISES(sti, "sti", PROTECTION)
RAISES(in, "inb $0x60, %%al", PROTECTION)
RAISES(out, "outb %%al, $0x80", PROTECTION)
RAISES(read_cr0, "movq %%cr0, %%rax", PROTECTION)
RAISES(read_cr3, "movq %%cr3, %%rax", PROTECTION)
RAISES(write_cr3, "movq %%rax, %%cr3", PROTECTION)
RAISES(read_cr4, "movq %%cr4, %%rax", PROTECTION)
RAISES(read_debug_register, "movq %%dr7, %%rax", PROTECTION)
RAISES(rdmsr, "movl $0xc0000080, %%ecx\n\trdmsr", PROTECTION)
RAISES(wrmsr, "movl $0xc0000080, %%ecx\n\txorl %%eax, %%eax\n\twrmsr", PROTECTION)
RAISES(invlpg, "invlpg (%%rsp)", PROTECTION)
RAISES(wbinvd, "wbinvd", PROTECTION)
RAISES(lgdt, "lgdt (%%rsp)", PROTECTION)
RAISES(lidt, "lidt (%%rsp)", PROTECTION)
RAISES(ltr, "movw $0x28, %%ax\n\tltr %%ax", PROTECTION)
RAISES(clts, "clts", PROTECTION)
RAISES(swapgs, "swapgs", PROTECTION)
RAISES(sysret, "movq $0, %%rcx\n\tsysretq", PROTECTION)
RAISES(load_kernel_segment, "movw $0x10, %%ax\n\tmovw %%ax, %%ss", PROTECTION)

static void code_far_return(void)
{
    __asm__ volatile("pushq $8\n\tpushq $0\n\tlretq" ::: "memory");
}

/*
 * A far return to ring 0 must not work either. (QEMU's TCG pops with a supervisor's rights, which
 * SMAP forbids: there it is a page fault.)
 */
TEST(privilege_far_return_to_kernel)
{
    seL4_CPtr faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});
    seL4_MessageInfo_t info;

    thread_start(thread, run, (seL4_Word)(uintptr_t)code_far_return, 0, 0);
    info = seL4_Recv(faults, NULL, reply_new());
    CHECK(label_of(info) == seL4_Fault_UserException || label_of(info) == seL4_Fault_VMFault);
    CHECK_EQ(thread->step, 1);
}

/* Interrupt gates that are the kernel's alone. */
RAISES(software_interrupt_page_fault, "int $14", PROTECTION)
RAISES(software_interrupt_timer, "int $0x9d", PROTECTION)
RAISES(software_interrupt_nmi, "int $2", PROTECTION)

static void read_at(struct thread *self)
{
    self->result = *(volatile seL4_Word *)self->arg[0];
    self->step = 2;
}

static void kernel_address(seL4_Word address)
{
    seL4_CPtr faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    thread_start(thread, read_at, address, 0, 0);
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_VMFault);
}

TEST(privilege_kernel_image_is_out_of_reach)
{
    kernel_address(0xffffffff80100000ull);
    kernel_address(0xffffffff80000000ull);
    kernel_address(0xfffffffffffff000ull);
}

TEST(privilege_physical_window_is_out_of_reach)
{
    for (seL4_Word address = 0xffffff8000000000ull; address < 0xffffff8004000000ull;
         address += 0x400000) {
        kernel_address(address);
    }
}

/* A message in the kernel's memory: the IPC buffer's address is checked when it is set, not used.
 */
TEST(privilege_ipc_buffer_at_a_kernel_address)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_CPtr frame = frame_new();
    seL4_Error error = seL4_TCB_SetIPCBuffer(tcb, 0xffffffff80100000ull, frame);

    CHECK(error == seL4_NoError || error == seL4_InvalidArgument || error == seL4_IllegalOperation);
}

static void send_and_step(struct thread *self)
{
    self->step = 1;
    seL4_SetMR(8, 8);
    seL4_Send(self->arg[0], message(0, 20));
    self->step = 2;
}

/* The buffer's page may be gone when the kernel needs it: the kernel goes by the frame capability.
 */
TEST(privilege_ipc_buffer_frame_revoked)
{
    seL4_CPtr untyped = untyped_new(12), frame = slot_new(), endpoint = endpoint_new();
    struct thread *thread = thread_new(HIGHER);

    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_X86_4K, 0, ROOT, 0, 0, frame, 1));
    CHECK_OK(seL4_TCB_SetIPCBuffer(thread->tcb, (seL4_Word)(uintptr_t)thread->ipc_buffer, frame));
    CHECK_OK(cap_revoke(untyped));
    thread_start(thread, send_and_step, endpoint, 0, 0);
    CHECK_EQ(length_of(seL4_Wait(endpoint, NULL)), 4);
}

TEST(privilege_user_code_sees_no_umip_tables)
{
    uint32_t eax = 7, ebx, ecx = 0, edx;
    unsigned char table[10] = {0};

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if ((ecx & 4u) == 0) {
        test_skip("the processor has no UMIP");
    }
    (void)table;
    {
        seL4_CPtr faults = endpoint_new();
        extern void privilege_sgdt(void);
        struct thread *thread = thread_new_with(
            &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

        thread_start(thread, run, (seL4_Word)(uintptr_t)privilege_sgdt, 0, 0);
        CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_UserException);
    }
}

void privilege_sgdt(void);

void privilege_sgdt(void)
{
    unsigned char table[10];

    __asm__ volatile("sgdt %0" : "=m"(table));
}
