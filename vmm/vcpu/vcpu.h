/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One virtual processor as the VMM sees it: the message registers of its VMEnter, what has been
 * changed in them, and the state that the kernel does not hold for us.
 */
#ifndef VMM_VCPU_VCPU_H
#define VMM_VCPU_VCPU_H

#include <sel4/quoin.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/cpu/msr.h"
#include "vmm/decode/insn.h"
#include "vmm/device/apic.h"
#include "vmm/device/timer.h"
#include "vmm/vcpu/alu.h"
#include "vmm/vcpu/exit.h"
#include "vmm/vcpu/field.h"
#include "vmm/vcpu/step.h"

struct vm;
struct vcpu;

enum vcpu_state {
    VCPU_WAIT_STARTUP, /* after INIT: waits for a SIPI */
    VCPU_RUNNING,
    VCPU_HALTED, /* in HLT */
};

/*
 * What a vCPU needs of the layer below. enter runs the guest until an exit (returns true and the
 * decoded exit) or until the thread's notification arrived (false, exit->signals). wait blocks
 * until the notification arrives and returns its badge, VMM_BADGE_*; `deadline` is the TSC value at
 * which the vCPU's timer must go off, and `armed` of the vCPU what it holds already.
 */
struct vcpu_operations {
    uint64_t (*read)(struct vcpu *vcpu, unsigned field);
    bool (*write)(struct vcpu *vcpu, unsigned field, uint64_t value);
    bool (*enter)(struct vcpu *vcpu, struct exit *exit);
    uint64_t (*wait)(struct vcpu *vcpu, uint64_t deadline);
    void (*kick)(struct vcpu *vcpu); /* from another thread: make the vCPU look at its work */
    bool (*allow_msr)(struct vcpu *vcpu, uint32_t msr, uint32_t access); /* QUOIN_MSR_* */
    /* QUOIN_PORT_*; NULL where the layer below serves no ports. */
    bool (*serve_port)(struct vcpu *vcpu, uint16_t port, unsigned how, uint8_t value);
};

#define VCPU_KNOWN        64
#define VCPU_KNOWN_LEVELS 4

/* An instruction that exited before, and what its fetch depended on (known.h). */
struct vcpu_known {
    uint64_t rip, cr3;
    const volatile uint64_t *entry[VCPU_KNOWN_LEVELS]; /* in guest memory, the last ones repeated */
    uint64_t value[VCPU_KNOWN_LEVELS];
    const uint8_t *code; /* in guest memory */
    uint64_t bytes[2], mask[2];
    struct insn insn;
};

struct vcpu {
    struct vm *vm;
    unsigned index;
    uint64_t *mr;     /* QUOIN_VM_MR_COUNT words, enum quoin_vm_mr */
    uint64_t changed; /* QUOIN_VMENTER_* for the next entry */
    const struct vcpu_operations *operations;
    void *context;

    enum vcpu_state state;
    bool outside; /* in the guest or waiting: another thread must kick it */
    bool kicked;
    bool poked;   /* something changed since the last preparation of an entry */
    bool dump;    /* tells what it is doing before the next entry (dump.h) */
    bool extint;  /* the 8259's output is up (vCPU 0) */
    bool offered; /* the event of the entry is an interrupt of the APIC */

    bool iret_awaited; /* AMD-V: the NMI window that was asked for begins with an IRET */
    bool stepping;     /* that IRET is under way, with TF set (step.h); the guest's own TF, DR6: */
    bool step_own;
    bool step_iret; /* it is an IRET, which loads TF */
    uint64_t step_dr6;

    struct apic apic;
    struct timer_queue timers;
    uint64_t armed; /* deadline that the hardware timer holds; 0: unknown */

    /* The hardware timer goes off before the guest's TSC deadline, by the ticks that it takes from
     * there to the next entry (loop.c). */
    uint64_t armed_for; /* the deadline for which it holds that; 0: unknown */
    uint64_t lead;
    uint64_t lead_from;  /* when the hardware timer was to go off, if that is being measured */
    uint64_t lead_took;  /* ticks from then to the next entry */
    uint64_t not_before; /* the guest must not run earlier */
    struct msr_state msr;
    struct vcpu_known known[VCPU_KNOWN]; /* by RIP */
    struct insn insn;                    /* the last one fetched that is not known */
    unsigned refused; /* entries that the processor refused, without another exit between them */
    uint64_t *exits;  /* by enum exit_kind; own_exits unless the layer below has a better place */
    uint64_t own_exits[EXIT_KIND_COUNT];
    uint64_t entries;
};

static const uint8_t vcpu_gpr_word[16] = {
    QUOIN_VM_RAX,    QUOIN_VM_RCX,    QUOIN_VM_RDX,    QUOIN_VM_RBX,
    QUOIN_VM_RSP,    QUOIN_VM_RBP,    QUOIN_VM_RSI,    QUOIN_VM_RDI,
    QUOIN_VM_R8,     QUOIN_VM_R8 + 1, QUOIN_VM_R8 + 2, QUOIN_VM_R8 + 3,
    QUOIN_VM_R8 + 4, QUOIN_VM_R8 + 5, QUOIN_VM_R8 + 6, QUOIN_VM_R15,
};

/* General registers in instruction encoding: 0 RAX, 1 RCX, 2 RDX, 3 RBX, 4 RSP, 5 RBP, 6 RSI, 7
 * RDI. */
static inline uint64_t vcpu_gpr(const struct vcpu *vcpu, unsigned number)
{
    return vcpu->mr[vcpu_gpr_word[number & 15]];
}

static inline void vcpu_set_gpr(struct vcpu *vcpu, unsigned number, uint64_t value)
{
    unsigned word = vcpu_gpr_word[number & 15];
    vcpu->mr[word] = value;
    vcpu->changed |= word == QUOIN_VM_RSP ? QUOIN_VMENTER_RSP
                     : number < 4         ? QUOIN_VMENTER_RAX_TO_RDX
                                          : QUOIN_VMENTER_GPRS;
}

static inline uint64_t vcpu_rip(const struct vcpu *vcpu)
{
    return vcpu->mr[QUOIN_VM_RIP];
}

/* Moves RIP behind the current instruction; ends STI and MOV SS blocking. */
static inline void vcpu_advance(struct vcpu *vcpu, uint64_t next_rip)
{
    const uint64_t blocked = 3;
    vcpu->mr[QUOIN_VM_RIP] = next_rip;
    if ((vcpu->mr[QUOIN_VM_INTERRUPTIBILITY] & blocked) != 0) {
        vcpu->mr[QUOIN_VM_INTERRUPTIBILITY] &= ~blocked;
        vcpu->changed |= QUOIN_VMENTER_INTERRUPTIBILITY;
    }
    if ((vcpu->mr[QUOIN_VM_RFLAGS] & (FLAG_TF | FLAG_RF)) != 0)
        step_complete(vcpu);
}

void vcpu_set_rflags(struct vcpu *vcpu, uint64_t value);

/* Queues an exception for the next entry. */
void vcpu_raise(struct vcpu *vcpu, unsigned vector);
void vcpu_raise_error(struct vcpu *vcpu, unsigned vector, uint32_t error);
void vcpu_raise_page_fault(struct vcpu *vcpu, uint64_t linear, uint32_t error);

#define EXCEPTION_DB 1
#define EXCEPTION_UD 6
#define EXCEPTION_GP 13
#define EXCEPTION_PF 14

/* Processor state after INIT (SDM table 10-1) or power-up. */
void vcpu_reset(struct vcpu *vcpu, bool init);

/* A start-up IPI: real mode at vector * 4096. */
void vcpu_startup(struct vcpu *vcpu, uint8_t vector);

/* Loads the control registers, as firmware or a boot protocol leaves them. */
void vcpu_set_control_registers(struct vcpu *vcpu, uint64_t cr0, uint64_t cr3, uint64_t cr4,
                                uint64_t efer);

/* Flat 4 GiB segments, or 64-bit ones: code 0x10, data 0x18, TSS 0x20. */
void vcpu_set_flat_segments(struct vcpu *vcpu, bool long_mode);

/* Sets up interception and MSR access once, before the first entry. */
void vcpu_configure(struct vcpu *vcpu);

/* Runs the guest until the VM ends. */
void vcpu_run(struct vcpu *vcpu);

/* One round of the loop with the VM's lock held: prepare, enter or wait, handle. */
void vcpu_step(struct vcpu *vcpu);

/* Before an entry, with the VM's lock held: runs due timers, takes INIT, SIPI and interrupts. */
void vcpu_prepare(struct vcpu *vcpu);

/* An interrupt of the APIC that was offered and not taken goes back there, to be chosen anew; false
 * when the event is another. info: interruption-information format. */
bool vcpu_take_back(struct vcpu *vcpu, uint64_t info);

/* Could the guest take an interrupt at this very instruction? */
bool vcpu_can_take_interrupt(const struct vcpu *vcpu);

/*
 * For a guest that stands behind an STI and did not come to an exit. If the instruction there is
 * HLT, it is carried out: behind STI it comes before any interrupt, which is how a guest sleeps
 * without missing one (APM vol. 2, 15.21.5; SDM vol. 2, STI), and then whatever is pending wakes
 * it. A processor that is entered there does the same with one more exit; QEMU 7.2's instead takes
 * a virtual interrupt before the HLT, and the guest sleeps with its work undone. In long mode; else
 * nothing happens.
 */
void vcpu_halt_behind_sti(struct vcpu *vcpu);

/* Handles one exit, with the VM's lock held. */
void vcpu_handle(struct vcpu *vcpu, struct exit *exit);

/* Wakes the vCPU because its APIC or a device has something for it. context: struct vcpu. */
void vcpu_wake(void *context);

#endif
