/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/serial.h"

#include <string.h>

#define PORT_DATA   0x3f8
#define PORT_STATUS 0x3fd

/* How long a collected byte may wait for an exit. */
#define WAITS_PER_S 1000u

static void status_changed(void *context, bool idle)
{
    struct vm *vm = context;
    struct vcpu *vcpu = &vm->vcpu[0];
    unsigned how = idle ? QUOIN_PORT_ANSWER : QUOIN_PORT_EXIT;
    vcpu->operations->serve_port(vcpu, PORT_STATUS, how, UART_LSR_IDLE);
}

static void look(void *context)
{
    (void)context; /* the entry's return has brought what there was */
}

void serial_initialize(struct vm *vm)
{
    struct vcpu *vcpu = &vm->vcpu[0];
    if (vm->vcpu_count != 1 || vcpu->operations->serve_port == NULL || vm->console_room == NULL ||
        !vcpu->operations->serve_port(vcpu, PORT_DATA, QUOIN_PORT_COLLECT, 0) ||
        !timer_add(&vcpu->timers, &vm->collect_timer, look, vm))
        return;
    vm->uart.status = status_changed;
    status_changed(vm, uart_is_idle(&vm->uart));
}

void serial_offer(struct vm *vm)
{
    struct vcpu *vcpu = &vm->vcpu[0];
    /* Without room the device must see each byte: it shows the guest that it has to wait. */
    if (vm->uart.status == NULL || !uart_takes(&vm->uart) ||
        vm->console_room(vm->context) < QUOIN_COLLECT_MAX)
        return;
    vcpu->changed |= QUOIN_VMENTER_COLLECT;
    if (vm->collect_timer.deadline == TIMER_NEVER)
        timer_set(&vm->collect_timer, clock_now(&vm->clock) + vm->clock.hz / WAITS_PER_S);
}

void serial_take(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    uint8_t bytes[QUOIN_COLLECT_MAX];
    uint64_t length = vcpu->mr[QUOIN_VM_COLLECTED];
    vcpu->mr[QUOIN_VM_COLLECTED] = 0;
    if (length > sizeof(bytes))
        length = sizeof(bytes);
    memcpy(bytes, &vcpu->mr[QUOIN_VM_COLLECTED_BYTES], length);
    vm->console_write(vm->context, bytes, (uint32_t)length);
    vm->console_full = 0;
    uart_taken(&vm->uart);
    serial_offer(vm);
}
