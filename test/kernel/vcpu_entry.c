/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Entries by the short way (kernel/x86/vcpu.c), and what leads off it. Compiled without vector
 * registers: a VMM that uses them has its guest's put away, and goes the long way.
 */
#include "event.h"

GUEST_CODE_BLOCK(code_nops, 16, "nop\n nop\n sti\n nop\n nop\n hlt");

/* The VCPU is the core's, and has exited. */
static struct guest *guest_that_exited(void)
{
    struct guest *g = guest_with_handlers(code_nops, code_nops_end);

    CHECK_EQ(inject(GUEST_CODE, 0, 0, 2 | RFLAGS_IF), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE + 5);
    return g;
}

static enum guest_exit enter_at(seL4_Word rip, uint32_t info, seL4_Word changed, seL4_Word *badge)
{
    guest_set_mr(QUOIN_VM_RIP, rip);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, info);
    return guest_enter(changed, badge);
}

/* A signal that waits ends the entry at once; what was to change has changed, and an event is given
 * back. Afterwards nothing waits any more. */
static void check_pending(seL4_Word changed, uint32_t info)
{
    struct guest *g = guest_that_exited();
    seL4_CPtr notification = notification_new();
    seL4_Word badge = 0;

    CHECK_OK(seL4_TCB_BindNotification(test_tcb, notification));
    seL4_Signal(cap_mint(notification, seL4_AllRights, 5));
    seL4_Signal(cap_mint(notification, seL4_AllRights, 8));
    guest_set_mr(QUOIN_VM_RAX, 0x77);
    guest_set_mr(QUOIN_VM_RSI, 0x99);
    guest_set_mr(QUOIN_VM_RFLAGS, 2 | RFLAGS_IF | 0x800);
    guest_set_mr(QUOIN_VM_INTERRUPTIBILITY, 0);
    CHECK_EQ(enter_at(GUEST_CODE + 1, info, changed, &badge), EXIT_NOTIFICATION);
    CHECK_EQ(badge, 13);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE + 1);
    CHECK_EQ(guest_mr(QUOIN_VM_ENTRY_INFO), info);
    CHECK(guest_mr(QUOIN_VM_CONTROLS) & CONTROL_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RAX) == 0x77,
             (changed & (QUOIN_VMENTER_GPRS | QUOIN_VMENTER_RAX_TO_RDX)) != 0);
    CHECK_EQ(guest_mr(QUOIN_VM_RSI) == 0x99, (changed & QUOIN_VMENTER_GPRS) != 0);
    CHECK_EQ((guest_mr(QUOIN_VM_RFLAGS) & 0x800) != 0, (changed & QUOIN_VMENTER_RFLAGS) != 0);
    CHECK_EQ(enter_at(GUEST_CODE + 1, info, 0, &badge), EXIT_HLT);
    if (info != 0) {
        check_handler(g, info & 0xff, GUEST_CODE + 1);
    } else {
        CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE + 5);
    }
}

TEST(vcpu_entry_with_a_signal)
{
    check_pending(0, 0);
}

TEST(vcpu_entry_with_a_signal_and_registers)
{
    check_pending(QUOIN_VMENTER_GPRS, 0);
}

TEST(vcpu_entry_with_a_signal_and_some_registers)
{
    check_pending(QUOIN_VMENTER_RAX_TO_RDX | QUOIN_VMENTER_INTERRUPTIBILITY, 0);
}

TEST(vcpu_entry_with_a_signal_and_more)
{
    check_pending(QUOIN_VMENTER_RFLAGS, 0);
}

TEST(vcpu_entry_with_a_signal_and_an_interrupt)
{
    check_pending(0, EVENT_VALID | 0x55);
}

/* STI; HLT: the exit leaves interrupts blocked. An entry behind the HLT that says so unblocks them,
 * and the interrupt comes at once. An interrupt of the host's between the two makes QEMU's TCG
 * forget the block (doc/CAVEATS.md); then it is tried again. */
GUEST_CODE_BLOCK(code_sti_hlt, 16, "sti\n hlt\n nop\n nop\n hlt");

static struct guest *guest_behind_sti(void)
{
    struct guest *g = guest_with_handlers(code_sti_hlt, code_sti_hlt_end);

    for (unsigned tries = 0; tries < 20; tries++) {
        CHECK_EQ(inject(GUEST_CODE, 0, 0, 2), EXIT_HLT);
        CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE + 1);
        if (guest_mr(QUOIN_VM_INTERRUPTIBILITY) == 1)
            break;
    }
    CHECK_EQ(guest_mr(QUOIN_VM_INTERRUPTIBILITY), 1);
    return g;
}

TEST(vcpu_entry_that_unblocks_interrupts)
{
    struct guest *g = guest_behind_sti();

    guest_set_mr(QUOIN_VM_INTERRUPTIBILITY, 0);
    CHECK_EQ(enter_at(GUEST_CODE + 2, EVENT_VALID | 0x66, QUOIN_VMENTER_INTERRUPTIBILITY, NULL),
             EXIT_HLT);
    check_handler(g, 0x66, GUEST_CODE + 2);
}

/* What is not unblocked, or not all of it, is so still. */
static void check_blocked(seL4_Word interruptibility, seL4_Word expected)
{
    seL4_CPtr notification = notification_new();

    guest_behind_sti();
    CHECK_OK(seL4_TCB_BindNotification(test_tcb, notification));
    seL4_Signal(notification);
    guest_set_mr(QUOIN_VM_INTERRUPTIBILITY, interruptibility);
    CHECK_EQ(enter_at(GUEST_CODE + 2, 0, QUOIN_VMENTER_INTERRUPTIBILITY, NULL), EXIT_NOTIFICATION);
    CHECK_EQ(guest_mr(QUOIN_VM_INTERRUPTIBILITY), expected);
    CHECK_EQ(enter_at(GUEST_CODE + 2, 0, 0, NULL), EXIT_HLT);
}

TEST(vcpu_entry_that_leaves_interrupts_blocked)
{
    check_blocked(1, 1);
}

TEST(vcpu_entry_that_blocks_nmis)
{
    check_blocked(8, 8);
}

TEST(vcpu_entry_that_unblocks_all)
{
    check_blocked(0, 0);
}

/* Bits that are none: the entry is refused, by the long way, and changes nothing. */
TEST(vcpu_entry_with_impossible_interruptibility)
{
    guest_behind_sti();
    guest_set_mr(QUOIN_VM_INTERRUPTIBILITY, 0x10000);
    CHECK_EQ(enter_at(GUEST_CODE + 2, 0, QUOIN_VMENTER_INTERRUPTIBILITY, NULL), EXIT_REFUSED);
    CHECK_EQ(guest_mr(QUOIN_VM_INTERRUPTIBILITY), 1);
    CHECK_EQ(enter_at(GUEST_CODE + 2, 0, 0, NULL), EXIT_HLT);
}

static seL4_Word enter_raw(seL4_Word changed, seL4_Word info)
{
    struct seL4_x64_registers r = {
        .rdi = changed, .mr0 = GUEST_CODE, .mr1 = CONTROL_HLT, .mr2 = info};

    seL4_x64_syscall_short((seL4_Word)QUOIN_SYS_VMENTER, &r);
    return r.rsi == SEL4_VMENTER_RESULT_NOTIF ? 0 : r.mr3;
}

static void loses_its_buffer(struct thread *self)
{
    self->step = enter_raw(0, 0) != QUOIN_VM_ENTRY_FAILED;
    self->step += seL4_TCB_SetIPCBuffer(self->tcb, 0, 0) == seL4_NoError;
    for (unsigned i = 0; i < 3; i++) {
        self->result += enter_raw(QUOIN_VMENTER_GPRS, EVENT_VALID | 0x20) == QUOIN_VM_ENTRY_FAILED;
        self->result += enter_raw(QUOIN_VMENTER_INTERRUPTIBILITY, 0) == QUOIN_VM_ENTRY_FAILED;
        self->result += enter_raw(0, EVENT_VALID | 0x20) == QUOIN_VM_ENTRY_FAILED;
    }
    self->step++;
}

/* Without an IPC buffer there are no registers for the guest: such an entry is refused, also where
 * the VCPU is ready for it. */
TEST(vcpu_entry_without_a_buffer)
{
    struct guest *g = guest_new(0);
    struct thread *t = thread_new(HIGHER);

    GUEST_LOAD(g, code_nops);
    guest_real_mode(g);
    guest_bind(g, t->tcb);
    thread_start(t, loses_its_buffer, 0, 0, 0);
    CHECK_EQ(t->step, 3);
    CHECK_EQ(t->result, 9);
}
