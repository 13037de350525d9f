/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ports that the kernel serves in the VMM's stead.
 */
#include "guest.h"

#include <sel4/quoin.h>

/* Three bytes to port 0x80 and a look at 0x71 before each, as drivers of serial lines do. */
GUEST_CODE_BLOCK(code_polled, 16,
                 "mov $0x41, %bl\n mov $3, %cx\n"
                 "1: in $0x71, %al\n mov %al, %bh\n mov %bl, %al\n out %al, $0x80\n inc %bl\n"
                 "loop 1b\n hlt");
/* 65 bytes, one more than are collected. */
GUEST_CODE_BLOCK(code_many, 16, "xor %al, %al\n 1: out %al, $0x80\n inc %al\n jmp 1b");
GUEST_CODE_BLOCK(
    code_written, 16,
    "mov $0x41, %al\n 1: out %al, $0x80\n inc %al\n cmp $0x44, %al\n jne 1b\n 2: jmp 2b");
GUEST_CODE_BLOCK(code_wide, 16, "mov $0x1234, %ax\n out %ax, $0x80\n in $0x71, %ax\n hlt");
GUEST_CODE_BLOCK(code_look, 16, "in $0x71, %al\n hlt");

static void serve_both(struct guest *g)
{
    CHECK_OK(seL4_QuoinVCPU_ServePort(g->vcpu, 0x71, QUOIN_PORT_ANSWER, 0x60));
    CHECK_OK(seL4_QuoinVCPU_ServePort(g->vcpu, 0x80, QUOIN_PORT_COLLECT, 0));
}

static enum guest_exit run(seL4_Word rip, seL4_Word changed)
{
    guest_set_mr(QUOIN_VM_RIP, rip);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    guest_set_mr(QUOIN_VM_COLLECTED, 0);
    return guest_enter(changed, NULL);
}

static seL4_Word exit_port(void)
{
    return guest_mr(QUOIN_VM_QUALIFICATION) >> 16 & 0xffff;
}

TEST(vcpu_ports_served)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_polled);
    serve_both(g);
    CHECK_EQ(run(GUEST_CODE, QUOIN_VMENTER_COLLECT), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_COLLECTED), 3);
    CHECK_EQ(guest_mr(QUOIN_VM_COLLECTED_BYTES), 0x434241);
    CHECK_EQ(guest_mr(QUOIN_VM_RBX) & 0xffff, 0x6044);
    /* Handed over once, and collected only where the entry says so. */
    CHECK_EQ(run(GUEST_CODE, 0), EXIT_PORT);
    CHECK_EQ(guest_mr(QUOIN_VM_COLLECTED), 0);
    CHECK_EQ(exit_port(), 0x80);
    CHECK_EQ(guest_mr(QUOIN_VM_RAX) & 0xff, 0x41);
    /* Another answer, and none. */
    CHECK_OK(seL4_QuoinVCPU_ServePort(g->vcpu, 0x71, QUOIN_PORT_ANSWER, 0x61));
    CHECK_EQ(run(GUEST_CODE, QUOIN_VMENTER_COLLECT), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RBX) >> 8 & 0xff, 0x61);
    CHECK_OK(seL4_QuoinVCPU_ServePort(g->vcpu, 0x71, QUOIN_PORT_EXIT, 0));
    CHECK_EQ(run(GUEST_CODE, QUOIN_VMENTER_COLLECT), EXIT_PORT);
    CHECK_EQ(exit_port(), 0x71);
}

TEST(vcpu_ports_collect_no_more_than_fits)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_many);
    serve_both(g);
    CHECK_EQ(run(GUEST_CODE, QUOIN_VMENTER_COLLECT), EXIT_PORT);
    CHECK_EQ(exit_port(), 0x80);
    CHECK_EQ(guest_mr(QUOIN_VM_RAX) & 0xff, QUOIN_COLLECT_MAX);
    CHECK_EQ(guest_mr(QUOIN_VM_COLLECTED), QUOIN_COLLECT_MAX);
    for (unsigned i = 0; i < QUOIN_COLLECT_MAX; i++) {
        CHECK_EQ(guest_mr(QUOIN_VM_COLLECTED_BYTES + i / 8) >> i % 8 * 8 & 0xff, i);
    }
}

TEST(vcpu_ports_collected_come_with_a_notification)
{
    struct guest *g = guest_mine();
    seL4_CPtr notification = notification_new();
    seL4_Word badge = 0;

    GUEST_LOAD(g, code_written);
    serve_both(g);
    CHECK_OK(seL4_TCB_BindNotification(test_tcb, notification));
    seL4_CPtr timer = object_new(QUOIN_TIMER_OBJECT, 0);
    CHECK_OK(seL4_QuoinTimer_SetNotification(timer, cap_mint(notification, seL4_AllRights, 5)));
    CHECK_OK(seL4_QuoinVCPU_SetTimer(g->vcpu, timer));
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    guest_set_mr(QUOIN_VM_COLLECTED, 0);
    guest_set_mr(QUOIN_VM_DEADLINE, time_now() + extensions()->tsc_hz / 20);
    CHECK_EQ(guest_enter(QUOIN_VMENTER_COLLECT | QUOIN_VMENTER_DEADLINE, &badge),
             EXIT_NOTIFICATION);
    CHECK_EQ(badge, 5);
    CHECK_EQ(guest_mr(QUOIN_VM_COLLECTED), 3);
    CHECK_EQ(guest_mr(QUOIN_VM_COLLECTED_BYTES), 0x434241);
}

TEST(vcpu_ports_served_by_the_byte)
{
    struct guest *g = guest_mine();

    serve_both(g);
    GUEST_LOAD(g, code_wide);
    CHECK_EQ(run(GUEST_CODE, QUOIN_VMENTER_COLLECT), EXIT_PORT);
    CHECK_EQ(exit_port(), 0x80);
    CHECK_EQ(run(guest_mr(QUOIN_VM_RIP) + 2, QUOIN_VMENTER_COLLECT), EXIT_PORT);
    CHECK_EQ(exit_port(), 0x71);
    CHECK_EQ(guest_mr(QUOIN_VM_COLLECTED), 0);
}

TEST(vcpu_ports_of_a_stepped_guest_exit)
{
    struct guest *g = guest_mine();

    serve_both(g);
    GUEST_LOAD(g, code_look);
    CHECK_EQ(run(GUEST_CODE, QUOIN_VMENTER_COLLECT), EXIT_HLT);
    guest_set(g, F_RFLAGS, 0x102); /* TF: a debug exception is due behind the instruction */
    CHECK_EQ(run(GUEST_CODE, QUOIN_VMENTER_COLLECT), EXIT_PORT);
    CHECK_EQ(exit_port(), 0x71);
}

TEST(vcpu_ports_served_are_few)
{
    struct guest *g = guest_mine();

    for (unsigned i = 0; i < QUOIN_PORTS_SERVED; i++) {
        CHECK_OK(seL4_QuoinVCPU_ServePort(g->vcpu, 0x100 + i, QUOIN_PORT_ANSWER, i));
    }
    CHECK_EQ(seL4_QuoinVCPU_ServePort(g->vcpu, 0x200, QUOIN_PORT_ANSWER, 0), seL4_NotEnoughMemory);
    CHECK_OK(seL4_QuoinVCPU_ServePort(g->vcpu, 0x100, QUOIN_PORT_COLLECT, 0));
    CHECK_OK(seL4_QuoinVCPU_ServePort(g->vcpu, 0x300, QUOIN_PORT_EXIT, 0));
    CHECK_OK(seL4_QuoinVCPU_ServePort(g->vcpu, 0x101, QUOIN_PORT_EXIT, 0));
    CHECK_OK(seL4_QuoinVCPU_ServePort(g->vcpu, 0x200, QUOIN_PORT_ANSWER, 0));
    CHECK_EQ(seL4_QuoinVCPU_ServePort(g->vcpu, 0x10000, QUOIN_PORT_ANSWER, 0), seL4_RangeError);
    CHECK_EQ(seL4_QuoinVCPU_ServePort(g->vcpu, 0x100, 3, 0), seL4_InvalidArgument);
    CHECK_EQ(seL4_QuoinVCPU_ServePort(g->vcpu, 0x100, QUOIN_PORT_ANSWER, 0x100),
             seL4_InvalidArgument);
}
