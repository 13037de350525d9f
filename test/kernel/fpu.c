/* SPDX-License-Identifier: BSD-2-Clause
 *
 * FPU and vector state belongs to one thread each.
 */
#include "test.h"

/* All of XMM0..XMM15 hold a pattern over system calls and preemption. */
static void hold_pattern(struct thread *self)
{
    _Alignas(16) uint64_t in[2] = {self->arg[0], ~self->arg[0]};
    _Alignas(16) uint64_t out[2];

    for (int round = 0; round < 200; round++) {
        __asm__ volatile("movdqa %1, %%xmm0\n\tmovdqa %1, %%xmm7\n\tmovdqa %1, %%xmm15\n\t"
                         "movl $20000, %%ecx\n1:\tdecl %%ecx\n\tjnz 1b\n\t"
                         "pxor %%xmm7, %%xmm0\n\tpor %%xmm0, %%xmm15\n\tmovdqa %%xmm15, %0"
                         : "=m"(out)
                         : "m"(in)
                         : "xmm0", "xmm7", "xmm15", "ecx", "cc");
        if (out[0] != in[0] || out[1] != in[1]) {
            self->result = 1;
            return;
        }
        seL4_Yield();
    }
}

TEST(fpu_state_is_per_thread)
{
    struct thread *threads[4];

    for (unsigned i = 0; i < 4; i++) {
        threads[i] = thread_new_with(&(struct thread_options){
            .priority = LOWER, .mcp = LOWER, .budget = 1000, .period = 1000});
        thread_start(threads[i], hold_pattern, 0x1111111111111111ull * (i + 1), 0, 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        thread_join(threads[i]);
        CHECK_EQ(threads[i]->result, 0);
    }
}

static void read_initial(struct thread *self)
{
    uint32_t mxcsr;
    uint16_t control;
    _Alignas(16) uint64_t xmm[2];

    __asm__ volatile("stmxcsr %0\n\tfnstcw %1\n\tmovdqa %%xmm9, %2"
                     : "=m"(mxcsr), "=m"(control), "=m"(xmm));
    self->result = (seL4_Word)mxcsr << 32 | control;
    self->arg[1] = xmm[0] | xmm[1];
}

/* SDM volume 1, sections 8.1.5 and 10.2.3: control word 37Fh after FNINIT, MXCSR 1F80h. */
TEST(fpu_initial_state)
{
    struct thread *thread;

    __asm__ volatile("pcmpeqd %%xmm9, %%xmm9" ::: "xmm9");
    thread = thread_run(HIGHER, read_initial, 0, 0, 0);
    CHECK_EQ(thread->result >> 32, 0x1f80);
    CHECK_EQ(thread->result & 0xffff, 0x37f);
    CHECK_EQ(thread->arg[1], 0);
}

TEST(fpu_disabled_raises_an_exception)
{
    seL4_CPtr faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .fault_ep = faults});

    CHECK_OK(seL4_TCB_SetFlags(thread->tcb, 0, seL4_TCBFlag_fpuDisabled).error);
    thread_start(thread, hold_pattern, 5, 0, 0);
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_UserException);
    CHECK_EQ(seL4_GetMR(seL4_UserException_Number), 7);
}

TEST(fpu_disabled_and_enabled_again)
{
    seL4_CPtr faults = endpoint_new(), reply = reply_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = LOWER, .mcp = LOWER, .fault_ep = faults});

    thread_start(thread, hold_pattern, 5, 0, 0);
    sleep_us(2000);
    CHECK_OK(seL4_TCB_SetFlags(thread->tcb, 0, seL4_TCBFlag_fpuDisabled).error);
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply)), seL4_Fault_UserException);
    CHECK_OK(seL4_TCB_SetFlags(thread->tcb, seL4_TCBFlag_fpuDisabled, 0).error);
    seL4_Send(reply, message(0, 0));
    thread_join(thread);
    CHECK_EQ(thread->result, 0);
}

/* The state survives that the thread's core is given to another user in between. */
TEST(fpu_state_survives_suspension)
{
    struct thread *a = thread_run(LOWER, hold_pattern, 0xaaaa, 0, 0);
    struct thread *b;

    sleep_us(1000);
    CHECK_OK(seL4_TCB_Suspend(a->tcb));
    b = thread_run(LOWER, hold_pattern, 0x5555, 0, 0);
    thread_join(b);
    CHECK_OK(seL4_TCB_Resume(a->tcb));
    thread_join(a);
    CHECK_EQ(a->result | b->result, 0);
}

TEST(fpu_owner_deleted)
{
    struct thread *a = thread_run(LOWER, hold_pattern, 0xaaaa, 0, 0);
    struct thread *b;

    sleep_us(1000);
    CHECK_OK(cap_delete(a->tcb));
    b = thread_run(LOWER, hold_pattern, 0x5555, 0, 0);
    thread_join(b);
    CHECK_EQ(b->result, 0);
}
