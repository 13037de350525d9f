/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The system calls of debug builds.
 */
#include "api/check.h"
#include "api/label.h"
#include "api/message.h"
#include "x86/arch.h"

static const char *const state_names[] = {
    "inactive",       "running", "restart", "receiving", "sending",
    "awaiting reply", "waiting", "in VM",   "idle",
};

static void dump_thread(const struct tcb *t)
{
    console_printf("  %s: %s, priority %u, core %u, rip %lx\n", t->name, state_names[t->state],
                   (unsigned)t->priority, t->core, t->context.rip);
}

static void dump_scheduler(void)
{
    for (unsigned i = 0; i < core_count; i++) {
        console_printf("core %u runs\n", i);
        dump_thread(cores[i].current);
        for (int p = CONFIG_PRIORITIES - 1; p >= 0; p--) {
            for (struct tcb *t = cores[i].ready[cores[i].domain][p].head; t; t = t->ready_next) {
                dump_thread(t);
            }
        }
    }
}

static void name_thread(struct tcb *t, uint64_t cptr)
{
    struct slot *slot;
    struct lookup_fault fault;
    const struct ipc_buffer *buffer = ipc_buffer_of(t);

    if (!buffer || cspace_lookup(t, cptr, &slot, &fault) != OK ||
        cap_type(slot->cap) != CAP_THREAD) {
        return;
    }
    struct tcb *named = cap_object(slot->cap);
    const char *name = (const char *)buffer->msg;
    unsigned i = 0;
    for (; i < TCB_NAME_LENGTH - 1 && name[i]; i++) {
        named->name[i] = name[i];
    }
    named->name[i] = 0;
}

bool debug_syscall(struct core *core, int64_t number)
{
    struct tcb *t = core->current;
    struct slot *slot;
    struct lookup_fault fault;

    switch (number) {
    case SYS_DEBUG_PUT_CHAR:
        console_put((char)t->context.rdi);
        return true;
    case SYS_DEBUG_DUMP_SCHEDULER:
        dump_scheduler();
        return true;
    case SYS_DEBUG_HALT:
        console_printf("kernel: halted by thread \"%s\"\n", t->name);
        arch_halt();
    case SYS_DEBUG_CAP_IDENTIFY:
        t->context.rdi = cspace_lookup(t, t->context.rdi, &slot, &fault) == OK
                             ? (uint64_t)cap_type(slot->cap)
                             : (uint64_t)CAP_NULL;
        return true;
    case SYS_DEBUG_SNAPSHOT:
        check_enable(t, t->context.rdi == 1);
        return true;
    case SYS_DEBUG_NAME_THREAD:
        name_thread(t, t->context.rdi);
        return true;
    case SYS_DEBUG_THREAD_AFFINITY:
        if (cspace_lookup(t, t->context.rdi, &slot, &fault) == OK &&
            cap_type(slot->cap) == CAP_THREAD) {
            t->context.rdi = ((struct tcb *)cap_object(slot->cap))->core;
        }
        return true;
    default:
        return false;
    }
}
