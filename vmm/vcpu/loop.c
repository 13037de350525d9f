/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The loop of a vCPU's thread: prepare (timers, INIT and SIPI, interrupts), enter or wait, handle.
 */
#include <stddef.h>

#include "vmm/vcpu/cr.h"
#include "vmm/vcpu/step.h"
#include "vmm/vcpu/dump.h"
#include "vmm/serial.h"
#include "vmm/startup.h"

#define RFLAGS_IF                (1ull << 9)
#define BLOCKED_BY_INSTRUCTION   3ull /* interruptibility: STI, MOV SS */
#define BLOCKED_BY_STI           1ull
#define BLOCKED_BY_MOV_SS        2ull
#define BLOCKED_BY_NMI           8ull
#define CONTROL_INTERRUPT_WINDOW (1ull << 2)
#define CONTROL_HLT              (1ull << 7)
#define CONTROL_NMI_WINDOW       (1ull << 22)

void vcpu_wake(void *context)
{
    struct vcpu *vcpu = context;
    vcpu->poked = true;
    if (!vcpu->outside || vcpu->kicked)
        return;
    vcpu->kicked = true;
    vcpu->operations->kick(vcpu);
}

void vcpu_configure(struct vcpu *vcpu)
{
    const struct vcpu_operations *operations = vcpu->operations;
    for (const struct msr_direct *entry = msr_direct_table; entry->access != 0; entry++)
        operations->allow_msr(vcpu, entry->msr,
                              entry->access);           /* refused: it exits, msr.c serves */
    operations->write(vcpu, FIELD_EXCEPTION_BITMAP, 0); /* exceptions are the guest's own affair */
    uint64_t controls = operations->read(vcpu, FIELD_PRIMARY_CONTROLS);
    if (vcpu->vm->vendor == VM_VENDOR_INTEL) {
        /* HLT, MWAIT, RDPMC, CR8 load and store, MONITOR exiting; a TSC offset. */
        controls |= 1u << 7 | 1u << 10 | 1u << 11 | 1u << 19 | 1u << 20 | 1u << 29 | 1u << 3;
        operations->write(vcpu, FIELD_CR0_MASK, 1u << 5); /* NE; see cr.c */
        operations->write(vcpu, FIELD_CR4_MASK, ~CR4_ALLOWED);
        uint64_t secondary = operations->read(vcpu, FIELD_SECONDARY_CONTROLS);
        /* RDTSCP, WBINVD exiting, unrestricted guest. */
        operations->write(vcpu, FIELD_SECONDARY_CONTROLS, secondary | 1u << 3 | 1u << 6 | 1u << 7);
    } else {
        controls |= CONTROL_HLT;
        operations->write(vcpu, QUOIN_FIELD_SVM_INTERCEPT_CR, 1u << 8 | 1u << 24); /* CR8 */
        /* CPUID, INVD, HLT, IOIO, MSR, shutdown, RDPMC (APM table B-1, 0x00c). */
        uint64_t misc1 = operations->read(vcpu, QUOIN_FIELD_SVM_INTERCEPT_MISC1);
        operations->write(vcpu, QUOIN_FIELD_SVM_INTERCEPT_MISC1,
                          misc1 | 1u << 15 | 1u << 18 | 1u << 22 | 1u << 24 | 1u << 26 | 1u << 27 |
                              1u << 28 | 1u << 31);
        /* VMRUN to SKINIT, VMMCALL, WBINVD, MONITOR, MWAIT, XSETBV, RDPRU (0x010). */
        uint64_t misc2 = operations->read(vcpu, QUOIN_FIELD_SVM_INTERCEPT_MISC2);
        operations->write(vcpu, QUOIN_FIELD_SVM_INTERCEPT_MISC2, misc2 | 0x7f | 0x6e00);
    }
    vcpu->mr[QUOIN_VM_CONTROLS] = controls;
}

static bool interrupts_enabled(const struct vcpu *vcpu)
{
    return (vcpu->mr[QUOIN_VM_RFLAGS] & RFLAGS_IF) != 0;
}

bool vcpu_can_take_interrupt(const struct vcpu *vcpu)
{
    return interrupts_enabled(vcpu) &&
           (vcpu->mr[QUOIN_VM_INTERRUPTIBILITY] & BLOCKED_BY_INSTRUCTION) == 0;
}

/* Interrupts that the vCPU would take if it could: from the 8259, or from that or the APIC. */
static bool extint_pending(const struct vcpu *vcpu)
{
    return vcpu->extint && apic_accepts_extint(&vcpu->apic);
}

static bool interrupt_pending(const struct vcpu *vcpu)
{
    return apic_pending(&vcpu->apic) >= 0 || extint_pending(vcpu);
}

static void inject(struct vcpu *vcpu, uint64_t type, unsigned vector)
{
    vcpu->mr[QUOIN_VM_ENTRY_INFO] = EVENT_VALID | type | vector;
}

bool vcpu_take_back(struct vcpu *vcpu, uint64_t info)
{
    if (!vcpu->offered || (info & EVENT_TYPE) != EVENT_EXTERNAL)
        return false;
    apic_take_back(&vcpu->apic, (uint8_t)(info & EVENT_VECTOR));
    vcpu->poked = true;
    return true;
}

/* vector: the APIC's most urgent one, or -1. false: there is nothing that could be injected now. */
static bool inject_interrupt(struct vcpu *vcpu, int vector, bool can_take)
{
    /* AMD-V holds a virtual interrupt until the guest can take it (APM vol. 2, 15.21.4), which
     * spares the exit for a window; an exit before that brings it back. */
    if (vector >= 0 && (can_take || vcpu->vm->vendor == VM_VENDOR_AMD)) {
        apic_accept(&vcpu->apic, (uint8_t)vector);
        inject(vcpu, EVENT_EXTERNAL, (unsigned)vector);
        vcpu->offered = true;
        return true;
    }
    if (vector < 0 && can_take) {
        inject(vcpu, EVENT_EXTERNAL, pic_acknowledge(&vcpu->vm->pic));
        return true;
    }
    return false;
}

/* Puts the most urgent event into the entry, and asks for a window for what must wait. */
static void prepare_events(struct vcpu *vcpu)
{
    uint64_t *mr = vcpu->mr;
    uint64_t blocked = mr[QUOIN_VM_INTERRUPTIBILITY];
    bool occupied = (mr[QUOIN_VM_ENTRY_INFO] & EVENT_VALID) != 0;
    mr[QUOIN_VM_CONTROLS] &= ~(CONTROL_INTERRUPT_WINDOW | CONTROL_NMI_WINDOW);
    if (vcpu->apic.nmi_pending && !vcpu->stepping) {
        if (!occupied && (blocked & (BLOCKED_BY_NMI | BLOCKED_BY_INSTRUCTION)) == 0) {
            vcpu->apic.nmi_pending = false;
            inject(vcpu, EVENT_NMI, 2);
            occupied = true;
        } else if (!occupied && (blocked & BLOCKED_BY_NMI) == 0 &&
                   vcpu->vm->vendor == VM_VENDOR_AMD) {
            /* Behind STI and MOV SS one instruction comes first; a window would be open at once. */
            vcpu->iret_awaited = false;
            step_begin(vcpu);
        } else {
            bool nmi = occupied && (mr[QUOIN_VM_ENTRY_INFO] & EVENT_TYPE) == EVENT_NMI;
            mr[QUOIN_VM_CONTROLS] |= CONTROL_NMI_WINDOW;
            vcpu->iret_awaited =
                vcpu->vm->vendor == VM_VENDOR_AMD && (nmi || (blocked & BLOCKED_BY_NMI) != 0);
        }
    }
    vcpu->offered = false;
    apic_hold_eoi(&vcpu->apic);
    int vector = apic_pending(&vcpu->apic);
    if (vector < 0 && !extint_pending(vcpu))
        return;
    bool can_take = vcpu_can_take_interrupt(vcpu);
    if (!occupied && inject_interrupt(vcpu, vector, can_take) &&
        (!can_take || !interrupt_pending(vcpu)))
        return;
    mr[QUOIN_VM_CONTROLS] |= CONTROL_INTERRUPT_WINDOW;
}

static void take_init(struct vcpu *vcpu)
{
    vcpu->apic.init_pending = false;
    if (vcpu->index == 0) {
        vm_end(vcpu->vm, VM_RESET); /* the boot processor would start the firmware */
        return;
    }
    vcpu_reset(vcpu, true);
}

void vcpu_prepare(struct vcpu *vcpu)
{
    if (vcpu->dump)
        dump_vcpu(vcpu);
    uint64_t now = clock_now(&vcpu->vm->clock);
    timer_queue_run(&vcpu->timers, now);
    uint64_t ahead = apic_timer_ahead(&vcpu->apic, now, vcpu->lead);
    if (ahead != 0) {
        vcpu->not_before = ahead;
        vcpu->armed_for = 0;
    }
    if (vcpu->apic.init_pending)
        take_init(vcpu);
    if (vcpu->apic.startup_pending) {
        vcpu->apic.startup_pending = false;
        if (vcpu->state == VCPU_WAIT_STARTUP)
            vcpu_startup(vcpu, vcpu->apic.startup_vector);
    }
    if (vcpu->state == VCPU_HALTED) {
        bool nmi = vcpu->apic.nmi_pending;
        if (nmi || (interrupts_enabled(vcpu) && interrupt_pending(vcpu)))
            vcpu->state = VCPU_RUNNING;
    }
    vcpu->poked = false; /* whatever the above asked for is seen here */
    if (vcpu->state == VCPU_RUNNING)
        prepare_events(vcpu);
}

/*
 * How far the hardware timer leads, after the last time: what it took from there to the entry. That
 * is noise upwards, so a small value is believed at once and a larger one by and by; beyond 5 us
 * something else ran.
 */
static void adjust_lead(struct vcpu *vcpu)
{
    uint64_t took = vcpu->lead_took;
    vcpu->lead_took = TIMER_NEVER;
    if (took > vcpu->vm->clock.hz / 200000)
        return;
    vcpu->lead = took < vcpu->lead ? took : vcpu->lead + (took - vcpu->lead + 7) / 8;
}

/* After a notification: if it was the hardware timer's, that has gone off, early even perhaps. Else
 * it holds what it held. */
static void note_timer(struct vcpu *vcpu, uint64_t signals)
{
    if ((signals & VMM_BADGE_TIMER) == 0)
        return;
    bool due = clock_now(&vcpu->vm->clock) >= vcpu->armed;
    if (due) {
        adjust_lead(vcpu);
        vcpu->lead_from = vcpu->armed;
    }
    vcpu->armed = due ? TIMER_NEVER : 0; /* 0: unknown, to be armed anew */
    vcpu->armed_for = 0;
}

/* The entry ended with a notification. */
static void interrupted(struct vcpu *vcpu, uint64_t signals)
{
    struct vm *vm = vcpu->vm;
    vcpu->kicked = false;
    vcpu->poked = true;
    note_timer(vcpu, signals);
    uint64_t event = vcpu->mr[QUOIN_VM_ENTRY_INFO]; /* what could not be injected yet */
    if ((event & EVENT_VALID) != 0 && vcpu_take_back(vcpu, event))
        vcpu->mr[QUOIN_VM_ENTRY_INFO] = 0;
    else if ((event & EVENT_VALID) != 0 && (event & EVENT_HAS_ERROR) != 0)
        vcpu->changed |= QUOIN_VMENTER_ERROR_CODE;
    if ((vcpu->mr[QUOIN_VM_INTERRUPTIBILITY] & BLOCKED_BY_STI) != 0)
        vcpu_halt_behind_sti(vcpu);
    if (vcpu->index == 0 && vm->poll != NULL)
        vm->poll(vm, signals);
}

/* Not ahead of the deadline whose interrupt the entry may bring. */
static void await_deadline(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    vm_go_outside(vm, vcpu);
    uint64_t now = clock_now(&vm->clock);
    if (vcpu->lead_from != 0)
        vcpu->lead_took = now - vcpu->lead_from;
    vcpu->lead_from = 0;
    /* No more readings than ticks: a clock that stands still, as a test's may, must not hold us. */
    for (uint64_t left = vcpu->lead; now < vcpu->not_before && left != 0; left--)
        now = clock_now(&vm->clock);
    vcpu->not_before = 0;
    vm_go_inside(vm, vcpu);
}

/* Before an entry, if the hardware timer may have to hold another deadline: after each that has
 * passed, too. */
static __attribute__((noinline)) void arm(struct vcpu *vcpu)
{
    vcpu->armed_for = vcpu->timers.earliest;
    uint64_t at = apic_timer_wanted(&vcpu->apic, vcpu->armed_for, vcpu->lead);
    if (at != vcpu->armed) {
        vcpu->armed = at;
        vcpu->mr[QUOIN_VM_DEADLINE] = at;
        vcpu->changed |= QUOIN_VMENTER_DEADLINE;
    }
    await_deadline(vcpu);
}

static inline void enter(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    struct exit exit;
    if (vcpu->timers.earliest != vcpu->armed_for)
        arm(vcpu);
    vcpu->entries++;
    vm_go_outside(vm, vcpu);
    bool exited = vcpu->operations->enter(vcpu, &exit);
    vm_go_inside(vm, vcpu);
    vcpu->changed = 0;
    vm_set_current(vm, vcpu);
    if (vcpu->mr[QUOIN_VM_COLLECTED] != 0)
        serial_take(vcpu);
    if (vcpu->apic.eoi_offered)
        apic_see_eoi(&vcpu->apic);
    if (exited)
        vcpu_handle(vcpu, &exit);
    else
        interrupted(vcpu, exit.signals);
}

static void wait(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    uint64_t deadline = apic_timer_wanted(&vcpu->apic, vcpu->timers.earliest, vcpu->lead);
    vm_go_outside(vm, vcpu);
    uint64_t signals = vcpu->operations->wait(vcpu, deadline);
    vm_go_inside(vm, vcpu);
    vcpu->kicked = false;
    vcpu->poked = true;
    vcpu->armed = deadline;
    note_timer(vcpu, signals);
    vm_set_current(vm, vcpu);
    if (vcpu->index == 0 && vm->poll != NULL)
        vm->poll(vm, signals);
}

/* false: the machine has ended. */
static inline bool step(struct vcpu *vcpu)
{
    /* Most exits change nothing that an entry depends on. */
    if (vcpu->poked)
        vcpu_prepare(vcpu);
    if (vcpu->vm->state != VM_RUNNING)
        return false;
    if (vcpu->state == VCPU_RUNNING)
        enter(vcpu);
    else
        wait(vcpu);
    return true;
}

void vcpu_step(struct vcpu *vcpu)
{
    step(vcpu);
}

void vcpu_run(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    vm_go_inside(vm, vcpu);
    vm_set_current(vm, vcpu);
    while (step(vcpu)) {
    }
    vm_go_outside(vm, vcpu);
}
