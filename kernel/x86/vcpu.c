/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VCPU objects and VMEnter (ABI section 13, sel4/quoin.h), as far as both vendors have it in
 * common.
 */
#include "x86/vcpu.h"
#include "x86/vendor.h"
#include "x86/arch.h"
#include "x86/entry.h"
#include "x86/ept.h"
#include "x86/percpu.h"
#include "x86/virt.h"
#include "x86/virt_asm.h"

enum vcpu_vendor vcpu_vendor;

/* Result word of VMEnter. */
#define RESULT_NOTIFICATION 0
#define RESULT_EXIT         1

/* v->buffer_frame when there is no message: no capability's w0. */
#define NO_BUFFER_FRAME UINT64_MAX

/* An empty FPU state (SDM vol. 1, 13.4): XSTATE_BV 0 means initial, but MXCSR is always loaded. */
#define XSAVE_FCW         0
#define XSAVE_MXCSR       24
#define FPU_INITIAL_FCW   0x37fu
#define FPU_INITIAL_MXCSR 0x1f80u

/* MSRs that do not exit from the start (ABI section 12). */
static const uint32_t open_msrs[] = {
    MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
    MSR_FS_BASE,     MSR_GS_BASE,      MSR_KERNEL_GS_BASE,
};

struct cap vcpu_create(struct paddr base)
{
    struct vcpu *v = arch_window(base);
    uint8_t *fpu = vcpu_xsave(v);
    v->block = (struct paddr){base.v + PAGE_SIZE};
    v->xcr0 = vcpu_max_xcr0() & 1;
    v->controls = CONTROL_HLT;
    v->buffer_frame = NO_BUFFER_FRAME;
    v->dr6 = 0xffff0ff0;
    fpu[XSAVE_FCW] = FPU_INITIAL_FCW & 0xff;
    fpu[XSAVE_FCW + 1] = FPU_INITIAL_FCW >> 8;
    fpu[XSAVE_MXCSR] = FPU_INITIAL_MXCSR & 0xff;
    fpu[XSAVE_MXCSR + 1] = FPU_INITIAL_MXCSR >> 8;
    vendor_create(v);
    for (unsigned i = 0; i < ARRAY_SIZE(open_msrs); i++)
        vendor_allow_msr(v, open_msrs[i], true, true);
    return cap_for_object(CAP_VCPU, v);
}

void vcpu_quiesce(struct vcpu *v)
{
    if (v->tcb && v->tcb->state == THREAD_RUNNING_VM)
        tcb_stall(v->tcb);
    if (core_self()->current_vcpu != v)
        vcpu_load(core_self(), v);
    v->reported = false;
}

void vcpu_unbind(struct vcpu *v)
{
    struct tcb *t = v->tcb;
    if (!t)
        return;
    vcpu_quiesce(v);
    vcpu_unload(core_self());
    if (t->state == THREAD_RUNNING_VM) {
        /* The VMEnter happens again and finds no VCPU. */
        t->context.rsi = RESULT_NOTIFICATION;
        tcb_set_state(t, THREAD_RESTART);
    }
    t->vcpu = NULL;
    v->tcb = NULL;
}

void vcpu_bind(struct vcpu *v, struct tcb *t)
{
    vcpu_unbind(v);
    if (t->vcpu)
        vcpu_unbind(t->vcpu);
    v->tcb = t;
    t->vcpu = v;
}

void vcpu_destroy(struct vcpu *v)
{
    vcpu_unbind(v);
    vcpu_recall(v);
    vcpu_state_forget(v);
    vcpu_port_forget(v);
    if (!slot_is_empty(&v->timer))
        slot_delete_short(&v->timer);
}

/* Written out: compilers make a loop of a loop, at three times the instructions. */
static inline void copy_gprs(uint64_t to[static VCPU_GPRS], const uint64_t from[static VCPU_GPRS])
{
    to[0] = from[0];
    to[1] = from[1];
    to[2] = from[2];
    to[3] = from[3];
    to[4] = from[4];
    to[5] = from[5];
    to[6] = from[6];
    to[7] = from[7];
    to[8] = from[8];
    to[9] = from[9];
    to[10] = from[10];
    to[11] = from[11];
    to[12] = from[12];
    to[13] = from[13];
    to[14] = from[14];
}

/* RAX, RBX, RCX and RDX alone. */
static inline void copy_some_gprs(uint64_t to[static VCPU_GPRS],
                                  const uint64_t from[static VCPU_GPRS])
{
    to[GPR_RAX] = from[GPR_RAX];
    to[GPR_RBX] = from[GPR_RBX];
    to[GPR_RCX] = from[GPR_RCX];
    to[GPR_RDX] = from[GPR_RDX];
}

static inline void read_gprs(struct vcpu *v, uint64_t flags, const uint64_t *msg)
{
    if (flags & QUOIN_VMENTER_GPRS)
        copy_gprs(v->gpr, &msg[QUOIN_VM_RAX]);
    else if (flags & QUOIN_VMENTER_RAX_TO_RDX)
        copy_some_gprs(v->gpr, &msg[QUOIN_VM_RAX]);
}

/* v->message is what message_of would find, and that is something. */
static inline bool message_is_found(const struct vcpu *v, const struct tcb *t)
{
    return t->slots[TCB_SLOT_BUFFER].cap.w0 == v->buffer_frame &&
           t->buffer_address == v->buffer_address;
}

/* Message registers in memory, or null. Looked up anew only if the thread's buffer is another. */
static inline uint64_t *message_of(struct vcpu *v, const struct tcb *t)
{
    if (unlikely(!message_is_found(v, t))) {
        struct ipc_buffer *buffer = ipc_buffer_of(t);
        v->buffer_frame = buffer ? t->slots[TCB_SLOT_BUFFER].cap.w0 : NO_BUFFER_FRAME;
        v->buffer_address = t->buffer_address;
        v->message = buffer ? buffer->msg : NULL;
    }
    return v->message;
}

/* What was collected goes to the VMM, and no more is until it says so again. */
static __attribute__((noinline)) void hand_over_collected(struct vcpu *v, uint64_t *msg)
{
    unsigned words = (v->collected_count + 7u) / 8;
    v->collecting = false;
    if (words == 0)
        return;
    for (unsigned i = 0; i < words; i++)
        msg[QUOIN_VM_COLLECTED_BYTES + i] = v->collected[i];
    msg[QUOIN_VM_COLLECTED] = v->collected_count;
    v->collected_count = 0;
}

/* VMEnter ends with an exit; the vendor's report has been written. */
static inline void finish_exit(struct tcb *t)
{
    t->context.rsi = RESULT_EXIT;
    t->context.rdi = 0;
    t->state = THREAD_RUNNING;
}

static inline void report_exit(struct vcpu *v, struct tcb *t)
{
    uint64_t *msg = message_of(v, t);
    if (msg) {
        copy_gprs(&msg[QUOIN_VM_RAX], v->gpr);
        vendor_report(v, &t->context, msg, v->extended);
        if (unlikely(v->collecting))
            hand_over_collected(v, msg);
        v->reported = true;
    }
    finish_exit(t);
}

/* Arguments that no VM entry could be made with: nothing has changed, the result says so. */
static void report_refused(struct vcpu *v, struct tcb *t, uint64_t *msg)
{
    struct context kept = t->context;
    if (msg) {
        copy_gprs(&msg[QUOIN_VM_RAX], v->gpr);
        vendor_report(v, &t->context, msg, v->extended);
        msg[QUOIN_VM_QUALIFICATION] = 0;
        if (v->extended)
            msg[QUOIN_VM_VECTORING_INFO] = 0;
    }
    t->context.r10 = kept.r10;
    t->context.r8 = kept.r8;
    t->context.r9 = kept.r9;
    t->context.r15 = QUOIN_VM_ENTRY_FAILED;
    finish_exit(t);
}

void arch_vm_interrupted(struct tcb *t)
{
    struct vcpu *v = t->vcpu;
    vcpu_quiesce(v);
    uint64_t *msg = v->extended ? message_of(v, t) : NULL;
    if (msg) {
        copy_gprs(&msg[QUOIN_VM_RAX], v->gpr);
        if (unlikely(v->collecting))
            hand_over_collected(v, msg);
    }
    vendor_report_interrupted(v, &t->context, msg);
    t->context.rsi = RESULT_NOTIFICATION;
    t->context.rdi = 0;
}

/* Reads the optional arguments that flags announce. */
static void read_arguments(struct vm_entry *e, uint64_t flags, const uint64_t *msg)
{
    e->flags = flags;
    if (flags & QUOIN_VMENTER_RFLAGS)
        e->rflags = msg[QUOIN_VM_RFLAGS];
    if (flags & QUOIN_VMENTER_INTERRUPTIBILITY)
        e->interruptibility = msg[QUOIN_VM_INTERRUPTIBILITY];
    if (flags & QUOIN_VMENTER_RSP)
        e->rsp = msg[QUOIN_VM_RSP];
    if (flags & QUOIN_VMENTER_ERROR_CODE)
        e->error_code = (uint32_t)msg[QUOIN_VM_EXIT_ERROR];
    if (flags & QUOIN_VMENTER_INSTRUCTION_LEN)
        e->length = (uint32_t)msg[QUOIN_VM_INSTRUCTION_LEN];
    if (flags & QUOIN_VMENTER_CR0)
        e->cr0 = msg[QUOIN_VM_CR0];
    if (flags & QUOIN_VMENTER_CR3)
        e->cr3 = msg[QUOIN_VM_CR3];
    if (flags & QUOIN_VMENTER_CR4)
        e->cr4 = msg[QUOIN_VM_CR4];
    if (flags & QUOIN_VMENTER_EFER)
        e->efer = msg[QUOIN_VM_EFER];
}

static void arm_timer(struct vcpu *v, uint64_t deadline)
{
    if (slot_is_empty(&v->timer))
        return;
    struct timer *timer = cap_object(v->timer.cap);
    if (deadline == QUOIN_NO_DEADLINE)
        timer_cancel(timer);
    else
        timer_arm(timer, deadline);
}

/* Format and combination of an event to inject (SDM vol. 3, 27.2.1.3). */
static bool event_is_valid(uint32_t info, uint32_t length)
{
    if (!(info & EVENT_VALID) || (info & ~EVENT_VECTOR) == EVENT_VALID)
        return true; /* none, or an external interrupt */
    if (info & EVENT_ENTRY_RESERVED)
        return false;
    unsigned vector = info & EVENT_VECTOR;
    bool error_code = (info & EVENT_ERROR_CODE) != 0;
    bool length_ok = length >= 1 && length <= 15;
    switch (info >> EVENT_TYPE_SHIFT & EVENT_TYPE_MASK) {
    case EVENT_EXTERNAL:
        return !error_code;
    case EVENT_NMI:
        return !error_code && vector == 2;
    case EVENT_HARDWARE_EXCEPTION:
        return vector < 32 && vector != 2;
    case EVENT_SOFTWARE_INTERRUPT:
        return !error_code && length_ok;
    case EVENT_PRIVILEGED_SOFTWARE_EXCEPTION:
        return !error_code && length_ok && vector == 1;
    case EVENT_SOFTWARE_EXCEPTION:
        return !error_code && length_ok && (vector == 3 || vector == 4);
    default:
        return false;
    }
}

/* All is applied: the guest runs next, unless there is a notification. If the thread is stopped and
 * restarted while in the guest, this call is made again with what arch_vm_interrupted puts into
 * MR0..MR2, and must change nothing else. */
static void begin(struct tcb *t)
{
    uint64_t badge;
    t->context.rdi = 0;
    t->state = THREAD_RUNNING_VM;
    if (t->bound_notification && notification_take_bound(t, &badge)) {
        arch_vm_interrupted(t);
        t->context.rdi = badge;
        t->state = THREAD_RUNNING;
    }
}

void arch_vmenter(struct core *core, struct tcb *t, bool extended)
{
    struct vcpu *v = t->vcpu;
    uint64_t *msg = message_of(v, t);
    v->reported = false;
    uint64_t flags = extended ? t->context.rdi : 0;
    struct vm_entry e; /* what flags do not announce stays unset, and unread */
    e.rip = t->context.r10;
    e.controls = (uint32_t)t->context.r8;
    e.info = (uint32_t)t->context.r9;
    e.error_code = v->entry_error_code;
    e.length = 0;
    e.flags = 0;
    v->extended = extended;
    if (unlikely(core->current_vcpu != v))
        vcpu_load(core, v);
    if (msg && (flags & ~(uint64_t)(QUOIN_VMENTER_GPRS | QUOIN_VMENTER_RAX_TO_RDX |
                                    QUOIN_VMENTER_DEADLINE)))
        read_arguments(&e, flags, msg);
    if (unlikely(!msg || !event_is_valid(e.info, e.length) || !vendor_check(v, &e))) {
        report_refused(v, t, msg);
        return;
    }

    vendor_apply(v, &e);
    read_gprs(v, flags, msg);
    v->collecting = (flags & QUOIN_VMENTER_COLLECT) != 0;
    if (flags & QUOIN_VMENTER_DEADLINE)
        arm_timer(v, msg[QUOIN_VM_DEADLINE]);

    begin(t);
}

/* --- Running --- */

static bool is_ready(const struct core *core, const struct tcb *t, const struct vcpu *v)
{
    const struct cap *root = &t->slots[TCB_SLOT_EPT].cap;
    return core->current_vcpu == v && v->fpu_loaded && v->root.w0 == root->w0 &&
           v->root.w1 == root->w1 && v->root_epoch == ept_epoch(v->root_asid);
}

static void prepare(struct core *core, struct tcb *t, struct vcpu *v)
{
    if (core->current_vcpu != v)
        vcpu_load(core, v);
    if (!v->fpu_loaded)
        vcpu_load_fpu(core, v);

    struct cap cap = t->slots[TCB_SLOT_EPT].cap;
    unsigned asid;
    struct paddr root = ept_root(cap, &asid);
    if (cap.w0 != v->root.w0 || cap.w1 != v->root.w1 || asid != v->root_asid)
        ept_mark_stale(asid);
    bool changed = ept_epoch(asid) != v->root_epoch;
    bool stale = ept_take_stale(asid, core->id);
    v->root = cap;
    v->root_asid = asid;
    v->root_epoch = ept_epoch(asid);
    vendor_set_root(core->id, v, root, changed || stale);
}

void virt_switch_to(struct core *core, struct tcb *t)
{
    struct vcpu *v = core->current_vcpu;
    if (v == t->vcpu) {
        if (unlikely(v->parked))
            vcpu_unpark(core, v);
    } else if (!v->parked && t != core->idle) {
        vcpu_park(core, v);
    }
}

/* Runs the guest and handles what ends that; all is ready for it. */
static __attribute__((noinline)) enum virt_entry run(struct core *core, struct tcb *t,
                                                     struct vcpu *v)
{
    kernel_unlock();
    unsigned vector = 0;
    enum vm_stop stop = vendor_run(core->id, v, &vector);
    if (stop == VM_STOP_INTERRUPT && vector == 0)
        vector = arch_interrupt_window();
    bool current = kernel_enter(core);

    if (stop == VM_STOP_INTERRUPT) {
        if (vector != 0)
            kernel_interrupt(core, vector);
        return VIRT_ENTRY_DONE;
    }
    /* While this core waited for the lock, another may have stopped the thread or taken away its
     * VCPU. Then the exit is dropped: entered again, the guest comes to the same instruction. */
    if (unlikely(!current || core->current != t || t->state != THREAD_RUNNING_VM || t->vcpu != v))
        return VIRT_ENTRY_DONE;
    report_exit(v, t);
    return likely(t->sc == core->current_sc && !(core->reschedule | core->reprogram) &&
                  percpu_of(core)->loaded_all == t)
               ? VIRT_ENTRY_RETURN
               : VIRT_ENTRY_DONE;
}

void virt_run(struct core *core)
{
    struct tcb *t = core->current;
    struct vcpu *v = t->vcpu;
    if (unlikely(!is_ready(core, t, v)))
        prepare(core, t, v);
    run(core, t, v);
}

/* All is applied: the guest runs, unless there is a notification. */
static inline enum virt_entry start(struct core *core, struct tcb *t, struct vcpu *v)
{
    struct notification *n = t->bound_notification;
    t->context.rdi = 0;
    if (likely(!notification_is_pending(n))) {
        t->state = THREAD_RUNNING_VM;
        return run(core, t, v);
    }
    arch_vm_interrupted(t);
    t->context.rdi = n->badge;
    n->state = NOTIFICATION_IDLE;
    n->badge = 0;
    return VIRT_ENTRY_RETURN; /* the thread has not left this core */
}

/* More than RIP, registers and what blocks interrupts has changed, or may have. */
static __attribute__((noinline)) enum virt_entry start_changed(struct core *core, struct tcb *t,
                                                               struct vcpu *v, uint64_t flags)
{
    struct vm_entry e; /* what flags do not announce stays unset, and unread */
    e.rip = t->context.r10;
    e.controls = (uint32_t)t->context.r8;
    e.info = (uint32_t)t->context.r9;
    e.error_code = v->entry_error_code;
    e.length = 0;
    e.flags = 0;
    if (flags != 0)
        read_arguments(&e, flags, v->message);
    if (unlikely(!event_is_valid(e.info, e.length) || !vendor_check(v, &e)))
        return VIRT_ENTRY_REFUSED;
    vendor_apply(v, &e);
    read_gprs(v, flags, v->message);
    v->reported = false;
    v->extended = true;
    v->collecting = (flags & QUOIN_VMENTER_COLLECT) != 0;
    if (flags & QUOIN_VMENTER_DEADLINE) {
        arm_timer(v, v->message[QUOIN_VM_DEADLINE]);
        if (core->reprogram)
            sched_set_deadline(core); /* the timer is all that can have changed */
    }
    return start(core, t, v);
}

/* Beside RIP and registers the entry changes no more than that nothing blocks interrupts, and what
 * it injects is no obstacle to the short way. */
static bool only_unblocks(const struct vcpu *v, const struct tcb *t, uint64_t others)
{
    uint32_t event = (uint32_t)t->context.r9;
    return others == QUOIN_VMENTER_INTERRUPTIBILITY && v->message[QUOIN_VM_INTERRUPTIBILITY] == 0 &&
           (uint32_t)t->context.r8 == v->controls &&
           (event & EVENT_VALID ? (event & ~EVENT_VECTOR) == EVENT_VALID : v->reported);
}

enum virt_entry virt_enter_quickly(struct core *core, bool extended)
{
    const uint64_t registers = QUOIN_VMENTER_GPRS | QUOIN_VMENTER_RAX_TO_RDX;
    struct tcb *t = core->current;
    struct vcpu *v = t->vcpu;
    uint64_t flags = extended ? t->context.rdi : 0;
    if (unlikely(!v || core->current_vcpu != v || !message_is_found(v, t) ||
                 core->now > core->slice_end || t->sc != core->current_sc || !is_ready(core, t, v)))
        return VIRT_ENTRY_REFUSED;
    if (unlikely(core->reschedule | core->reprogram))
        return VIRT_ENTRY_REFUSED;
    uint32_t event = (uint32_t)t->context.r9;
    if (unlikely((flags & ~registers) || (uint32_t)t->context.r8 != v->controls)) {
        if (!only_unblocks(v, t, flags & ~registers))
            return extended ? start_changed(core, t, v, flags) : VIRT_ENTRY_REFUSED;
        vendor_unblock(v);
    }
    if (unlikely(!v->reported || (event & EVENT_VALID))) {
        if ((event & ~EVENT_VECTOR) != EVENT_VALID)
            return extended ? start_changed(core, t, v, flags) : VIRT_ENTRY_REFUSED;
        vendor_interrupt(v, event & EVENT_VECTOR); /* an external interrupt, and no more */
    }
    vendor_set_rip(v, t->context.r10);
    read_gprs(v, flags, v->message);
    v->reported = false;
    v->extended = extended;
    return start(core, t, v);
}
