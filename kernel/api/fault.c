/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Faults: messages to a thread's handler in the thread's name (ABI section 11).
 */
#include "api/message.h"
#include "x86/arch.h"

/* seL4_UserContext order of registers (ABI section 8) behind each fault's message registers. */
enum {
    REG_RIP,
    REG_RSP,
    REG_RFLAGS,
    REG_RAX,
    REG_RBX,
    REG_RCX,
    REG_RDX,
    REG_RSI,
    REG_RDI,
    REG_RBP,
    REG_R8,
    REG_R15 = 17,
    REG_FS_BASE = 18
};

static const uint8_t unknown_syscall_registers[] = {
    REG_RAX,    REG_RBX,    REG_RCX,    REG_RDX,    REG_RSI,    REG_RDI,
    REG_RBP,    REG_R8,     REG_R8 + 1, REG_R8 + 2, REG_R8 + 3, REG_R8 + 4,
    REG_R8 + 5, REG_R8 + 6, REG_R15,    REG_RIP,    REG_RSP,    REG_RFLAGS,
};
static const uint8_t exception_registers[] = {REG_RIP, REG_RSP, REG_RFLAGS};
static const uint8_t timeout_registers[] = {
    REG_RIP,    REG_RSP,    REG_RFLAGS, REG_RAX, REG_RBX,     REG_RCX,    REG_RDX,
    REG_RSI,    REG_RDI,    REG_RBP,    REG_R8,  REG_R8 + 1,  REG_R8 + 2, REG_R8 + 3,
    REG_R8 + 4, REG_R8 + 5, REG_R8 + 6, REG_R15, REG_FS_BASE,
};

void fault_message(struct tcb *t, struct tcb *receiver, uint64_t badge)
{
    struct ipc_buffer *buffer = ipc_buffer_of(receiver);
    const struct fault *f = &t->fault;
    unsigned length = 0;

    switch (f->type) {
    case FAULT_CAP:
        message_set(receiver, buffer, 0, arch_get_register(t, REG_RIP));
        message_set(receiver, buffer, 1, f->a);
        message_set(receiver, buffer, 2, f->in_receive);
        length = message_set_lookup(receiver, buffer, 3, f->lookup);
        break;
    case FAULT_UNKNOWN_SYSCALL:
        for (unsigned i = 0; i < ARRAY_SIZE(unknown_syscall_registers); i++) {
            message_set(receiver, buffer, i, arch_get_register(t, unknown_syscall_registers[i]));
        }
        length = message_set(receiver, buffer, ARRAY_SIZE(unknown_syscall_registers), f->a);
        break;
    case FAULT_USER_EXCEPTION:
        for (unsigned i = 0; i < ARRAY_SIZE(exception_registers); i++) {
            message_set(receiver, buffer, i, arch_get_register(t, exception_registers[i]));
        }
        message_set(receiver, buffer, 3, f->a);
        length = message_set(receiver, buffer, 4, f->b);
        break;
    case FAULT_TIMEOUT:
        message_set(receiver, buffer, 0, f->a);
        length = message_set(receiver, buffer, 1, f->b);
        break;
    case FAULT_VM:
        message_set(receiver, buffer, 0, arch_get_register(t, REG_RIP));
        message_set(receiver, buffer, 1, f->a);
        message_set(receiver, buffer, 2, (f->b >> 4) & 1); /* I/D bit, SDM vol. 3, 4.7 */
        length = message_set(receiver, buffer, 3, f->b);
        break;
    case FAULT_NONE:
        break;
    }
    message_finish(receiver, badge, info_make((uint64_t)f->type, 0, 0, length));
}

static void take_registers(struct tcb *handler, struct tcb *faulter, const uint8_t *registers,
                           unsigned count)
{
    struct ipc_buffer *buffer = ipc_buffer_of(handler);
    unsigned length = info_length(handler->context.rsi);

    if (length > count) {
        length = count;
    }
    if (!buffer && length > MESSAGE_REGISTERS) {
        length = MESSAGE_REGISTERS;
    }
    for (unsigned i = 0; i < length; i++) {
        arch_set_register(faulter, registers[i], message_get(handler, buffer, i));
    }
}

bool fault_reply(struct tcb *handler, struct tcb *faulter)
{
    bool restart = info_label(handler->context.rsi) == 0;

    switch (faulter->fault.type) {
    case FAULT_UNKNOWN_SYSCALL:
        take_registers(handler, faulter, unknown_syscall_registers,
                       ARRAY_SIZE(unknown_syscall_registers));
        return restart;
    case FAULT_USER_EXCEPTION:
        take_registers(handler, faulter, exception_registers, ARRAY_SIZE(exception_registers));
        return restart;
    case FAULT_TIMEOUT:
        take_registers(handler, faulter, timeout_registers, ARRAY_SIZE(timeout_registers));
        return restart;
    default:
        return true;
    }
}

/* A message of t's to the endpoint in one of its handler slots: false if there is none. */
static bool send_to(struct tcb *t, enum tcb_slot handler, bool donate)
{
    struct cap cap = t->slots[handler].cap;
    unsigned rights = cap_type(cap) == CAP_ENDPOINT ? cap_rights(cap) : 0;

    if (!(rights & RIGHT_WRITE) || !(rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY))) {
        return false;
    }
    endpoint_send(cap_object(cap), t, true, false, donate, cap.w1, (rights & RIGHT_GRANT) != 0,
                  (rights & RIGHT_GRANT_REPLY) != 0);
    return true;
}

void fault_send(struct tcb *t)
{
    if (!send_to(t, TCB_SLOT_FAULT, t->sc != NULL)) {
        if (QUOIN_DEBUG) {
            console_printf(
                "kernel: thread \"%s\" has no fault handler: fault %u at %lx (%lx, %lx)\n", t->name,
                (unsigned)t->fault.type, arch_get_register(t, REG_RIP), t->fault.a, t->fault.b);
        }
        tcb_set_state(t, THREAD_INACTIVE);
    }
}

bool fault_timeout(struct tcb *t)
{
    struct sched_context *sc = t->sc;

    if (cap_type(t->slots[TCB_SLOT_TIMEOUT].cap) != CAP_ENDPOINT || t->fault.type != FAULT_NONE) {
        return false;
    }
    t->fault =
        (struct fault){.type = FAULT_TIMEOUT, .a = sc->badge, .b = arch_ticks_to_us(sc->consumed)};
    sc->consumed = 0;
    if (!send_to(t, TCB_SLOT_TIMEOUT, false)) {
        t->fault.type = FAULT_NONE;
        return false;
    }
    return true;
}
