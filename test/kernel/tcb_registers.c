/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A thread's registers: read, written and copied.
 */
#include "test.h"

static void set_step(struct thread *self)
{
    self->step = self->arg[0];
}

TEST(tcb_read_registers_returns_what_was_written)
{
    seL4_CPtr tcb = tcb_new();
    seL4_UserContext in, out;
    seL4_Word *words = &in.rip;

    for (seL4_Word i = 0; i < seL4_UserContextWords; i++) {
        words[i] = 0x1000 + i;
    }
    in.rflags = 0x202;
    CHECK_OK(seL4_TCB_WriteRegisters(tcb, false, 0, seL4_UserContextWords, &in));
    CHECK_OK(seL4_TCB_ReadRegisters(tcb, false, 0, seL4_UserContextWords, &out));
    for (seL4_Word i = 0; i < seL4_UserContextWords; i++) {
        CHECK_EQ((&out.rip)[i], (&in.rip)[i]);
    }
}

TEST(tcb_write_registers_only_the_first)
{
    seL4_CPtr tcb = tcb_new();
    seL4_UserContext in = {.rip = 0x1111, .rsp = 0x2222, .rax = 0x3333}, out;

    CHECK_OK(seL4_TCB_WriteRegisters(tcb, false, 0, 2, &in));
    CHECK_OK(seL4_TCB_ReadRegisters(tcb, false, 0, seL4_UserContextWords, &out));
    CHECK_EQ(out.rip, 0x1111);
    CHECK_EQ(out.rsp, 0x2222);
    CHECK_EQ(out.rax, 0);
}

/* Neither ring, nor interrupt flag, nor an address the processor would fault on in ring 0. */
TEST(tcb_write_registers_sanitises)
{
    seL4_CPtr tcb = tcb_new();
    seL4_UserContext in = {.rip = 0x800000000000ull,
                           .rflags = 0xffffffffffffffffull,
                           .fs_base = 0x1000000000000000ull,
                           .gs_base = 0x8000000000000000ull},
                     out;

    CHECK_OK(seL4_TCB_WriteRegisters(tcb, false, 0, seL4_UserContextWords, &in));
    CHECK_OK(seL4_TCB_ReadRegisters(tcb, false, 0, seL4_UserContextWords, &out));
    CHECK_EQ(out.rip, 0);
    CHECK_EQ(out.fs_base, 0);
    CHECK_EQ(out.gs_base, 0);
    CHECK_EQ(out.rflags & 0x202, 0x202);
    CHECK_EQ(out.rflags & ~0xfffull, 0);
}

TEST(tcb_write_registers_flags_zero)
{
    seL4_CPtr tcb = tcb_new();
    seL4_UserContext in = {.rflags = 0}, out;

    CHECK_OK(seL4_TCB_WriteRegisters(tcb, false, 0, seL4_UserContextWords, &in));
    CHECK_OK(seL4_TCB_ReadRegisters(tcb, false, 0, seL4_UserContextWords, &out));
    CHECK_EQ(out.rflags, 0x202);
}

TEST(tcb_registers_of_the_calling_thread)
{
    seL4_UserContext regs = {0};

    CHECK_EQ(seL4_TCB_ReadRegisters(test_tcb, false, 0, 1, &regs), seL4_IllegalOperation);
    CHECK_EQ(seL4_TCB_WriteRegisters(test_tcb, false, 0, 1, &regs), seL4_IllegalOperation);
}

TEST(tcb_read_registers_count_zero)
{
    seL4_UserContext regs;

    CHECK_EQ(seL4_TCB_ReadRegisters(tcb_new(), false, 0, 0, &regs), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_GetMR(1), seL4_UserContextWords);
}

TEST(tcb_read_registers_count_too_large)
{
    seL4_UserContext regs;

    CHECK_EQ(seL4_TCB_ReadRegisters(tcb_new(), false, 0, seL4_UserContextWords + 1, &regs),
             seL4_RangeError);
}

TEST(tcb_read_registers_suspends)
{
    struct thread *thread = thread_run(LOWER, thread_spin, 0, 0, 0);
    seL4_UserContext regs;
    seL4_Word step;

    sleep_us(3000);
    CHECK_OK(seL4_TCB_ReadRegisters(thread->tcb, true, 0, 1, &regs));
    step = thread->step;
    CHECK(step != 0);
    sleep_us(3000);
    CHECK_EQ(thread->step, step);
}

TEST(tcb_write_registers_resumes)
{
    struct thread *thread = thread_new(HIGHER);

    thread_prepare(thread, set_step, 7, 0, 0);
    CHECK_EQ(thread->step, 0);
    thread_start(thread, set_step, 8, 0, 0);
    CHECK_EQ(thread->step, 8);
}

TEST(tcb_write_registers_truncated)
{
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBWriteRegisters, 0, 1, 0, 0, 0, 0),
             seL4_TruncatedMessage);
    /* Says 20 words and sends 2. */
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBWriteRegisters, 0, 4, 0, 20, 0, 0),
             seL4_TruncatedMessage);
}

TEST(tcb_copy_registers)
{
    seL4_CPtr from = tcb_new(), to = tcb_new();
    seL4_UserContext in = {.rip = 0x1234, .rsp = 0x5678, .rbx = 0x9abc, .r15 = 0xdef0}, out;

    CHECK_OK(seL4_TCB_WriteRegisters(from, false, 0, seL4_UserContextWords, &in));
    CHECK_OK(seL4_TCB_CopyRegisters(to, from, false, false, true, true, 0));
    CHECK_OK(seL4_TCB_ReadRegisters(to, false, 0, seL4_UserContextWords, &out));
    CHECK_EQ(out.rip, 0x1234);
    CHECK_EQ(out.rsp, 0x5678);
    CHECK_EQ(out.rbx, 0x9abc);
    CHECK_EQ(out.r15, 0xdef0);
}

TEST(tcb_copy_registers_from_no_tcb)
{
    CHECK_EQ(seL4_TCB_CopyRegisters(tcb_new(), endpoint_new(), false, false, true, true, 0),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
}

TEST(tcb_copy_registers_truncated)
{
    seL4_SetCap(0, tcb_new());
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBCopyRegisters, 1, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBCopyRegisters, 0, 1, 0xc, 0, 0, 0),
             seL4_TruncatedMessage);
}
