/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A virtual machine: memory, buses, the Q35 platform's devices and the vCPUs. One lock guards all
 * of it; a vCPU's thread holds it except while it is in the guest or waits.
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include "vmm/device/apic.h"
#include "vmm/device/bus.h"
#include "vmm/device/fwcfg.h"
#include "vmm/device/hpet.h"
#include "vmm/device/ioapic.h"
#include "vmm/device/irq.h"
#include "vmm/device/pci.h"
#include "vmm/device/pic.h"
#include "vmm/device/pit.h"
#include "vmm/device/power.h"
#include "vmm/device/rtc.h"
#include "vmm/device/uart.h"
#include "vmm/memory/memory.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/virtio/console.h"

#define VM_MAX_VCPUS 16

enum vm_state {
    VM_RUNNING,
    VM_OFF,    /* the guest powered off */
    VM_RESET,  /* the guest asked for a reset */
    VM_FAILED, /* the guest did what cannot be continued; a report was printed */
};

enum vm_vendor { VM_VENDOR_AMD, VM_VENDOR_INTEL };

struct vm {
    struct memory memory;
    struct bus ports;
    struct bus mmio;
    struct clock clock;
    uint64_t tsc_offset; /* guest TSC = host TSC + tsc_offset, for every vCPU at start */
    uint64_t wall_ns;    /* UTC in ns since 1970 when the clock was ... */
    uint64_t wall_tsc;   /* ... this */
    uint64_t max_xcr0;   /* what the kernel lets a guest set */
    bool has_hpet;
    enum vm_vendor vendor;
    enum vm_state state;

    struct apic_bus apics;
    struct ioapic ioapic;
    struct pic pic;
    struct irq irq;
    struct pit pit;
    struct hpet hpet;
    struct rtc rtc;
    struct power power;
    struct uart uart;
    struct pci pci;
    struct pci_function host_bridge;
    struct pci_function lpc_bridge;
    struct fwcfg fwcfg;
    struct virtio_console virtio_console; /* shows the same console as the UART */
    struct timer console_timer;           /* looks again whether there is room for output */
    uint64_t console_full;                /* the TSC since when there is none; 0: there is */
    struct timer collect_timer;           /* brings back an entry that collects (serial.h) */

    struct vcpu vcpu[VM_MAX_VCPUS];
    unsigned vcpu_count;

    /* The layer below. */
    void (*lock)(struct vm *vm); /* with more than one vCPU; unlock likewise */
    void (*unlock)(struct vm *vm);
    /* The guest's serial output; false: there is no room for the byte now. */
    bool (*console)(void *context, uint8_t byte);
    /* How many bytes console_write takes now, and that many of them at once. May be NULL. */
    uint32_t (*console_room)(void *context);
    void (*console_write)(void *context, const uint8_t *bytes, uint32_t length);
    void (*message)(void *context, const char *text); /* the VMM's own reports */
    bool (*is_away)(struct gpa address); /* is this RAM with the system now? NULL: it never is */
    /* On vCPU 0, locked, after its notification, of which these are the badges (VMM_BADGE_*); with
     * none of them when the UART has room again. May be NULL. */
    void (*poll)(struct vm *vm, uint64_t signals);
    void *context;
};

/*
 * Builds the platform. Before the call memory, clock, has_hpet, vendor, wall time, vcpu_count, each
 * vCPU's mr, operations and context, and the last block of callbacks are set. Returns 0, or a
 * negative number when a table was full (a mistake in this code, not in the guest).
 */
int vm_initialize(struct vm *vm);

/* Puts every device and vCPU into the state after power-up. */
void vm_reset(struct vm *vm);

/* A formatted report through vm->message. */
void vm_report(struct vm *vm, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends the guest: the first reason stands. All vCPUs are woken. */
void vm_end(struct vm *vm, enum vm_state state);

/* Makes vcpu the one whose accesses the devices see, while its thread holds the lock. */
static inline void vm_set_current(struct vm *vm, struct vcpu *vcpu)
{
    vm->apics.current = &vcpu->apic;
}

/* The lock, where there is anyone to lock out. While a vCPU's thread is outside it is to be kicked
 * when there is something for it to do. */
static inline void vm_go_inside(struct vm *vm, struct vcpu *vcpu)
{
    if (vm->vcpu_count > 1) {
        vm->lock(vm);
        vcpu->outside = false;
    }
}
static inline void vm_go_outside(struct vm *vm, struct vcpu *vcpu)
{
    if (vm->vcpu_count > 1) {
        vcpu->outside = true;
        vm->unlock(vm);
    }
}

#endif
