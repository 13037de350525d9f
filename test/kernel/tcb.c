/* SPDX-License-Identifier: BSD-2-Clause
 *
 * TCB invocations and their errors. Registers are in tcb_registers.c, priorities as the scheduler
 * sees them in scheduler.c, faults in fault.c.
 */
#include "test.h"

static void set_step(struct thread *self)
{
    self->step = self->arg[0];
}

TEST(tcb_configure_cspace_not_a_cnode)
{
    CHECK_EQ(seL4_TCB_Configure(tcb_new(), endpoint_new(), 0, VSPACE, 0, 0, 0),
             seL4_IllegalOperation);
    CHECK_EQ(seL4_TCB_Configure(tcb_new(), 0, 0, VSPACE, 0, 0, 0), seL4_IllegalOperation);
}

TEST(tcb_configure_vspace_not_a_pml4)
{
    CHECK_EQ(seL4_TCB_Configure(tcb_new(), ROOT, 0, endpoint_new(), 0, 0, 0),
             seL4_IllegalOperation);
    CHECK_EQ(seL4_TCB_Configure(tcb_new(), ROOT, 0, 0, 0, 0, 0), seL4_IllegalOperation);
}

TEST(tcb_configure_vspace_without_asid)
{
    seL4_Error error =
        seL4_TCB_Configure(tcb_new(), ROOT, 0, object_new(seL4_X64_PML4Object, 0), 0, 0, 0);

    CHECK_EQ(error, seL4_IllegalOperation);
}

TEST(tcb_configure_buffer_not_a_frame)
{
    CHECK_EQ(seL4_TCB_Configure(tcb_new(), ROOT, 0, VSPACE, 0, 0x10000000, endpoint_new()),
             seL4_IllegalOperation);
}

TEST(tcb_configure_buffer_misaligned)
{
    CHECK_EQ(seL4_TCB_Configure(tcb_new(), ROOT, 0, VSPACE, 0, 0x10000008, frame_new()),
             seL4_AlignmentError);
}

TEST(tcb_configure_without_buffer)
{
    CHECK_OK(seL4_TCB_Configure(tcb_new(), ROOT, 0, VSPACE, 0, 0, 0));
}

TEST(tcb_configure_truncated)
{
    seL4_SetCap(0, ROOT);
    seL4_SetCap(1, VSPACE);
    seL4_SetCap(2, 0);
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBConfigure, 3, 2, 0, 0, 0, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBConfigure, 2, 3, 0, 0, 0, 0), seL4_TruncatedMessage);
}

TEST(tcb_set_ipc_buffer_errors)
{
    CHECK_EQ(seL4_TCB_SetIPCBuffer(tcb_new(), 0x10000000, endpoint_new()), seL4_IllegalOperation);
    CHECK_EQ(seL4_TCB_SetIPCBuffer(tcb_new(), 0x10000010, frame_new()), seL4_AlignmentError);
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBSetIPCBuffer, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
}

TEST(tcb_set_ipc_buffer_none)
{
    CHECK_OK(seL4_TCB_SetIPCBuffer(tcb_new(), 0, 0));
}

TEST(tcb_set_ipc_buffer_device_frame)
{
    for (seL4_Word i = 0; i < boot_info->untyped.end - boot_info->untyped.start; i++) {
        seL4_CPtr frame = slot_new();

        if (boot_info->untypedList[i].isDevice && boot_info->untypedList[i].sizeBits >= 12) {
            CHECK_OK(seL4_Untyped_Retype(boot_info->untyped.start + i, seL4_X86_4K, 0, ROOT, 0, 0,
                                         frame, 1));
            CHECK_EQ(seL4_TCB_SetIPCBuffer(tcb_new(), 0x10000000, frame), seL4_IllegalOperation);
            return;
        }
    }
    test_skip("no device untyped");
}

TEST(tcb_set_space_errors)
{
    seL4_CPtr tcb = tcb_new();

    CHECK_EQ(seL4_TCB_SetSpace(tcb, 0, 0, 0, VSPACE, 0), seL4_IllegalOperation);
    CHECK_EQ(seL4_TCB_SetSpace(tcb, 0, ROOT, 0, 0, 0), seL4_IllegalOperation);
    CHECK_EQ(seL4_TCB_SetSpace(tcb, 0, endpoint_new(), 0, VSPACE, 0), seL4_IllegalOperation);
}

TEST(tcb_set_space_fault_endpoint_not_an_endpoint)
{
    CHECK_EQ(seL4_TCB_SetSpace(tcb_new(), notification_new(), ROOT, 0, VSPACE, 0),
             seL4_InvalidCapability);
}

TEST(tcb_set_space_truncated)
{
    seL4_SetCap(0, 0);
    seL4_SetCap(1, ROOT);
    seL4_SetCap(2, VSPACE);
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBSetSpace, 3, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBSetSpace, 2, 2, 0, 0, 0, 0), seL4_TruncatedMessage);
}

TEST(tcb_fault_endpoint_needs_send_and_grant)
{
    seL4_CPtr endpoint = endpoint_new();

    CHECK_EQ(seL4_TCB_SetSpace(tcb_new(), cap_copy(endpoint, seL4_CanRead), ROOT, 0, VSPACE, 0),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_TCB_SetSpace(tcb_new(), cap_copy(endpoint, seL4_CanWrite), ROOT, 0, VSPACE, 0),
             seL4_InvalidCapability);
    CHECK_OK(seL4_TCB_SetSpace(tcb_new(),
                               cap_copy(endpoint, seL4_CapRights_new(false, true, false, true)),
                               ROOT, 0, VSPACE, 0));
    CHECK_OK(seL4_TCB_SetSpace(tcb_new(),
                               cap_copy(endpoint, seL4_CapRights_new(true, false, false, true)),
                               ROOT, 0, VSPACE, 0));
}

TEST(tcb_set_timeout_endpoint_errors)
{
    seL4_CPtr tcb = tcb_new();

    CHECK_EQ(seL4_TCB_SetTimeoutEndpoint(tcb, notification_new()), seL4_InvalidCapability);
    CHECK_EQ(seL4_TCB_SetTimeoutEndpoint(tcb, cap_copy(endpoint_new(), seL4_CanWrite)),
             seL4_InvalidCapability);
    CHECK_OK(seL4_TCB_SetTimeoutEndpoint(tcb, endpoint_new()));
    CHECK_OK(seL4_TCB_SetTimeoutEndpoint(tcb, 0));
    CHECK_EQ(seL4_x64_invoke0(tcb, TCBSetTimeoutEndpoint, 0), seL4_TruncatedMessage);
}

TEST(tcb_set_priority_errors)
{
    CHECK_EQ(seL4_TCB_SetPriority(tcb_new(), seL4_CapInitThreadTCB, 256), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_EQ(seL4_GetMR(1), 255);
    CHECK_EQ(seL4_TCB_SetPriority(tcb_new(), endpoint_new(), 1), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBSetPriority, 0, 1, 5, 0, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, seL4_CapInitThreadTCB);
    CHECK_EQ(seL4_x64_invoke(tcb_new(), TCBSetPriority, 1, 0, 5, 0, 0, 0), seL4_TruncatedMessage);
}

TEST(tcb_set_priority_above_the_authoritys_mcp)
{
    seL4_CPtr authority = tcb_new();

    CHECK_OK(seL4_TCB_SetMCPriority(authority, seL4_CapInitThreadTCB, 50));
    CHECK_EQ(seL4_TCB_SetPriority(tcb_new(), authority, 51), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(1), 50);
    CHECK_OK(seL4_TCB_SetPriority(tcb_new(), authority, 50));
}

TEST(tcb_set_mcp_errors)
{
    seL4_CPtr authority = tcb_new();

    CHECK_OK(seL4_TCB_SetMCPriority(authority, seL4_CapInitThreadTCB, 50));
    CHECK_EQ(seL4_TCB_SetMCPriority(tcb_new(), authority, 51), seL4_RangeError);
    CHECK_EQ(seL4_TCB_SetMCPriority(tcb_new(), endpoint_new(), 1), seL4_InvalidCapability);
    CHECK_EQ(seL4_TCB_SetMCPriority(tcb_new(), seL4_CapInitThreadTCB, 256), seL4_RangeError);
}

TEST(tcb_set_sched_params_errors)
{
    seL4_CPtr tcb = tcb_new();

    CHECK_EQ(seL4_TCB_SetSchedParams(tcb, endpoint_new(), 1, 1, 0, 0), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, 256, 1, 0, 0), seL4_RangeError);
    CHECK_EQ(seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, 1, 256, 0, 0), seL4_RangeError);
    CHECK_EQ(seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, 1, 1, endpoint_new(), 0),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 2);
    CHECK_EQ(seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, 1, 1, 0, notification_new()),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 3);
}

TEST(tcb_set_sched_params_bound_already)
{
    seL4_CPtr tcb = tcb_new(), sc = sc_new();

    CHECK_OK(seL4_SchedContext_Bind(sc, tcb));
    CHECK_EQ(seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, 1, 1, sc_new(), 0),
             seL4_IllegalOperation);
    CHECK_EQ(seL4_TCB_SetSchedParams(tcb_new(), seL4_CapInitThreadTCB, 1, 1, sc, 0),
             seL4_IllegalOperation);
    CHECK_OK(seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, 1, 1, sc, 0));
    CHECK_OK(seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, 1, 1, 0, 0));
    CHECK_OK(seL4_TCB_SetSchedParams(tcb_new(), seL4_CapInitThreadTCB, 1, 1, sc, 0));
}

TEST(tcb_suspend_and_resume)
{
    struct thread *thread = thread_run(LOWER, thread_spin, 0, 0, 0);
    seL4_Word step;

    sleep_us(3000);
    CHECK_OK(seL4_TCB_Suspend(thread->tcb));
    step = thread->step;
    CHECK(step > 0);
    sleep_us(3000);
    CHECK_EQ(thread->step, step);
    CHECK_OK(seL4_TCB_Resume(thread->tcb));
    sleep_us(3000);
    CHECK(thread->step > step);
}

TEST(tcb_resume_self_and_running)
{
    CHECK_OK(seL4_TCB_Resume(test_tcb));
}

TEST(tcb_suspend_twice)
{
    seL4_CPtr tcb = tcb_new();

    CHECK_OK(seL4_TCB_Suspend(tcb));
    CHECK_OK(seL4_TCB_Suspend(tcb));
}

static void call_then_step(struct thread *self)
{
    self->result = label_of(seL4_Call(self->arg[0], message(0, 0)));
    self->step = 1;
}

TEST(tcb_suspend_cancels_ipc_and_resume_restarts_it)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *thread = thread_run(HIGHER, call_then_step, endpoint, 0, 0);
    seL4_Word badge = 1;

    CHECK_OK(seL4_TCB_Suspend(thread->tcb));
    seL4_NBRecv(endpoint, &badge, reply);
    CHECK_EQ(badge, 0);
    CHECK_OK(seL4_TCB_Resume(thread->tcb));
    seL4_Recv(endpoint, NULL, reply);
    seL4_Send(reply, message(3, 0));
    CHECK_EQ(thread->step, 1);
    CHECK_EQ(thread->result, 3);
}

TEST(tcb_set_tls_base)
{
    seL4_CPtr tcb = tcb_new();
    seL4_UserContext regs;

    CHECK_OK(seL4_TCB_SetTLSBase(tcb, 0x12345000));
    CHECK_OK(seL4_TCB_ReadRegisters(tcb, false, 0, seL4_UserContextWords, &regs));
    CHECK_EQ(regs.fs_base, 0x12345000);
    CHECK_EQ(seL4_x64_invoke0(tcb, TCBSetTLSBase, 0), seL4_TruncatedMessage);
}

/* Loading such an address faults in ring 0 (SDM volume 4, IA32_FS_BASE): the kernel must not. */
TEST(tcb_set_tls_base_not_canonical)
{
    seL4_CPtr faults = endpoint_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = LOWER, .mcp = LOWER, .fault_ep = faults});

    thread_prepare(thread, set_step, 1, 0, 0);
    CHECK_OK(seL4_TCB_SetTLSBase(thread->tcb, 0x8000000000000000ull));
    CHECK_OK(seL4_TCB_Resume(thread->tcb));
    seL4_Recv(faults, NULL, thread->reply);
    CHECK_EQ(thread->step, 0);
}

TEST(tcb_set_flags)
{
    seL4_CPtr tcb = tcb_new();
    seL4_TCB_SetFlags_t result = seL4_TCB_SetFlags(tcb, 0, 0);

    CHECK_OK(result.error);
    CHECK_EQ(result.flags, 0);
    result = seL4_TCB_SetFlags(tcb, 0, seL4_TCBFlag_fpuDisabled);
    CHECK_EQ(result.flags, seL4_TCBFlag_fpuDisabled);
    result = seL4_TCB_SetFlags(tcb, seL4_TCBFlag_fpuDisabled, 0);
    CHECK_EQ(result.flags, 0);
    CHECK_EQ(seL4_x64_invoke1(tcb, TCBSetFlags, 0, 0), seL4_TruncatedMessage);
}

TEST(tcb_set_flags_set_wins_over_clear)
{
    CHECK_EQ(seL4_TCB_SetFlags(tcb_new(), seL4_TCBFlag_fpuDisabled, seL4_TCBFlag_fpuDisabled).flags,
             seL4_TCBFlag_fpuDisabled);
}

TEST(tcb_set_flags_unknown_bits)
{
    CHECK_EQ(seL4_TCB_SetFlags(tcb_new(), 0, ~(seL4_Word)1).flags, 0);
}

TEST(tcb_bind_notification)
{
    seL4_CPtr tcb = tcb_new(), notification = notification_new();

    CHECK_OK(seL4_TCB_BindNotification(tcb, notification));
    CHECK_EQ(seL4_TCB_BindNotification(tcb, notification_new()), seL4_IllegalOperation);
    CHECK_EQ(seL4_TCB_BindNotification(tcb_new(), notification), seL4_IllegalOperation);
    CHECK_OK(seL4_TCB_UnbindNotification(tcb));
    CHECK_EQ(seL4_TCB_UnbindNotification(tcb), seL4_IllegalOperation);
}

TEST(tcb_bind_notification_errors)
{
    CHECK_EQ(seL4_TCB_BindNotification(tcb_new(), endpoint_new()), seL4_IllegalOperation);
    CHECK_EQ(seL4_TCB_BindNotification(tcb_new(), cap_copy(notification_new(), seL4_CanWrite)),
             seL4_IllegalOperation);
    CHECK_EQ(seL4_x64_invoke0(tcb_new(), TCBBindNotification, 0), seL4_TruncatedMessage);
}

static void wait_forever(struct thread *self)
{
    self->step = 1;
    seL4_Wait(self->arg[0], NULL);
    self->step = 2;
}

TEST(tcb_bind_notification_that_is_waited_on)
{
    seL4_CPtr notification = notification_new();
    struct thread *thread = thread_run(HIGHER, wait_forever, notification, 0, 0);

    CHECK_EQ(thread->step, 1);
    CHECK_EQ(seL4_TCB_BindNotification(tcb_new(), notification), seL4_IllegalOperation);
}

TEST(tcb_delete_of_a_blocked_thread)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *thread = thread_run(HIGHER, call_then_step, endpoint, 0, 0);
    seL4_Word badge = 1;

    CHECK_OK(cap_delete(thread->tcb));
    seL4_NBRecv(endpoint, &badge, reply_new());
    CHECK_EQ(badge, 0);
}

TEST(tcb_delete_one_of_two_capabilities)
{
    struct thread *thread = thread_run(LOWER, thread_spin, 0, 0, 0);
    seL4_CPtr copy = cap_copy(thread->tcb, seL4_AllRights);
    seL4_Word step;

    CHECK_OK(cap_delete(copy));
    sleep_us(2000);
    step = thread->step;
    sleep_us(2000);
    CHECK(thread->step > step);
}

TEST(tcb_other_label)
{
    CHECK_EQ(seL4_x64_invoke0(tcb_new(), CNodeRevoke, 0), seL4_IllegalOperation);
}
