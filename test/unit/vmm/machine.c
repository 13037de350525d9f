/* SPDX-License-Identifier: BSD-2-Clause */
#define _DEFAULT_SOURCE /* mmap of anonymous memory */

#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/firmware/boot.h"
#include "vmm/startup.h"

#define GUARD 4096u

static struct machine *owner(struct vcpu *vcpu)
{
    return vcpu->context;
}

static uint64_t fake_now(void *context)
{
    struct machine *machine = context;
    machine->now += machine->per_reading;
    return machine->now;
}

uint64_t machine_field(struct machine *machine, unsigned vcpu, unsigned field)
{
    for (unsigned i = 0; i < machine->field_count; i++) {
        if (machine->field[i].vcpu == vcpu && machine->field[i].field == field)
            return machine->field[i].value;
    }
    return 0;
}

static uint64_t fake_read(struct vcpu *vcpu, unsigned field)
{
    return machine_field(owner(vcpu), vcpu->index, field);
}

static bool fake_write(struct vcpu *vcpu, unsigned field, uint64_t value)
{
    struct machine *machine = owner(vcpu);
    unsigned i = 0;
    while (i < machine->field_count &&
           (machine->field[i].vcpu != vcpu->index || machine->field[i].field != field))
        i++;
    if (i == sizeof(machine->field) / sizeof(machine->field[0]))
        abort();
    machine->field[i] = (struct machine_field){vcpu->index, field, value};
    if (i == machine->field_count)
        machine->field_count++;
    return true;
}

static bool fake_enter(struct vcpu *vcpu, struct exit *exit)
{
    struct machine *machine = owner(vcpu);
    machine->entries++;
    machine->entry_info = vcpu->mr[QUOIN_VM_ENTRY_INFO];
    machine->entry_controls = vcpu->mr[QUOIN_VM_CONTROLS];
    machine->entry_now = machine->now;
    if (!machine->exits && machine->now < machine->enter_until)
        machine->now = machine->enter_until;
    *exit = machine->exit;
    if (machine->exits)
        vcpu->mr[QUOIN_VM_ENTRY_INFO] = 0;
    exit->signals = machine->others_signal ? VMM_BADGE_KICK : VMM_BADGE_TIMER;
    return machine->exits;
}

static uint64_t fake_wait(struct vcpu *vcpu, uint64_t deadline)
{
    owner(vcpu)->waits++;
    owner(vcpu)->wait_deadline = deadline;
    return owner(vcpu)->others_signal ? VMM_BADGE_KICK : VMM_BADGE_TIMER;
}

static void fake_kick(struct vcpu *vcpu)
{
    owner(vcpu)->kicks++;
}

static bool fake_allow_msr(struct vcpu *vcpu, uint32_t msr, uint32_t access)
{
    (void)vcpu;
    (void)msr;
    (void)access;
    return true;
}

static bool fake_serve_port(struct vcpu *vcpu, uint16_t port, unsigned how, uint8_t value)
{
    (void)value;
    if (port >= sizeof(owner(vcpu)->services))
        abort();
    owner(vcpu)->services[port] = (uint8_t)how;
    return true;
}

static const struct vcpu_operations fake = {
    .read = fake_read,
    .write = fake_write,
    .enter = fake_enter,
    .wait = fake_wait,
    .kick = fake_kick,
    .allow_msr = fake_allow_msr,
    .serve_port = fake_serve_port,
};

static void no_lock(struct vm *vm)
{
    (void)vm;
}

static bool console(void *context, uint8_t byte)
{
    struct machine *machine = context;
    if (machine->output_full && machine->output_room == 0)
        return false;
    if (machine->output_full)
        machine->output_room--;
    if (machine->output_length < sizeof(machine->output) - 1)
        machine->output[machine->output_length++] = (char)byte;
    return true;
}

static uint32_t console_room(void *context)
{
    const struct machine *machine = context;
    return machine->output_full ? machine->output_room : 1000;
}

static void console_write(void *context, const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        if (!console(context, bytes[i]))
            abort(); /* it said that there is room */
    }
}

static void message(void *context, const char *text)
{
    struct machine *machine = context;
    size_t used = strlen(machine->message);
    size_t length = strlen(text);
    if (used + length + 2 < sizeof(machine->message)) {
        memcpy(machine->message + used, text, length);
        machine->message[used + length] = '\n';
    }
}

struct machine *machine_create(unsigned vcpus, enum vm_vendor vendor)
{
    struct machine *machine = calloc(1, sizeof(*machine));
    if (machine == NULL)
        abort();
    /* Fresh zero pages with a page that faults on either side: cheaper to make than a poisoned
     * block of this size, for fuzzers make thousands. */
    uint8_t *pages = mmap(NULL, MACHINE_MEMORY + 2 * GUARD, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + GUARD, MACHINE_MEMORY, PROT_READ | PROT_WRITE) != 0)
        abort();
    machine->memory = pages + GUARD;
    machine->now = 1000000;
    struct vm *vm = &machine->vm;
    memory_add(&vm->memory, gpa(0), MACHINE_MEMORY, machine->memory);
    vm->clock = (struct clock){fake_now, machine, MACHINE_HZ};
    vm->tsc_offset = 0 - machine->now;
    vm->wall_ns = 1700000000ull * 1000000000ull;
    vm->wall_tsc = machine->now;
    vm->vendor = vendor;
    vm->max_xcr0 = 7;
    vm->has_hpet = true;
    vm->vcpu_count = vcpus;
    vm->lock = no_lock;
    vm->unlock = no_lock;
    vm->console = console;
    vm->console_room = console_room;
    vm->console_write = console_write;
    vm->message = message;
    vm->context = machine;
    for (unsigned i = 0; i < vcpus; i++) {
        vm->vcpu[i].mr = machine->mr[i];
        vm->vcpu[i].operations = &fake;
        vm->vcpu[i].context = machine;
    }
    if (vm_initialize(vm) != 0)
        abort();
    vm_set_current(vm, &vm->vcpu[0]);
    return machine;
}

void machine_destroy(struct machine *machine)
{
    munmap(machine->memory - GUARD, MACHINE_MEMORY + 2 * GUARD);
    free(machine);
}

void machine_advance(struct machine *machine, uint64_t ns)
{
    uint64_t end = machine->now + ns;
    struct timer_queue *timers = &machine->vm.vcpu[0].timers;
    /* Step by step, as a real timer would go off. */
    for (unsigned i = 0; i < 10000 && timers->earliest <= end; i++) {
        if (timers->earliest > machine->now)
            machine->now = timers->earliest;
        timer_queue_run(timers, machine->now);
    }
    machine->now = end;
    timer_queue_run(timers, machine->now);
}

void machine_exit(struct machine *machine, const struct exit *exit)
{
    struct exit copy = *exit;
    vcpu_handle(&machine->vm.vcpu[0], &copy);
}

void machine_long_mode(struct machine *machine, uint64_t rip)
{
    boot_enter_64(&machine->vm, rip);
    machine->mr[0][QUOIN_VM_CS_RIGHTS] = 0xa09b;
}

uint64_t machine_in(struct machine *m, uint64_t port, unsigned size)
{
    return bus_read(&m->vm.ports, port, size);
}

void machine_out(struct machine *m, uint64_t port, unsigned size, uint64_t value)
{
    bus_write(&m->vm.ports, port, size, value);
}

void machine_start_pic(struct machine *m)
{
    static const uint8_t icw[2][4] = {{0x11, 0x20, 0x04, 0x01}, {0x11, 0x28, 0x02, 0x01}};
    for (unsigned chip = 0; chip < 2; chip++) {
        uint64_t port = chip == 0 ? 0x20 : 0xa0;
        machine_out(m, port, 1, icw[chip][0]);
        for (unsigned i = 1; i < 4; i++)
            machine_out(m, port + 1, 1, icw[chip][i]);
        machine_out(m, port + 1, 1, 0);
    }
}
