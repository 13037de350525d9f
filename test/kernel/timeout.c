/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Timeout faults: a thread with a timeout endpoint whose budget is used up.
 */
#include "test.h"

static struct thread *with_timeout(seL4_Time budget, seL4_Time period, seL4_CPtr endpoint)
{
    struct thread *thread = thread_new_with(&(struct thread_options){
        .priority = HIGHER, .mcp = HIGHER, .budget = budget, .period = period, .badge = 0x1234});

    CHECK_OK(seL4_TCB_SetTimeoutEndpoint(thread->tcb, endpoint));
    return thread;
}

TEST(timeout_fault_message)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *thread = with_timeout(2000, 100000, cap_mint(endpoint, seL4_AllRights, 0x55));
    seL4_MessageInfo_t info;
    seL4_Word badge;

    thread_start(thread, thread_spin, 0, 0, 0);
    info = seL4_Recv(endpoint, &badge, reply_new());
    CHECK_EQ(badge, 0x55);
    CHECK_EQ(label_of(info), seL4_Fault_Timeout);
    CHECK_EQ(length_of(info), seL4_Timeout_Length);
    CHECK_EQ(seL4_GetMR(seL4_Timeout_Data), 0x1234);
    CHECK_RANGE(seL4_GetMR(seL4_Timeout_Consumed), 1900, 10000000);
}

TEST(timeout_fault_stops_the_thread)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *thread = with_timeout(1000, 5000, endpoint);
    seL4_Word step;

    thread_start(thread, thread_spin, 0, 0, 0);
    seL4_Recv(endpoint, NULL, reply_new());
    step = thread->step;
    sleep_us(10000);
    CHECK_EQ(thread->step, step);
}

/* The host may stop the machine for all of a budget: such a run shows no progress. */
TIMED_TEST(timeout_fault_reply_goes_on_with_the_next_budget)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *thread = with_timeout(1000, 3000, endpoint);
    seL4_Word step = 0;

    thread_start(thread, thread_spin, 0, 0, 0);
    seL4_Recv(endpoint, NULL, reply);
    for (int i = 0; i < 10; i++) {
        if (!IN_RANGE(thread->step, step + 1, ~(seL4_Word)0)) {
            return false;
        }
        step = thread->step;
        CHECK_EQ(label_of(seL4_ReplyRecv(endpoint, message(0, 0), NULL, reply)),
                 seL4_Fault_Timeout);
    }
    return true;
}

TEST(timeout_fault_reply_rewrites_registers)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *thread = with_timeout(1000, 3000, endpoint);
    struct thread *other = thread_new(HIGHER);
    seL4_UserContext regs;

    thread_prepare(other, thread_spin, 0, 0, 0);
    CHECK_OK(seL4_TCB_ReadRegisters(other->tcb, false, 0, seL4_UserContextWords, &regs));
    thread_start(thread, thread_spin, 0, 0, 0);
    seL4_Recv(endpoint, NULL, reply);
    /* The words stand in the order of seL4_UserContext, without GS base. */
    for (seL4_Word i = 0; i < seL4_TimeoutReply_Length; i++) {
        seL4_SetMR(i, (&regs.rip)[i]);
    }
    seL4_Send(reply, message(0, seL4_TimeoutReply_Length));
    sleep_us(5000);
    CHECK(other->step > 0);
}

TEST(timeout_fault_reply_with_label_leaves_it_stopped)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *thread = with_timeout(1000, 3000, endpoint);
    seL4_Word step;

    thread_start(thread, thread_spin, 0, 0, 0);
    seL4_Recv(endpoint, NULL, reply);
    step = thread->step;
    seL4_Send(reply, message(1, 0));
    sleep_us(6000);
    CHECK_EQ(thread->step, step);
}

/* Round robin has no timeouts: the slice is just over. */
TEST(timeout_fault_not_for_round_robin)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *thread = thread_new(LOWER);
    seL4_Word badge = 1;

    CHECK_OK(seL4_TCB_SetTimeoutEndpoint(thread->tcb, cap_mint(endpoint, seL4_AllRights, 9)));
    thread_start(thread, thread_spin, 0, 0, 0);
    sleep_us(20000);
    seL4_NBRecv(endpoint, &badge, reply_new());
    CHECK_EQ(badge, 0);
    CHECK(thread->step > 0);
}

static void recv_spin(struct thread *self)
{
    self->step = 1;
    seL4_Recv(self->arg[0], NULL, self->reply);
    for (;;) {
        self->step++;
    }
}

static void call_once(struct thread *self)
{
    self->result = label_of(seL4_Call(self->arg[0], message(0, 0)));
    self->step = 1;
}

/* A passive server that uses its client's budget up faults at its own endpoint, with the client's
 * data. */
TEST(timeout_fault_in_a_passive_server)
{
    seL4_CPtr endpoint = endpoint_new(), timeouts = endpoint_new(), reply = reply_new();
    struct thread *server = thread_run(HIGHER, recv_spin, endpoint, 0, 0);
    struct thread *client;
    seL4_MessageInfo_t info;
    seL4_Word badge;

    CHECK_OK(seL4_SchedContext_Unbind(server->sc));
    CHECK_OK(seL4_TCB_SetTimeoutEndpoint(server->tcb, cap_mint(timeouts, seL4_AllRights, 7)));
    client = with_timeout(2000, 50000, 0);
    thread_start(client, call_once, endpoint, 0, 0);
    info = seL4_Recv(timeouts, &badge, reply);
    CHECK_EQ(badge, 7);
    CHECK_EQ(label_of(info), seL4_Fault_Timeout);
    CHECK_EQ(seL4_GetMR(seL4_Timeout_Data), 0x1234);
    /* Answered on the server's behalf, the client goes on with its own context. */
    seL4_Send(server->reply, message(3, 0));
    thread_join(client);
    CHECK_EQ(client->result, 3);
}

static void proxy(struct thread *self)
{
    self->step = 1;
    seL4_Recv(self->arg[0], NULL, self->reply);
    self->step = 2;
    seL4_Call(self->arg[1], message(0, 0));
    self->step = 3;
    seL4_Send(self->reply, message(0, 0));
}

/* An answer that brings back a used-up budget is a timeout of the thread that gets it. */
TEST(timeout_fault_of_a_caller_that_gets_no_budget_back)
{
    seL4_CPtr first = endpoint_new(), second = endpoint_new(), timeouts = endpoint_new();
    struct thread *server = thread_run(HIGHER, recv_spin, second, 0, 0);
    struct thread *middle = thread_run(HIGHER, proxy, first, second, 0);
    struct thread *client;
    seL4_Word badge;

    CHECK_OK(seL4_SchedContext_Unbind(server->sc));
    CHECK_OK(seL4_SchedContext_Unbind(middle->sc));
    CHECK_OK(seL4_TCB_SetTimeoutEndpoint(server->tcb, cap_mint(timeouts, seL4_AllRights, 7)));
    CHECK_OK(seL4_TCB_SetTimeoutEndpoint(middle->tcb, cap_mint(timeouts, seL4_AllRights, 8)));
    client = with_timeout(50000, 5000000, 0);
    thread_start(client, call_once, first, 0, 0);
    seL4_Recv(timeouts, &badge, reply_new());
    CHECK_EQ(badge, 7);
    seL4_Send(server->reply, message(0, 0));
    CHECK_EQ(label_of(seL4_Recv(timeouts, &badge, reply_new())), seL4_Fault_Timeout);
    CHECK_EQ(badge, 8);
    CHECK_EQ(middle->step, 2);
}
