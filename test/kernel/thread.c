/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads of a test. Their stacks, thread-local data and IPC buffers are part of the image, so they
 * survive the objects of the thread and need no mapping.
 */
#include <string.h>

#include <rt/component.h>
#include <rt/tls.h>

#include "harness.h"

enum { THREADS = 48, STACK_BYTES = 8192, TRACE_MAX = 255 };

static struct thread_memory {
    _Alignas(4096) uint8_t ipc_page[4096];
    struct rt_tls_block tls;
    _Alignas(16) uint8_t stack[STACK_BYTES];
} memory[THREADS];

static struct thread threads[THREADS];
static unsigned thread_count;
static unsigned threads_kept;
static _Thread_local struct thread *self_pointer;

static char trace_letters[TRACE_MAX + 1];
static unsigned trace_length;

void thread_seal(void)
{
    threads_kept = thread_count;
}

void thread_reset(void)
{
    thread_count = threads_kept;
    trace_reset();
}

void thread_suspend_all(void)
{
    /* The first is the one that runs the test. */
    for (unsigned i = threads_kept + 1; i < thread_count; i++) {
        seL4_TCB_Suspend(threads[i].tcb);
    }
    thread_count = threads_kept + 1;
    trace_reset();
}

struct thread *thread_self(void)
{
    return self_pointer;
}

_Noreturn void thread_exit(struct thread *self)
{
    self->done = true;
    seL4_Signal(self->exited);
    for (;;) {
        seL4_TCB_Suspend(self->tcb);
    }
}

void thread_spin(struct thread *self)
{
    for (;;) {
        self->step++;
    }
}

static _Noreturn void thread_enter(struct thread *self)
{
    self_pointer = self;
    self->entry(self);
    thread_exit(self);
}

struct thread *thread_new_with(const struct thread_options *options)
{
    unsigned index = thread_count++;
    seL4_Time budget = options->budget == 0 ? 5000 : options->budget;
    seL4_Time period = options->budget == 0 ? 5000 : options->period;
    struct thread *thread = &threads[index];
    struct thread_memory *m = &memory[index];

    CHECK(index < THREADS);
    memset(thread, 0, sizeof(*thread));
    memset(m->ipc_page, 0, sizeof(m->ipc_page));
    thread->ipc_buffer = (seL4_IPCBuffer *)(void *)m->ipc_page;
    thread->ipc_frame = image_frame(m->ipc_page);
    thread->stack_top = (seL4_Word)(uintptr_t)m->stack + STACK_BYTES;
    thread->foreign = options->cspace != 0;
    thread->tls = tls_prepare(&m->tls, thread->ipc_buffer);
    thread->tcb = object_new(seL4_TCBObject, 0);
    thread->reply = reply_new();
    thread->exited = notification_new();
    thread->sc = sc_new_on(options->core, budget, period, options->badge);
    CHECK_OK(seL4_TCB_Configure(thread->tcb, options->cspace == 0 ? ROOT : options->cspace,
                                options->cspace_data,
                                options->vspace == 0 ? VSPACE : options->vspace, 0,
                                (seL4_Word)(uintptr_t)thread->ipc_buffer, thread->ipc_frame));
    CHECK_OK(seL4_TCB_SetSchedParams(thread->tcb, seL4_CapInitThreadTCB, options->mcp,
                                     options->priority, options->passive ? 0 : thread->sc,
                                     options->fault_ep));
    CHECK_OK(seL4_TCB_SetTLSBase(thread->tcb, thread->tls));
    return thread;
}

struct thread *thread_new(seL4_Word priority)
{
    return thread_new_with(&(struct thread_options){.priority = priority, .mcp = priority});
}

static void thread_load(struct thread *thread, bool resume, void (*entry)(struct thread *self),
                        seL4_Word a0, seL4_Word a1, seL4_Word a2)
{
    seL4_UserContext regs = {
        .rip = (seL4_Word)(uintptr_t)thread_enter,
        .rsp = thread->stack_top - 8, /* as after a call: the x86-64 ABI, section 3.2.2 */
        .rdi = (seL4_Word)(uintptr_t)thread,
        .fs_base = thread->tls,
    };

    thread->entry = entry;
    thread->arg[0] = a0;
    thread->arg[1] = a1;
    thread->arg[2] = a2;
    thread->done = false;
    CHECK_OK(seL4_TCB_WriteRegisters(thread->tcb, resume, 0, seL4_UserContextWords, &regs));
}

void thread_prepare(struct thread *thread, void (*entry)(struct thread *self), seL4_Word a0,
                    seL4_Word a1, seL4_Word a2)
{
    thread_load(thread, false, entry, a0, a1, a2);
}

void thread_start(struct thread *thread, void (*entry)(struct thread *self), seL4_Word a0,
                  seL4_Word a1, seL4_Word a2)
{
    thread_load(thread, true, entry, a0, a1, a2);
}

struct thread *thread_run(seL4_Word priority, void (*entry)(struct thread *self), seL4_Word a0,
                          seL4_Word a1, seL4_Word a2)
{
    struct thread *thread = thread_new(priority);

    thread_start(thread, entry, a0, a1, a2);
    return thread;
}

void thread_join(struct thread *thread)
{
    while (!thread->done) {
        seL4_Wait(thread->exited, NULL);
    }
}

void trace(char letter)
{
    if (trace_length < TRACE_MAX) {
        trace_letters[trace_length++] = letter;
    }
}

void thread_waits(struct thread *self)
{
    seL4_Word badge;

    for (;;) {
        self->step++;
        if (self->arg[1]) {
            seL4_Recv(self->arg[0], &badge, self->reply);
        } else {
            seL4_Wait(self->arg[0], &badge);
        }
        self->result = badge;
        trace((char)self->arg[2]);
    }
}

void trace_reset(void)
{
    memset(trace_letters, 0, sizeof(trace_letters));
    trace_length = 0;
}

void trace_check(const char *file, int line, const char *expected)
{
    size_t i = 0;

    while (trace_letters[i] == expected[i] && expected[i] != '\0') {
        i++;
    }
    if (trace_letters[i] != expected[i]) {
        static char seen[TRACE_MAX + 1];

        memcpy(seen, trace_letters, sizeof(seen));
        test_fail(file, line, seen, true, i, trace_length);
    }
}
