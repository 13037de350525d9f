/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vm.h"

#include "vmm/serial.h"

#include <rt/format.h>
#include <stdarg.h>
#include <string.h>

void vm_report(struct vm *vm, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    format_vtext(text, sizeof(text), format, arguments);
    va_end(arguments);
    vm->message(vm->context, text);
}

void vm_end(struct vm *vm, enum vm_state state)
{
    if (vm->state != VM_RUNNING)
        return;
    vm->state = state;
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        vcpu_wake(&vm->vcpu[i]);
}

static void pic_changed(void *context, bool output)
{
    struct vm *vm = context;
    vm->vcpu[0].extint = output;
    if (output)
        vcpu_wake(&vm->vcpu[0]);
}

static void power_event(void *context, enum power_event event)
{
    struct vm *vm = context;
    vm_end(vm, event == POWER_EVENT_OFF ? VM_OFF : VM_RESET);
}

/* How often it is looked whether the console takes output again, and when it counts as gone. */
#define CONSOLE_RETRY_PER_S 1000u
#define CONSOLE_GONE_S      10u

/* Output that finds no room waits in the device, until the console is gone for ten seconds: then
 * the guest does not stand still with it. */
static bool transmit(void *context, uint8_t byte)
{
    struct vm *vm = context;
    uint64_t now = clock_now(&vm->clock);
    if (vm->console(vm->context, byte)) {
        vm->console_full = 0;
        return true;
    }
    if (vm->console_full == 0)
        vm->console_full = now;
    if (now - vm->console_full > CONSOLE_GONE_S * vm->clock.hz)
        return true;
    if (vm->console_timer.deadline == TIMER_NEVER)
        timer_set(&vm->console_timer, now + vm->clock.hz / CONSOLE_RETRY_PER_S);
    return false;
}

static bool transmit_serial(void *context, uint8_t byte)
{
    if (!transmit(context, byte))
        return false;
    serial_offer(context);
    return true;
}

static void transmit_again(void *context)
{
    struct vm *vm = context;
    uart_transmit_ready(&vm->uart);
    virtio_console_transmit_ready(&vm->virtio_console);
}

static void drained(void *context)
{
    struct vm *vm = context;
    if (vm->poll != NULL)
        vm->poll(vm, 0);
}

/* Ports that exist and do nothing: 0x80 POST codes (also the traditional delay), 0x402 OVMF's log.
 */
static uint64_t ignored_read(void *device, uint64_t offset, unsigned size)
{
    (void)device;
    (void)offset;
    return bus_mask(size);
}

static void ignored_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device;
    (void)offset;
    (void)size;
    (void)value;
}

static const struct bus_operations ignored_operations = {ignored_read, ignored_write, 8};

/*
 * Port 0xcf8 is PCI's address register as 32 bits, and 0xcf9 the reset control register as 8 (ICH9
 * 13.7.5): one range that tells them apart by the access.
 */
static uint64_t chipset_read(void *device, uint64_t offset, unsigned size)
{
    struct vm *vm = device;
    if (offset == 1 && size == 1)
        return power_reset_operations.read(&vm->power, 0, 1);
    return offset == 0 ? pci_address_operations.read(&vm->pci, 0, size) : UINT64_MAX;
}

static void chipset_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vm *vm = device;
    if (offset == 1 && size == 1)
        power_reset_operations.write(&vm->power, 0, 1, value);
    else if (offset == 0)
        pci_address_operations.write(&vm->pci, 0, size, value);
}

static const struct bus_operations chipset_operations = {chipset_read, chipset_write, 4};

static int attach_ports(struct vm *vm)
{
    struct bus *ports = &vm->ports;
    int error = 0;
    error |= bus_add(ports, 0x20, 2, &pic_master_operations, &vm->pic);
    error |= bus_add(ports, 0xa0, 2, &pic_slave_operations, &vm->pic);
    error |= bus_add(ports, 0x4d0, 2, &pic_elcr_operations, &vm->pic);
    error |= bus_add(ports, 0x40, 4, &pit_operations, &vm->pit);
    error |= bus_add(ports, 0x61, 1, &pit_gate_operations, &vm->pit);
    error |= bus_add(ports, 0x60, 1, &power_keyboard_operations, &vm->power);
    error |= bus_add(ports, 0x64, 1, &power_keyboard_status_operations, &vm->power);
    error |= bus_add(ports, 0x92, 1, &power_a20_operations, &vm->power);
    error |= bus_add(ports, 0x70, 4, &rtc_operations, &vm->rtc);
    error |= bus_add(ports, 0x80, 1, &ignored_operations, NULL);
    error |= bus_add(ports, 0x3f8, 8, &uart_operations, &vm->uart);
    error |= bus_add(ports, 0x402, 1, &ignored_operations, NULL);
    error |= bus_add(ports, FWCFG_PORT, FWCFG_SIZE, &fwcfg_operations, &vm->fwcfg);
    error |= bus_add(ports, POWER_PORT, POWER_SIZE, &power_operations, &vm->power);
    error |= bus_add(ports, 0xcf8, 4, &chipset_operations, vm);
    error |= bus_add(ports, 0xcfc, 4, &pci_data_operations, &vm->pci);
    return error;
}

static int attach_memory(struct vm *vm)
{
    struct bus *mmio = &vm->mmio;
    int error = 0;
    error |= bus_add(mmio, PCI_ECAM_BASE, PCI_ECAM_SIZE, &pci_ecam_operations, &vm->pci);
    error |= bus_add(mmio, IOAPIC_BASE, IOAPIC_SIZE, &ioapic_operations, &vm->ioapic);
    if (vm->has_hpet)
        error |= bus_add(mmio, HPET_BASE, HPET_SIZE, &hpet_operations, &vm->hpet);
    error |= bus_add(mmio, APIC_BASE, APIC_SIZE, &apic_operations, &vm->apics);
    return error;
}

int vm_initialize(struct vm *vm)
{
    if (vm->vcpu_count == 0 || vm->vcpu_count > VM_MAX_VCPUS)
        return -1;
    vm->state = VM_RUNNING;
    vm->apics.clock = &vm->clock;
    vm->apics.rate = rate_make(APIC_TIMER_HZ, vm->clock.hz);
    vm->apics.eoi = ioapic_eoi;
    vm->apics.eoi_context = &vm->ioapic;
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = &vm->vcpu[i];
        vcpu->vm = vm;
        vcpu->index = i;
        if (vcpu->exits == NULL)
            vcpu->exits = vcpu->own_exits;
        timer_queue_initialize(&vcpu->timers, vcpu_wake, vcpu);
        apic_initialize(&vcpu->apic, &vm->apics, &vcpu->timers, vcpu_wake, vcpu);
    }
    /* The platform's timers go off on vCPU 0's thread. */
    struct timer_queue *timers = &vm->vcpu[0].timers;
    ioapic_initialize(&vm->ioapic, &vm->apics);
    pic_initialize(&vm->pic, pic_changed, vm);
    vm->irq = (struct irq){&vm->pic, &vm->ioapic};
    pit_initialize(&vm->pit, &vm->irq, &vm->clock, timers);
    hpet_initialize(&vm->hpet, &vm->irq, &vm->apics, &vm->pit, &vm->clock, timers);
    rtc_initialize(&vm->rtc, &vm->irq, &vm->clock, timers, vm->wall_ns, vm->wall_tsc);
    rtc_set_memory(&vm->rtc, memory_low_size(&vm->memory), memory_high_size(&vm->memory));
    power_initialize(&vm->power, &vm->irq, &vm->clock, timers, power_event, vm);
    uart_initialize(&vm->uart, &vm->irq, 4, transmit_serial, vm);
    int error = timer_add(timers, &vm->console_timer, transmit_again, vm) ? 0 : -1;
    vm->uart.drained = drained;
    fwcfg_initialize(&vm->fwcfg, &vm->memory);
    fwcfg_add_number(&vm->fwcfg, FWCFG_RAM_SIZE,
                     memory_low_size(&vm->memory) + memory_high_size(&vm->memory), 8);
    fwcfg_add_number(&vm->fwcfg, FWCFG_CPU_COUNT, vm->vcpu_count, 2);
    fwcfg_add_number(&vm->fwcfg, FWCFG_MAX_CPUS, vm->vcpu_count, 2);
    pci_initialize(&vm->pci, &vm->mmio);
    pci_host_bridge(&vm->host_bridge);
    pci_lpc_bridge(&vm->lpc_bridge);
    virtio_console_initialize(&vm->virtio_console, 1, &vm->memory, &vm->apics, &vm->irq, transmit,
                              vm);
    error |= attach_ports(vm) | attach_memory(vm);
    if (!pci_add(&vm->pci, &vm->host_bridge) || !pci_add(&vm->pci, &vm->lpc_bridge) ||
        !pci_add(&vm->pci, &vm->virtio_console.device.function))
        error = -1;
    vm_reset(vm);
    serial_initialize(vm);
    return error;
}

void vm_reset(struct vm *vm)
{
    pic_reset(&vm->pic);
    ioapic_reset(&vm->ioapic);
    pit_reset(&vm->pit);
    hpet_reset(&vm->hpet);
    rtc_reset(&vm->rtc);
    power_reset(&vm->power);
    uart_reset(&vm->uart);
    virtio_power_on(&vm->virtio_console.device);
    pci_reset(&vm->pci);
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        vcpu_reset(&vm->vcpu[i], false);
}
