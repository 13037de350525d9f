/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VCPUs: entering a guest, each kind of exit, what the exit reports and what an entry takes.
 */
#include "guest.h"

#include <string.h>

#include <sel4/quoin.h>

GUEST_CODE_BLOCK(code_hlt, 16, "nop\n hlt\n hlt");
GUEST_CODE_BLOCK(code_cpuid, 16, "mov $0x1234, %bx\n cpuid\n hlt");
GUEST_CODE_BLOCK(code_port, 16, "mov $0x5a, %al\n out %al, $0x80\n in $0x71, %al\n hlt");
GUEST_CODE_BLOCK(code_spin, 16, "1: jmp 1b");
GUEST_CODE_BLOCK(code_spin_open, 16, "sti\n 1: jmp 1b");
GUEST_CODE_BLOCK(code_hypercall_svm, 64, "vmmcall\n hlt");
GUEST_CODE_BLOCK(code_hypercall_vmx, 64, "vmcall\n hlt");
GUEST_CODE_BLOCK(code_memory, 64, "mov $0x123450, %ebx\n mov %rax, 8(%rbx)\n hlt");
GUEST_CODE_BLOCK(code_msr, 64,
                 "mov $0x174, %ecx\n mov $0x42, %eax\n xor %edx, %edx\n wrmsr\n"
                 "mov $0xc0000082, %ecx\n rdmsr\n hlt");

TEST(vcpu_hlt)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_hlt);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE + 1);
    CHECK_EQ(guest_run_on(1), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE + 2);
}

TEST(vcpu_registers_pass_in_and_out)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_hypercall_svm);
    if (!guest_is_svm()) {
        GUEST_LOAD(g, code_hypercall_vmx);
    }
    guest_long_mode(g);
    for (unsigned i = 0; i < 15; i++) {
        guest_set_mr(QUOIN_VM_RAX + i, 0x1111111111111111ull * (i + 1));
    }
    guest_set_mr(QUOIN_VM_RSP, 0x7ff0);
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    CHECK_EQ(guest_enter(QUOIN_VMENTER_GPRS | QUOIN_VMENTER_RSP, NULL), EXIT_HYPERCALL);
    for (unsigned i = 0; i < 15; i++) {
        CHECK_EQ(guest_mr(QUOIN_VM_RAX + i), 0x1111111111111111ull * (i + 1));
    }
    CHECK_EQ(guest_mr(QUOIN_VM_RSP), 0x7ff0);
    CHECK_EQ(guest_mr(QUOIN_VM_CR3), GUEST_TABLES);
    CHECK_EQ(guest_mr(QUOIN_VM_CS_RIGHTS), 0xa09b);
    CHECK_EQ(guest_mr(QUOIN_VM_EFER), 0xd01);
    /* Without the flag what stands in the buffer is not loaded. */
    guest_set_mr(QUOIN_VM_RBX, 7);
    CHECK_EQ(guest_run_on(3), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RBX), 0x2222222222222222ull);
}

TEST(vcpu_write_registers)
{
    struct guest *g = guest_mine();
    seL4_VCPUContext regs = {.eax = 1, .ebx = 2, .ecx = 3, .edx = 4, .esi = 5, .edi = 6, .ebp = 7};

    GUEST_LOAD(g, code_hlt);
    CHECK_OK(seL4_X86_VCPU_WriteRegisters(g->vcpu, &regs));
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
    for (unsigned i = 0; i < 7; i++) {
        CHECK_EQ(guest_mr(QUOIN_VM_RAX + i), i + 1);
    }
}

TEST(vcpu_plain_vmenter)
{
    struct guest *g = guest_mine();
    seL4_IPCBuffer *b = seL4_GetIPCBuffer();

    GUEST_LOAD(g, code_cpuid);
    b->msg[0] = GUEST_CODE;
    b->msg[1] = CONTROL_HLT;
    b->msg[2] = 0;
    b->msg[QUOIN_VM_RSP] = 0xdead;
    CHECK_EQ(seL4_VMEnter(NULL), SEL4_VMENTER_RESULT_FAULT);
    CHECK_EQ(b->msg[SEL4_VMENTER_CALL_EIP_MR], GUEST_CODE + 3);
    CHECK_EQ(b->msg[SEL4_VMENTER_FAULT_REASON_MR], guest_is_svm() ? 0x72 : 10);
    CHECK_EQ(b->msg[SEL4_VMENTER_FAULT_EBX], 0x1234);
    CHECK_EQ(b->msg[SEL4_VMENTER_FAULT_RFLAGS_MR], 2);
    CHECK_EQ(b->msg[QUOIN_VM_RSP], 0xdead); /* only the extended call writes it */
}

GUEST_CODE_BLOCK(code_far, 64, "mov $0x3ffff8, %ebx\n mov $0x1234, %eax\n mov %rax, (%rbx)\n hlt");

/* One frame of 1 GiB in the guest's space, written at its end; the guest sees it at 2 MiB. */
TEST(vcpu_huge_page)
{
    const seL4_Word gib = 1ull << seL4_HugePageBits, own = 1ull << 40;
    struct guest *g = guest_mine();
    seL4_Word i = 0, count = boot_info->untyped.end - boot_info->untyped.start;
    seL4_CPtr page = slot_new();

    while (i < count && (boot_info->untypedList[i].isDevice ||
                         boot_info->untypedList[i].sizeBits < seL4_HugePageBits)) {
        i++;
    }
    if (i == count) {
        test_skip("no untyped of 1 GiB");
    }
    CHECK_OK(seL4_Untyped_Retype(boot_info->untyped.start + i, seL4_X64_HugePageObject, 0, ROOT, 0,
                                 0, page, 1));
    if ((extensions()->features & QUOIN_FEATURE_EPT_1G) == 0) {
        CHECK_EQ(seL4_X86_Page_MapEPT(page, g->ept, gib, seL4_AllRights,
                                      seL4_X86_EPT_Default_VMAttributes),
                 seL4_IllegalOperation);
        test_skip("no guest pages of 1 GiB");
    }
    CHECK_EQ(seL4_X86_Page_MapEPT(page, g->ept, gib / 2, seL4_AllRights,
                                  seL4_X86_EPT_Default_VMAttributes),
             seL4_AlignmentError);
    CHECK_OK(
        seL4_X86_Page_MapEPT(page, g->ept, gib, seL4_AllRights, seL4_X86_EPT_Default_VMAttributes));
    GUEST_LOAD(g, code_far);
    guest_long_mode(g);
    uint64_t *tables = (uint64_t *)(void *)(g->memory + GUEST_TABLES);
    tables[1025] = (2 * gib - 0x200000) | 0x87;
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);

    seL4_CPtr copy = cap_mint(page, seL4_AllRights, 0);
    CHECK_OK(seL4_X86_PDPT_Map(object_new(seL4_X86_PDPTObject, 0), VSPACE, own, 0));
    CHECK_OK(seL4_X86_Page_Map(copy, VSPACE, own, seL4_ReadWrite, seL4_X86_Default_VMAttributes));
    CHECK_EQ(*(volatile uint64_t *)(own + gib - 8), 0x1234);

    CHECK_OK(seL4_X86_Page_Unmap(page));
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_MEMORY);
    CHECK_EQ(guest_mr(QUOIN_VM_GUEST_PHYSICAL), 2 * gib - 8);
    CHECK_OK(cap_delete(copy));
    CHECK_OK(cap_delete(page));
}

TEST(vcpu_ports_exit)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_port);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_PORT);
    CHECK_EQ(guest_mr(QUOIN_VM_QUALIFICATION) >> 16 & 0xffff, 0x80);
    CHECK_EQ(guest_mr(QUOIN_VM_RAX) & 0xff, 0x5a);
    CHECK_EQ(guest_mr(QUOIN_VM_INSTRUCTION_LEN), 2);
    CHECK_EQ(guest_run_on(2), EXIT_PORT);
    CHECK_EQ(guest_mr(QUOIN_VM_QUALIFICATION) >> 16 & 0xffff, 0x71);
    CHECK_EQ(guest_run_on(2), EXIT_HLT);
}

TEST(vcpu_memory_violation)
{
    struct guest *g = guest_mine();

    guest_long_mode(g);
    GUEST_LOAD(g, code_memory);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_MEMORY);
    CHECK_EQ(guest_mr(QUOIN_VM_GUEST_PHYSICAL), 0x123458);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE + 5);
    CHECK_EQ(guest_mr(QUOIN_VM_QUALIFICATION) & 2, 2); /* a write, on both vendors */
}

TEST(vcpu_without_a_space)
{
    struct guest *g = guest_new(0);

    CHECK_OK(seL4_X86_VCPU_SetTCB(g->vcpu, test_tcb));
    guest_real_mode(g);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_MEMORY);
    CHECK_EQ(guest_mr(QUOIN_VM_GUEST_PHYSICAL) & ~0xfffull, GUEST_CODE);
}

TEST(vcpu_space_deleted)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_hlt);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
    CHECK_OK(cap_revoke(g->ept)); /* takes the TCB's copy */
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_MEMORY);
    CHECK_OK(seL4_TCB_SetEPTRoot(test_tcb, g->ept));
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
}

TEST(vcpu_unmapped_frame)
{
    struct guest *g = guest_mine();

    GUEST_LOAD(g, code_hlt);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
    CHECK_OK(seL4_X86_Page_Unmap(g->frames[GUEST_CODE / 4096]));
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_MEMORY);
    CHECK_OK(seL4_X86_Page_MapEPT(g->frames[GUEST_CODE / 4096], g->ept, GUEST_CODE, seL4_AllRights,
                                  seL4_X86_EPT_WriteBack));
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
    CHECK_OK(seL4_X86_EPTPT_Unmap(g->pt));
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_MEMORY);
}

TEST(vcpu_read_only_frame)
{
    struct guest *g = guest_mine();

    guest_long_mode(g);
    GUEST_LOAD(g, code_memory);
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE + 5);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    guest_set_mr(QUOIN_VM_RAX, 0x77);
    guest_set_mr(QUOIN_VM_RBX, GUEST_DATA);
    CHECK_EQ(guest_enter(QUOIN_VMENTER_GPRS, NULL), EXIT_HLT);
    CHECK_EQ(g->memory[GUEST_DATA + 8], 0x77);
    CHECK_OK(seL4_X86_Page_MapEPT(g->frames[GUEST_DATA / 4096], g->ept, GUEST_DATA,
                                  seL4_CapRights_new(0, 0, 1, 0), seL4_X86_EPT_WriteBack));
    CHECK_EQ(guest_run_at(GUEST_CODE + 5), EXIT_MEMORY);
    CHECK_EQ(guest_mr(QUOIN_VM_GUEST_PHYSICAL), GUEST_DATA + 8);
}

TEST(vcpu_msr_access)
{
    struct guest *g = guest_mine();

    guest_long_mode(g);
    GUEST_LOAD(g, code_msr);
    guest_set(g, QUOIN_FIELD_LSTAR, 0x123456789000);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_MSR); /* SYSENTER_CS does not exit, LSTAR does */
    CHECK_EQ(guest_mr(QUOIN_VM_RCX), 0xc0000082);
    CHECK_EQ(guest_get(g, F_SYSENTER_CS), 0x42);
    CHECK_OK(seL4_QuoinVCPU_SetMSRAccess(g->vcpu, 0xc0000082, QUOIN_MSR_READ | QUOIN_MSR_WRITE));
    CHECK_EQ(guest_run_at(GUEST_CODE + 19), EXIT_HLT); /* from RDMSR on */
    CHECK_EQ(guest_mr(QUOIN_VM_RAX), 0x56789000);
    CHECK_EQ(guest_mr(QUOIN_VM_RDX), 0x1234);
    CHECK_OK(seL4_QuoinVCPU_SetMSRAccess(g->vcpu, 0xc0000082, 0));
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_MSR);
    /* Not every MSR may be passed through: EFER, MTRR capabilities, the host's own. */
    CHECK_EQ(seL4_QuoinVCPU_SetMSRAccess(g->vcpu, 0xc0000080, QUOIN_MSR_READ),
             seL4_IllegalOperation);
    CHECK_EQ(seL4_QuoinVCPU_SetMSRAccess(g->vcpu, 0xfe, QUOIN_MSR_READ), seL4_IllegalOperation);
    CHECK_EQ(seL4_QuoinVCPU_SetMSRAccess(g->vcpu, 0x10, QUOIN_MSR_WRITE), seL4_IllegalOperation);
    CHECK_EQ(seL4_QuoinVCPU_SetMSRAccess(g->vcpu, 0x10, 4), seL4_InvalidArgument);
}

TEST(vcpu_ports_given)
{
    struct guest *g = guest_mine();
    seL4_CPtr port = slot_new();

    CHECK_OK(
        seL4_X86_IOPortControl_Issue(seL4_CapIOPortControl, 0x80, 0x8f, ROOT, port, ROOT_DEPTH));
    GUEST_LOAD(g, code_port);
    CHECK_EQ(seL4_X86_VCPU_EnableIOPort(g->vcpu, port, 0x7f, 0x80), seL4_RangeError);
    CHECK_OK(seL4_X86_VCPU_EnableIOPort(g->vcpu, port, 0x80, 0x83));
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_PORT);
    CHECK_EQ(guest_mr(QUOIN_VM_QUALIFICATION) >> 16 & 0xffff, 0x71); /* 0x80 did not exit */
    CHECK_OK(seL4_X86_VCPU_DisableIOPort(g->vcpu, 0x80, 0x80));
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_PORT);
    CHECK_EQ(guest_mr(QUOIN_VM_QUALIFICATION) >> 16 & 0xffff, 0x80);
    CHECK_OK(seL4_X86_VCPU_EnableIOPort(g->vcpu, port, 0x80, 0x80));
    CHECK_OK(cap_delete(port)); /* the ports go with the capability */
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_PORT);
    CHECK_EQ(guest_mr(QUOIN_VM_QUALIFICATION) >> 16 & 0xffff, 0x80);
}

static void sleep_and_signal(struct thread *self)
{
    sleep_us(self->arg[1]);
    seL4_Signal(self->arg[0]);
}

TEST(vcpu_notification_pending)
{
    struct guest *g = guest_mine();
    seL4_CPtr notification = notification_new();
    seL4_Word badge = 0;

    GUEST_LOAD(g, code_hlt);
    CHECK_OK(seL4_TCB_BindNotification(test_tcb, notification));
    seL4_Signal(cap_mint(notification, seL4_AllRights, 5));
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, EVENT_VALID | 0x20);
    guest_set_mr(QUOIN_VM_RDX, 99);
    CHECK_EQ(guest_enter(QUOIN_VMENTER_GPRS, &badge), EXIT_NOTIFICATION);
    CHECK_EQ(badge, 5);
    CHECK_EQ(guest_mr(QUOIN_VM_RIP), GUEST_CODE);
    CHECK(guest_mr(QUOIN_VM_CONTROLS) & CONTROL_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_ENTRY_INFO), EVENT_VALID | 0x20); /* not injected */
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RDX), 99); /* but the registers were taken */
}

static void notification_ends_a_loop(const uint8_t *start, const uint8_t *end)
{
    struct guest *g = guest_mine();
    seL4_CPtr notification = notification_new();
    seL4_Word badge = 0;

    guest_load(g, start, end);
    CHECK_OK(seL4_TCB_BindNotification(test_tcb, notification));
    thread_run(HIGHER, sleep_and_signal, cap_mint(notification, seL4_AllRights, 9), 20000, 0);
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    guest_set_mr(QUOIN_VM_RSI, 0x4321);
    CHECK_EQ(guest_enter(QUOIN_VMENTER_GPRS, &badge), EXIT_NOTIFICATION);
    CHECK_EQ(badge, 9);
    CHECK_RANGE(guest_mr(QUOIN_VM_RIP), GUEST_CODE, GUEST_CODE + 1);
    CHECK_EQ(guest_mr(QUOIN_VM_RSI), 0x4321);
}

TEST(vcpu_notification_while_running)
{
    notification_ends_a_loop(code_spin_open, code_spin_open_end);
}

TEST(vcpu_notification_while_running_with_interrupts_off)
{
    need_guests();
    if (!guest_is_svm()) {
        test_skip("Bochs 2.7 holds interrupts back from a guest that entered with IF clear");
    }
    notification_ends_a_loop(code_spin, code_spin_end);
}

TEST(vcpu_deadline)
{
    struct guest *g = guest_mine();
    seL4_CPtr notification = notification_new();
    seL4_CPtr timer = object_new(QUOIN_TIMER_OBJECT, 0);
    seL4_Word badge = 0;
    uint64_t start = time_now();

    GUEST_LOAD(g, code_spin_open);
    CHECK_OK(seL4_TCB_BindNotification(test_tcb, notification));
    CHECK_OK(seL4_QuoinTimer_SetNotification(timer, cap_mint(notification, seL4_AllRights, 3)));
    CHECK_OK(seL4_QuoinVCPU_SetTimer(g->vcpu, timer));
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    guest_set_mr(QUOIN_VM_DEADLINE, start + extensions()->tsc_hz / 50);
    CHECK_EQ(guest_enter(QUOIN_VMENTER_DEADLINE, &badge), EXIT_NOTIFICATION);
    CHECK_EQ(badge, 3);
    CHECK(time_us(time_now() - start) >= 20000);
}
