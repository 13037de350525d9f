/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Several cores: threads that move, IPC between cores, and what one core takes away from another.
 */
#include "test.h"

static void step_once(struct thread *self)
{
    self->step = 1;
}

static struct thread *thread_on(seL4_Word core, seL4_Word priority)
{
    return thread_new_with(
        &(struct thread_options){.priority = priority, .mcp = priority, .core = core});
}

/* Waits, busy, as long as a test may take: the other core makes its way meanwhile. */
#define AWAIT(condition)       \
    do {                       \
        while (!(condition)) { \
            spin_us(100);      \
        }                      \
    } while (0)

static bool moves(struct thread *thread)
{
    seL4_Word step = thread->step;

    for (int i = 0; i < 5000; i++) {
        spin_us(1000);
        if (thread->step != step) {
            return true;
        }
    }
    return false;
}

static bool stands(struct thread *thread)
{
    seL4_Word step;

    spin_us(1000);
    step = thread->step;
    spin_us(20000);
    return thread->step == step;
}

/* A thread that spins on a core, and is seen to. */
static struct thread *running_on(seL4_Word core)
{
    struct thread *thread = thread_on(core, LOWER);

    thread_start(thread, thread_spin, 0, 0, 0);
    AWAIT(thread->step > 0);
    return thread;
}

static seL4_Error move_to(struct thread *thread, seL4_Word core)
{
    return seL4_SchedControl_Configure(boot_info->schedcontrol.start + core, thread->sc, 5000, 5000,
                                       0, 0);
}

TEST(smp_every_core_runs_a_thread)
{
    need_cores(2);
    for (seL4_Word core = 1; core < boot_info->numNodes; core++) {
        (void)running_on(core);
    }
}

TEST(smp_threads_of_lower_priority_run_beside_the_test)
{
    struct thread *thread;

    need_cores(2);
    thread = thread_on(1, 1);
    thread_start(thread, thread_spin, 0, 0, 0);
    CHECK(moves(thread));
}

TEST(smp_suspend_and_resume)
{
    struct thread *thread;

    need_cores(2);
    thread = running_on(1);
    for (int i = 0; i < 20; i++) {
        CHECK_OK(seL4_TCB_Suspend(thread->tcb));
        CHECK(stands(thread));
        CHECK_OK(seL4_TCB_Resume(thread->tcb));
        CHECK(moves(thread));
    }
}

TEST(smp_move_between_cores)
{
    struct thread *thread;

    need_cores(2);
    thread = thread_on(0, LOWER);
    thread_start(thread, thread_spin, 0, 0, 0);
    CHECK(stands(thread));
    for (int round = 0; round < 3; round++) {
        for (seL4_Word core = 1; core < boot_info->numNodes; core++) {
            CHECK_OK(move_to(thread, core));
            CHECK(moves(thread));
        }
        CHECK_OK(move_to(thread, 0));
        CHECK(stands(thread));
    }
}

TEST(smp_affinity_is_reported)
{
    struct thread *thread;

    need_debug();
    need_cores(2);
    thread = thread_on(1, LOWER);
    CHECK_EQ(seL4_DebugGetThreadAffinity(thread->tcb), 1);
    CHECK_OK(move_to(thread, 0));
    CHECK_EQ(seL4_DebugGetThreadAffinity(thread->tcb), 0);
}

TEST(smp_delete_a_running_thread)
{
    need_cores(2);
    for (int i = 0; i < 10; i++) {
        struct thread *thread = running_on(1);

        CHECK_OK(cap_delete(thread->tcb));
        CHECK(stands(thread));
    }
}

TEST(smp_delete_the_context_of_a_running_thread)
{
    struct thread *thread;

    need_cores(2);
    thread = running_on(1);
    CHECK_OK(cap_delete(thread->sc));
    CHECK(stands(thread));
}

TEST(smp_delete_the_context_while_its_budget_ends)
{
    need_cores(2);
    for (int i = 0; i < 10; i++) {
        struct thread *thread = thread_new_with(&(struct thread_options){
            .priority = LOWER, .mcp = LOWER, .core = 1, .budget = 20, .period = 100});

        thread_start(thread, thread_spin, 0, 0, 0);
        AWAIT(thread->step > 0);
        CHECK_OK(cap_delete(thread->sc));
    }
}

TEST(smp_unbind_the_context_of_a_running_thread)
{
    struct thread *thread;

    need_cores(2);
    thread = running_on(1);
    CHECK_OK(seL4_SchedContext_Unbind(thread->sc));
    CHECK(stands(thread));
    CHECK_OK(seL4_SchedContext_Bind(thread->sc, thread->tcb));
    CHECK(moves(thread));
}

TEST(smp_registers_of_a_running_thread)
{
    struct thread *thread;
    seL4_UserContext regs;

    need_cores(2);
    thread = running_on(1);
    CHECK_OK(seL4_TCB_ReadRegisters(thread->tcb, true, 0, seL4_UserContextWords, &regs));
    CHECK(stands(thread));
    CHECK(regs.rsp < thread->stack_top && regs.rsp > thread->stack_top - 8192);
    thread->step = 0;
    thread_start(thread, step_once, 0, 0, 0);
    AWAIT(thread->done);
    CHECK_EQ(thread->step, 1);
}

TEST(smp_priority_of_a_running_thread)
{
    struct thread *a, *b;

    need_cores(2);
    a = thread_on(1, LOWER);
    b = thread_on(1, LOWER - 1);
    thread_start(a, thread_spin, 0, 0, 0);
    thread_start(b, thread_spin, 0, 0, 0);
    CHECK(moves(a));
    CHECK(stands(b));
    CHECK_OK(seL4_TCB_SetPriority(a->tcb, seL4_CapInitThreadTCB, LOWER - 2));
    CHECK(moves(b));
    CHECK(stands(a));
}

/* IPC. */

static void echo(struct thread *self)
{
    seL4_MessageInfo_t info = seL4_Recv(self->arg[0], NULL, self->reply);

    for (;;) {
        for (seL4_Word i = 0; i < length_of(info); i++) {
            seL4_SetMR(i, seL4_GetMR(i) + 1);
        }
        info = seL4_ReplyRecv(self->arg[0], info, NULL, self->reply);
    }
}

TEST(smp_call_between_cores)
{
    seL4_CPtr endpoint;

    need_cores(2);
    endpoint = endpoint_new();
    thread_start(thread_on(1, HIGHER), echo, endpoint, 0, 0);
    for (seL4_Word length = 0; length <= seL4_MsgMaxLength; length++) {
        for (seL4_Word i = 0; i < length; i++) {
            seL4_SetMR(i, length + i);
        }
        CHECK_EQ(length_of(seL4_Call(endpoint, message(0, length))), length);
        for (seL4_Word i = 0; i < length; i++) {
            CHECK_EQ(seL4_GetMR(i), length + i + 1);
        }
    }
}

static void signal_back(struct thread *self)
{
    for (seL4_Word i = 0; i < self->arg[2]; i++) {
        seL4_Wait(self->arg[0], NULL);
        self->step++;
        seL4_Signal(self->arg[1]);
    }
}

TEST(smp_signals_between_cores)
{
    seL4_CPtr there, back;
    struct thread *thread;

    need_cores(2);
    there = notification_new();
    back = notification_new();
    thread = thread_on(1, HIGHER);
    thread_start(thread, signal_back, there, back, 500);
    for (seL4_Word i = 0; i < 500; i++) {
        seL4_Signal(there);
        seL4_Wait(back, NULL);
        CHECK_EQ(thread->step, i + 1);
    }
}

/* A passive server follows its caller's scheduling context to the caller's core. */
static void call_many(struct thread *self)
{
    for (seL4_Word i = 0; i < 50; i++) {
        seL4_SetMR(0, i);
        seL4_Call(self->arg[0], message(0, 1));
        if (seL4_GetMR(0) != i + 1) {
            self->result = 1;
        }
        self->step++;
    }
}

TEST(smp_passive_server_of_clients_on_all_cores)
{
    seL4_CPtr endpoint;
    struct thread *server, *clients[16];
    seL4_Word n = boot_info->numNodes;

    need_cores(2);
    endpoint = endpoint_new();
    server = thread_run(HIGHER, echo, endpoint, 0, 0);
    CHECK_OK(seL4_SchedContext_Unbind(server->sc));
    for (seL4_Word i = 1; i < n; i++) {
        clients[i] = thread_on(i, LOWER);
        thread_start(clients[i], call_many, endpoint, 0, 0);
    }
    for (seL4_Word i = 1; i < n; i++) {
        thread_join(clients[i]);
        CHECK_EQ(clients[i]->step, 50);
        CHECK_EQ(clients[i]->result, 0);
    }
}

static void yield_often(struct thread *self)
{
    for (;;) {
        self->step++;
        seL4_Yield();
    }
}

TEST(smp_cores_contend_for_the_kernel)
{
    struct thread *threads[16];
    seL4_Word n = boot_info->numNodes;

    need_cores(2);
    for (seL4_Word i = 1; i < n; i++) {
        threads[i] = thread_on(i, LOWER);
        thread_start(threads[i], yield_often, 0, 0, 0);
    }
    for (int i = 0; i < 2000; i++) {
        CHECK_OK(cap_delete(endpoint_new()));
        if (i % 200 == 199) {
            seL4_Yield();
        }
    }
    for (seL4_Word i = 1; i < n; i++) {
        while (threads[i]->step == 0) {
            seL4_Yield();
        }
        CHECK_OK(cap_delete(threads[i]->tcb));
    }
}

/* Translations. */

static void write_page(struct thread *self)
{
    volatile seL4_Word *page = (volatile seL4_Word *)self->arg[0];

    for (;;) {
        *page = 1;
        self->step++;
    }
}

static void check_unmap_reaches_other_cores(seL4_CPtr vspace)
{
    seL4_CPtr frame = frame_new(), faults = endpoint_new();
    struct thread *thread = thread_new_with(&(struct thread_options){
        .priority = LOWER, .mcp = LOWER, .core = 1, .vspace = vspace, .fault_ep = faults});

    CHECK_OK(
        seL4_X86_PageTable_Map(object_new(seL4_X86_PageTableObject, 0), vspace, 0x10000000, 0));
    CHECK_OK(seL4_X86_Page_Map(frame, vspace, 0x10000000, seL4_AllRights, 0));
    thread_start(thread, write_page, 0x10000000, 0, 0);
    AWAIT(thread->step > 0);
    CHECK_OK(seL4_X86_Page_Unmap(frame));
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_VMFault);
    CHECK_EQ(seL4_GetMR(seL4_VMFault_Addr), 0x10000000);
}

TEST(smp_unmap_reaches_other_cores)
{
    need_cores(2);
    check_unmap_reaches_other_cores(VSPACE);
}

TEST(smp_unmap_reaches_other_cores_in_another_space)
{
    need_cores(2);
    check_unmap_reaches_other_cores(space_new());
}

TEST(smp_vspace_revoked_under_a_thread_on_another_core)
{
    seL4_CPtr pml4, faults;
    struct thread *thread;

    need_cores(2);
    pml4 = space_new();
    faults = endpoint_new();
    thread = thread_new_with(&(struct thread_options){
        .priority = LOWER, .mcp = LOWER, .core = 1, .vspace = pml4, .fault_ep = faults});
    thread_start(thread, thread_spin, 0, 0, 0);
    AWAIT(thread->step > 0);
    CHECK_OK(cap_revoke(pml4));
    CHECK_OK(cap_delete(pml4));
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_VMFault);
}

/* FPU state moves along. */

/* Does the same sum over and over; it says every now and then that it is in the middle of it. */
static void compute(struct thread *self)
{
    while (*(volatile seL4_Word *)&self->arg[0] == 0) {
        double x = 1.0;

        for (int i = 0; i < 2000; i++) {
            x = x * 1.000001 + 0.5;
            x = x > 100.0 ? x / 3.0 : x;
            self->step += i % 64 == 0;
        }
        if (self->result == 0) {
            __builtin_memcpy((void *)(uintptr_t)&self->result, &x, sizeof(x));
        }
        if (__builtin_memcmp((const void *)(uintptr_t)&self->result, &x, sizeof(x)) != 0) {
            self->arg[1] = 1;
        }
    }
}

/* Sleeps until the thread has got on, however long it takes the machine. */
static void sleep_until_beyond(struct thread *thread, seL4_Word step)
{
    while (thread->step <= step) {
        sleep_us(1000);
    }
}

TEST(smp_fpu_state_moves_between_cores)
{
    struct thread *threads[4];
    seL4_Word n = boot_info->numNodes < 4 ? boot_info->numNodes : 4;

    need_cores(2);
    for (seL4_Word i = 0; i < n; i++) {
        threads[i] = thread_on(i, LOWER);
        thread_start(threads[i], compute, 0, 0, 0);
    }
    for (seL4_Word round = 1; round < 16; round++) {
        seL4_Word steps[4];

        for (seL4_Word i = 0; i < n; i++) {
            CHECK_OK(move_to(threads[i], (i + round) % n));
            steps[i] = threads[i]->step;
        }
        for (seL4_Word i = 0; i < n; i++) {
            sleep_until_beyond(threads[i], steps[i]);
        }
    }
    for (seL4_Word i = 0; i < n; i++) {
        threads[i]->arg[0] = 1;
        thread_join(threads[i]);
        CHECK_EQ(threads[i]->arg[1], 0);
    }
}

TEST(smp_yield_to_another_core)
{
    struct thread *thread;

    need_cores(2);
    thread = thread_on(1, LOWER);
    thread_start(thread, thread_spin, 0, 0, 0);
    CHECK_EQ(seL4_SchedContext_YieldTo(thread->sc).error, seL4_IllegalOperation);
}

TEST(smp_consumed_on_another_core)
{
    struct thread *thread;
    uint64_t start;

    need_cores(2);
    thread = thread_on(1, LOWER);
    start = time_now();
    thread_start(thread, thread_spin, 0, 0, 0);
    spin_us(30000);
    CHECK_RANGE(seL4_SchedContext_Consumed(thread->sc).consumed, 100,
                time_us(time_now() - start) + 1000);
}

/* Asks for core 1 and waits, in one call. */
static void moves_and_waits(struct thread *self)
{
    self->step = 1;
    seL4_SetCap(0, self->sc);
    seL4_SetMR(0, 5000);
    seL4_SetMR(1, 5000);
    seL4_SetMR(2, 0);
    seL4_SetMR(3, 0);
    seL4_SetMR(4, 0);
    seL4_NBSendRecv(self->arg[1], seL4_MessageInfo_new(SchedControlConfigureFlags, 0, 1, 5),
                    self->arg[0], NULL, self->reply);
    self->step = 2;
}

TEST(smp_move_oneself_and_wait)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *thread;

    need_cores(2);
    thread = thread_run(HIGHER, moves_and_waits, endpoint, boot_info->schedcontrol.start + 1, 0);
    sleep_us(20000);
    CHECK_EQ(thread->step, 1);
    for (unsigned i = 0; i < 1000 && thread->step == 1; i++) {
        seL4_NBSend(endpoint, message(0, 0));
        sleep_us(2000);
    }
    thread_join(thread);
    CHECK_EQ(thread->step, 2);
}

TEST(smp_move_oneself_and_take_a_signal)
{
    seL4_CPtr notification = notification_new();
    struct thread *thread;

    need_cores(2);
    seL4_Signal(notification);
    thread =
        thread_run(HIGHER, moves_and_waits, notification, boot_info->schedcontrol.start + 1, 0);
    thread_join(thread);
    CHECK_EQ(thread->step, 2);
}
