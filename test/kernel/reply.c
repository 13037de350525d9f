/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reply objects, and scheduling contexts that travel with calls.
 */
#include "test.h"

static void call_one(struct thread *self)
{
    self->step = 1;
    self->result = label_of(seL4_Call(self->arg[0], message(0, 0)));
    self->step = 2;
}

static void recv_reply(struct thread *self)
{
    self->step = 1;
    seL4_Recv(self->arg[0], NULL, self->reply);
    self->step = 2;
    seL4_Send(self->reply, message(7, 0));
    self->step = 3;
}

/* Receives and then holds what it runs on. */
static void recv_spin(struct thread *self)
{
    self->step = 1;
    seL4_Recv(self->arg[0], NULL, self->reply);
    for (;;) {
        self->step++;
    }
}

/* A passive thread that waits on endpoint. */
static struct thread *passive(seL4_Word priority, void (*entry)(struct thread *self),
                              seL4_CPtr endpoint, seL4_Word a1)
{
    struct thread *thread = thread_run(priority, entry, endpoint, a1, 0);

    for (int i = 0; i < 50 && thread->step == 0; i++) {
        sleep_us(1000);
    }
    sleep_us(1000);
    CHECK_EQ(thread->step, 1);
    CHECK_OK(seL4_SchedContext_Unbind(thread->sc));
    return thread;
}

TEST(reply_send_answers_the_call)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_one, endpoint, 0, 0);

    seL4_Recv(endpoint, NULL, reply);
    CHECK_EQ(caller->step, 1);
    seL4_Send(reply, message(5, 0));
    CHECK_EQ(caller->step, 2);
    CHECK_EQ(caller->result, 5);
}

TEST(reply_nbsend_answers_too)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_one, endpoint, 0, 0);

    seL4_Recv(endpoint, NULL, reply);
    seL4_NBSend(reply, message(6, 0));
    CHECK_EQ(caller->result, 6);
}

TEST(reply_is_good_for_one_answer)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_one, endpoint, 0, 0);

    seL4_Recv(endpoint, NULL, reply);
    seL4_Send(reply, message(5, 0));
    seL4_Send(reply, message(6, 0));
    CHECK_EQ(caller->result, 5);
    thread_start(caller, call_one, endpoint, 0, 0);
    seL4_Send(reply, message(8, 0));
    CHECK_EQ(caller->step, 1);
}

TEST(reply_that_nobody_waits_for)
{
    seL4_Send(reply_new(), message(0, 0));
    seL4_NBSend(reply_new(), message(0, 0));
    CHECK_EQ(label_of(seL4_Call(reply_new(), message(0, 0))), 0);
}

TEST(reply_used_again_drops_the_first_caller)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *a = thread_run(HIGHER, call_one, endpoint, 0, 0);
    struct thread *b;

    seL4_Recv(endpoint, NULL, reply);
    b = thread_run(HIGHER, call_one, endpoint, 0, 0);
    seL4_Recv(endpoint, NULL, reply);
    seL4_Send(reply, message(4, 0));
    CHECK_EQ(b->step, 2);
    CHECK_EQ(a->step, 1);
}

TEST(reply_answers_in_any_order)
{
    seL4_CPtr endpoint = endpoint_new(), first = reply_new(), second = reply_new();
    struct thread *a = thread_run(HIGHER, call_one, endpoint, 0, 0);
    struct thread *b = thread_run(HIGHER, call_one, endpoint, 0, 0);

    seL4_Recv(endpoint, NULL, first);
    seL4_Recv(endpoint, NULL, second);
    seL4_Send(first, message(1, 0));
    CHECK_EQ(a->step, 2);
    CHECK_EQ(b->step, 1);
    seL4_Send(second, message(2, 0));
    CHECK_EQ(b->result, 2);
}

TEST(reply_deleted_leaves_the_caller_blocked)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_one, endpoint, 0, 0);

    seL4_Recv(endpoint, NULL, reply);
    CHECK_OK(cap_delete(reply));
    CHECK_EQ(caller->step, 1);
    CHECK_OK(seL4_TCB_Suspend(caller->tcb));
}

TEST(reply_to_a_suspended_caller)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_one, endpoint, 0, 0);

    seL4_Recv(endpoint, NULL, reply);
    CHECK_OK(seL4_TCB_Suspend(caller->tcb));
    seL4_Send(reply, message(5, 0));
    CHECK_EQ(caller->step, 1);
}

TEST(reply_to_a_deleted_caller)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_one, endpoint, 0, 0);

    seL4_Recv(endpoint, NULL, reply);
    CHECK_OK(cap_delete(caller->tcb));
    seL4_Send(reply, message(5, 0));
}

TEST(reply_in_use_by_a_waiting_receiver)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *receiver = thread_run(HIGHER, recv_reply, endpoint, 0, 0);
    seL4_Word badge = 1;

    /* Receiving with the same object takes it from the thread that waits with it. */
    seL4_NBRecv(endpoint_new(), &badge, receiver->reply);
    CHECK_EQ(badge, 0);
    CHECK_EQ(receiver->step, 1);
}

TEST(reply_recv_answers_and_waits)
{
    seL4_CPtr endpoint = endpoint_new(), reply = reply_new();
    struct thread *caller = thread_run(HIGHER, call_one, endpoint, 0, 0);

    seL4_Recv(endpoint, NULL, reply);
    thread_run(HIGHER, call_one, endpoint, 0, 0);
    seL4_ReplyRecv(endpoint, message(9, 0), NULL, reply);
    CHECK_EQ(caller->result, 9);
}

/* Donation. */

TEST(donation_call_runs_a_passive_server)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = passive(HIGHER, recv_reply, endpoint, 0);

    CHECK_EQ(label_of(seL4_Call(endpoint, message(0, 0))), 7);
    CHECK_EQ(server->step, 2);
}

TEST(donation_call_runs_a_passive_server_of_lower_priority)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = passive(LOWER, recv_reply, endpoint, 0);

    CHECK_EQ(label_of(seL4_Call(endpoint, message(0, 0))), 7);
    CHECK_EQ(server->step, 2);
}

/* The answer returns the scheduling context, and the server stops on the spot. */
TEST(donation_ends_with_the_reply)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = passive(HIGHER, recv_reply, endpoint, 0);

    seL4_Call(endpoint, message(0, 0));
    CHECK_EQ(server->step, 2);
    CHECK_OK(seL4_SchedContext_Bind(server->sc, server->tcb));
    CHECK_EQ(server->step, 3);
}

TEST(donation_send_does_not_donate)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = passive(HIGHER, recv_reply, endpoint, 0);

    seL4_Send(endpoint, message(0, 0));
    CHECK_EQ(server->step, 1);
    CHECK_OK(seL4_SchedContext_Bind(server->sc, server->tcb));
    CHECK_EQ(server->step, 3);
}

static void nbsend_wait(struct thread *self)
{
    self->step = 1;
    seL4_NBSendWait(self->arg[0], message(0, 0), self->arg[1], NULL);
    self->step = 2;
}

static void wait_step(struct thread *self)
{
    self->step = 1;
    seL4_Wait(self->arg[0], NULL);
    self->step = 2;
}

TEST(donation_nbsend_wait_donates)
{
    seL4_CPtr endpoint = endpoint_new(), other = endpoint_new();
    struct thread *server = passive(HIGHER, wait_step, endpoint, 0);
    struct thread *client = thread_run(HIGHER, nbsend_wait, endpoint, other, 0);

    CHECK_EQ(server->step, 2);
    CHECK_EQ(client->step, 1);
    /* The client gave its scheduling context away for good. */
    seL4_NBSend(other, message(0, 0));
    CHECK_EQ(client->step, 1);
    CHECK_EQ(seL4_SchedContext_UnbindObject(client->sc, client->tcb), seL4_IllegalOperation);
    CHECK_OK(seL4_SchedContext_UnbindObject(client->sc, server->tcb));
    CHECK_OK(seL4_SchedContext_Bind(client->sc, client->tcb));
    CHECK_EQ(client->step, 2);
}

TEST(donation_server_with_its_own_context_takes_none)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = thread_run(HIGHER, recv_reply, endpoint, 0, 0);

    CHECK_EQ(label_of(seL4_Call(endpoint, message(0, 0))), 7);
    CHECK_EQ(server->step, 3);
    CHECK_OK(seL4_SchedContext_UnbindObject(server->sc, server->tcb));
}

TEST(donation_reply_deleted_returns_it_to_the_caller)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = passive(LOWER, recv_spin, endpoint, 0);
    struct thread *client = thread_run(LOWER, call_one, endpoint, 0, 0);
    seL4_Word step;

    sleep_us(3000);
    CHECK(server->step > 1);
    CHECK_OK(cap_delete(server->reply));
    step = server->step;
    sleep_us(3000);
    CHECK_EQ(server->step, step);
    CHECK_EQ(client->step, 1);
    CHECK_OK(seL4_SchedContext_UnbindObject(client->sc, client->tcb));
}

/* The reply object is what leads back to the caller. */
TEST(donation_server_deleted_then_reply)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = passive(LOWER, recv_spin, endpoint, 0);
    struct thread *client = thread_run(LOWER, call_one, endpoint, 0, 0);

    sleep_us(3000);
    CHECK(server->step > 1);
    CHECK_OK(cap_delete(server->tcb));
    CHECK_EQ(client->step, 1);
    CHECK_OK(cap_delete(server->reply));
    CHECK_OK(seL4_SchedContext_UnbindObject(client->sc, client->tcb));
}

static void proxy(struct thread *self)
{
    self->step = 1;
    seL4_Recv(self->arg[0], NULL, self->reply);
    self->step = 2;
    self->result = label_of(seL4_Call(self->arg[1], message(0, 0)));
    self->step = 3;
    seL4_Send(self->reply, message(self->result + 1, 0));
}

TEST(donation_through_a_chain)
{
    seL4_CPtr first = endpoint_new(), second = endpoint_new();

    passive(HIGHER, recv_reply, second, 0);
    passive(HIGHER, proxy, first, second);
    CHECK_EQ(label_of(seL4_Call(first, message(0, 0))), 8);
}

TEST(donation_chain_unwinds_reply_by_reply)
{
    seL4_CPtr first = endpoint_new(), second = endpoint_new();
    struct thread *server = passive(LOWER, recv_spin, second, 0);
    struct thread *middle = passive(LOWER, proxy, first, second);
    struct thread *client = thread_run(LOWER, call_one, first, 0, 0);

    sleep_us(3000);
    CHECK(server->step > 1);
    CHECK_OK(cap_delete(server->reply));
    CHECK_EQ(seL4_SchedContext_UnbindObject(client->sc, client->tcb), seL4_IllegalOperation);
    CHECK_OK(cap_delete(middle->reply));
    CHECK_OK(seL4_SchedContext_UnbindObject(client->sc, client->tcb));
}

TEST(donation_chain_broken_in_the_middle)
{
    seL4_CPtr first = endpoint_new(), second = endpoint_new();
    struct thread *server = passive(LOWER, recv_spin, second, 0);
    struct thread *middle = passive(LOWER, proxy, first, second);
    struct thread *client = thread_run(LOWER, call_one, first, 0, 0);

    sleep_us(3000);
    CHECK(server->step > 1);
    CHECK_OK(cap_delete(middle->reply));
    CHECK_OK(cap_delete(server->reply));
    CHECK_EQ(seL4_SchedContext_UnbindObject(client->sc, client->tcb), seL4_IllegalOperation);
}

TEST(donation_context_deleted_on_a_chain)
{
    seL4_CPtr first = endpoint_new(), second = endpoint_new();
    struct thread *server = passive(LOWER, recv_spin, second, 0);
    struct thread *client;
    seL4_Word step;

    passive(LOWER, proxy, first, second);
    client = thread_run(LOWER, call_one, first, 0, 0);
    sleep_us(3000);
    CHECK_OK(cap_delete(client->sc));
    step = server->step;
    sleep_us(3000);
    CHECK_EQ(server->step, step);
    CHECK_OK(cap_delete(server->reply));
    CHECK_OK(seL4_SchedContext_Bind(sc_new(), client->tcb));
}

/* A server whose own context is bound while it runs on another keeps the right one. */
TEST(donation_cannot_bind_a_second_context)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = passive(LOWER, recv_spin, endpoint, 0);

    thread_run(LOWER, call_one, endpoint, 0, 0);
    sleep_us(3000);
    CHECK(server->step > 1);
    CHECK_EQ(seL4_SchedContext_Bind(server->sc, server->tcb), seL4_IllegalOperation);
}

TEST(donation_time_is_the_callers)
{
    seL4_CPtr endpoint = endpoint_new();
    struct thread *server = passive(LOWER, recv_spin, endpoint, 0);
    struct thread *client = thread_new(LOWER);
    uint64_t start = time_now();
    seL4_Time used;

    thread_start(client, call_one, endpoint, 0, 0);
    sleep_us(10000);
    CHECK(server->step > 1);
    used = seL4_SchedContext_Consumed(client->sc).consumed;
    CHECK_RANGE(used, 1000, time_us(time_now() - start) + 1);
    CHECK_EQ(seL4_SchedContext_Consumed(server->sc).error, seL4_NoError);
}
