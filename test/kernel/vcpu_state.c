/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Guest registers that the processor does not switch by itself: each guest, and the host, keeps its
 * own.
 */
#include "guest.h"

#include <string.h>

#include <sel4/quoin.h>

/* Loads xmm and x87 from memory, then debug registers, CR2 and TSC_AUX from RBX; stops; stores all
 * of it. */
GUEST_CODE_BLOCK(code_registers, 64,
                 "mov $0xd000, %esi\n"
                 "movdqu (%rsi), %xmm0\n movdqu 16(%rsi), %xmm15\n fldl (%rsi)\n"
                 "mov %rbx, %dr0\n lea 1(%rbx), %rax\n mov %rax, %dr1\n"
                 "lea 2(%rbx), %rax\n mov %rax, %dr2\n lea 3(%rbx), %rax\n mov %rax, %dr3\n"
                 "lea 4(%rbx), %rax\n mov %rax, %cr2\n"
                 "hlt\n"
                 "movdqu %xmm0, 32(%rsi)\n movdqu %xmm15, 48(%rsi)\n fstpl 64(%rsi)\n"
                 "mov %dr0, %rax\n mov %rax, 72(%rsi)\n mov %dr1, %rax\n mov %rax, 80(%rsi)\n"
                 "mov %dr2, %rax\n mov %rax, 88(%rsi)\n mov %dr3, %rax\n mov %rax, 96(%rsi)\n"
                 "mov %cr2, %rax\n mov %rax, 104(%rsi)\n"
                 "hlt");
GUEST_CODE_BLOCK(code_avx, 64,
                 "mov $0xd000, %esi\n vmovdqu (%rsi), %ymm3\n hlt\n vmovdqu %ymm3, 32(%rsi)\n hlt");

static void fill(struct guest *g, uint8_t seed)
{
    for (unsigned i = 0; i < 32; i++) {
        g->memory[GUEST_DATA + i] = (uint8_t)(seed + i);
    }
    g->memory[GUEST_DATA + 7] = 0x3f; /* a normal double */
}

static void first_half(struct guest *g, seL4_Word base)
{
    guest_long_mode(g);
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    guest_set_mr(QUOIN_VM_RBX, base);
    CHECK_EQ(guest_enter(QUOIN_VMENTER_GPRS, NULL), EXIT_HLT);
}

static void second_half(struct guest *g, seL4_Word base)
{
    const uint64_t *words = (const uint64_t *)(const void *)(g->memory + GUEST_DATA);

    CHECK_EQ(guest_run_on(1), EXIT_HLT);
    CHECK_EQ(memcmp(words, words + 4, 32), 0);
    CHECK_EQ(words[0], words[8]);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(words[9 + i], base + i);
    }
}

static struct guest *pair[2];

static void other_guest(struct thread *self)
{
    fill(pair[1], 0x80);
    first_half(pair[1], 0xbbbb0000);
    second_half(pair[1], 0xbbbb0000);
    self->result = 1;
}

/* A register that compiled code leaves alone. */
static void host_xmm_set(uint64_t value)
{
    __asm__ volatile("movq %0, %%xmm15" : : "r"(value) : "xmm15");
}
static uint64_t host_xmm_get(void)
{
    uint64_t value;
    __asm__ volatile("movq %%xmm15, %0" : "=r"(value));
    return value;
}

static void two_guests(seL4_Word core)
{
    struct thread_options options = {.priority = TEST_PRIORITY, .core = core};
    struct thread *other;

    pair[0] = guest_mine();
    pair[1] = guest_new(1);
    GUEST_LOAD(pair[0], code_registers);
    GUEST_LOAD(pair[1], code_registers);
    other = thread_new_with(&options);
    guest_bind(pair[1], other->tcb);

    fill(pair[0], 0x10);
    host_xmm_set(0x1111);
    first_half(pair[0], 0xaaaa0000);
    CHECK_EQ(host_xmm_get(), 0x1111);
    host_xmm_set(0x2222);
    thread_start(other, other_guest, 0, 0, 0);
    thread_join(other);
    CHECK_EQ(other->result, 1);
    CHECK_EQ(host_xmm_get(), 0x2222);
    guest_set_mr(QUOIN_VM_RIP, guest_get(pair[0], F_RIP));
    second_half(pair[0], 0xaaaa0000);
    CHECK_EQ(guest_get(pair[0], QUOIN_FIELD_DR0), 0xaaaa0000);
    CHECK_EQ(guest_get(pair[0], QUOIN_FIELD_CR2), 0xaaaa0004);
    CHECK_EQ(guest_get(pair[1], QUOIN_FIELD_DR3), 0xbbbb0003);
    CHECK_EQ(host_xmm_get(), 0x2222);
}

TEST(vcpu_registers_of_two_guests)
{
    two_guests(0);
}

TEST(vcpu_registers_of_two_guests_on_two_cores)
{
    need_cores(2);
    two_guests(1);
}

/* An ordinary thread between two entries of a guest: it uses no FPU, or its own; sees the host's
 * TSC_AUX and XCR0; and the guest finds everything as it left it. */
GUEST_CODE_BLOCK(code_aux, 64,
                 "mov $0xd000, %esi\n movdqu (%rsi), %xmm3\n rdtscp\n mov %ecx, %ebx\n hlt\n"
                 "movdqu %xmm3, 32(%rsi)\n rdtscp\n mov %ecx, %ebx\n hlt");

/* AUX, XCR0 and XMM3 go to out. In assembly: what the compiler makes may use XMM registers. */
extern void look(seL4_Word out[3], bool xsave, bool use_fpu);
__asm__(".pushsection .text\nlook:\n"
        "mov %rdi, %r8\n mov %edx, %r9d\n"
        "rdtscp\n mov %rcx, (%r8)\n"
        "test %sil, %sil\n jz 1f\n xor %ecx, %ecx\n xgetbv\n mov %rax, 8(%r8)\n"
        "1: test %r9b, %r9b\n jz 2f\n movq %xmm3, 16(%r8)\n pcmpeqd %xmm3, %xmm3\n"
        "2: ret\n.popsection");

/* seL4_Wait without the XMM registers that compiled code would use. */
static void wait_plainly(seL4_CPtr notification)
{
    seL4_Word dest = notification, info = 0;

    __asm__ volatile("mov %[number], %%rdx\n mov %%rsp, %%rbx\n syscall\n mov %%rbx, %%rsp"
                     : "+D"(dest), "+S"(info)
                     : [number] "i"(seL4_SysWait)
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r15", "memory");
}

/* Its start may use XMM registers; behind the wait nothing does. */
static void looks_around(struct thread *self)
{
    wait_plainly(self->arg[2]);
    self->arg[2] = 0;
    look((seL4_Word *)self->arg, self->arg[0], self->arg[1]);
}

GUEST_CODE_BLOCK(code_spin, 64, "sti\n 1: jmp 1b");

static void looks_when_told(struct thread *self)
{
    wait_plainly(self->arg[2]);
    look((seL4_Word *)self->arg, true, false);
    seL4_Signal(self->arg[3]);
}

/* No thread uses the FPU between the guest, which is interrupted, and this one. */
TEST(vcpu_xcr0_is_the_hosts_under_another_thread)
{
    struct guest *g = guest_mine();
    struct thread *other;
    seL4_CPtr signals = notification_new(), go = notification_new();
    seL4_CPtr timer = object_new(QUOIN_TIMER_OBJECT, 0);
    seL4_Word badge, host[3] = {0};

    if (extensions()->xcr0 == 0) {
        test_skip("no XSAVE");
    }
    look(host, true, false);
    CHECK_OK(seL4_TCB_BindNotification(test_tcb, signals));
    GUEST_LOAD(g, code_spin);
    guest_long_mode(g);
    guest_set(g, QUOIN_FIELD_XCR0, 1);
    CHECK_OK(seL4_QuoinTimer_SetNotification(timer, go));
    other = thread_new(HIGHER);
    other->arg[3] = signals;
    thread_start(other, looks_when_told, 0, 0, go);
    CHECK_OK(seL4_QuoinTimer_Arm(timer, time_now() + extensions()->tsc_hz / 100));
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    CHECK_EQ(guest_enter(0, &badge), EXIT_NOTIFICATION);
    CHECK_OK(seL4_TCB_UnbindNotification(test_tcb));
    thread_join(other);
    CHECK_EQ(other->arg[1], host[1]);
}

static void reads_aux(struct thread *self)
{
    self->result = seL4_X86_VCPU_ReadVMCS(self->arg[0], QUOIN_FIELD_TSC_AUX).value;
}

static void other_thread_between(seL4_Word xcr0, bool use_fpu)
{
    struct guest *g = guest_mine();
    bool xsave = extensions()->xcr0 != 0;
    seL4_Word host[3] = {0};

    look(host, xsave, false);

    GUEST_LOAD(g, code_aux);
    guest_long_mode(g);
    fill(g, 0x42);
    if (xsave) {
        guest_set(g, QUOIN_FIELD_XCR0, xcr0);
    }
    guest_set(g, QUOIN_FIELD_TSC_AUX, 0x12345);
    for (unsigned round = 0; round < 3; round++) {
        seL4_CPtr go = notification_new();
        struct thread *other = thread_run(HIGHER, looks_around, xsave, use_fpu, go);

        memset(g->memory + GUEST_DATA + 32, 0, 16);
        CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
        CHECK_EQ(guest_mr(QUOIN_VM_RBX), 0x12345);
        seL4_Word rip = guest_mr(QUOIN_VM_RIP);
        seL4_Signal(go);
        thread_join(other);
        CHECK_EQ(other->arg[0], host[0]);
        CHECK_EQ(other->arg[1], host[1]);
        CHECK_EQ(other->arg[2], 0);
        if (round == 2) {
            other = thread_run(HIGHER, reads_aux, g->vcpu, 0, 0);
            thread_join(other);
            CHECK_EQ(other->result, 0x12345);
        }
        guest_set_mr(QUOIN_VM_RIP, rip);
        CHECK_EQ(guest_run_on(1), EXIT_HLT);
        CHECK_EQ(guest_mr(QUOIN_VM_RBX), 0x12345);
        CHECK_EQ(memcmp(g->memory + GUEST_DATA, g->memory + GUEST_DATA + 32, 16), 0);
    }
    CHECK_EQ(guest_get(g, QUOIN_FIELD_TSC_AUX), 0x12345);
}

TEST(vcpu_registers_under_a_thread_without_fpu)
{
    other_thread_between(extensions()->xcr0, false);
}

TEST(vcpu_registers_under_a_thread_with_fpu)
{
    other_thread_between(extensions()->xcr0, true);
}

TEST(vcpu_registers_under_a_thread_with_another_xcr0)
{
    other_thread_between(3, true);
    other_thread_between(3, false);
}

TEST(vcpu_avx)
{
    struct guest *g = guest_mine();

    if ((extensions()->xcr0 & 7) != 7) {
        test_skip("no AVX");
    }
    GUEST_LOAD(g, code_avx);
    guest_long_mode(g);
    guest_set(g, QUOIN_FIELD_XCR0, 7);
    fill(g, 0x33);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
    host_xmm_set(0x9999);
    CHECK_EQ(guest_run_on(1), EXIT_HLT);
    CHECK_EQ(memcmp(g->memory + GUEST_DATA, g->memory + GUEST_DATA + 32, 32), 0);
    CHECK_EQ(host_xmm_get(), 0x9999);
}

GUEST_CODE_BLOCK(code_xmm, 64,
                 "movq %xmm3, %rax\n psrldq $8, %xmm3\n movq %xmm3, %rbx\n"
                 "mov $0x5555, %ecx\n movq %rcx, %xmm15\n hlt\n");

/* Its VMM reads and writes a guest's XMM registers, and the host's stay. */
TEST(vcpu_xmm_fields)
{
    struct guest *g = guest_mine();
    const seL4_Word xmm3 = QUOIN_FIELD_XMM + 6, xmm15 = QUOIN_FIELD_XMM + 30;

    CHECK_EQ(guest_get(g, xmm15), 0);
    GUEST_LOAD(g, code_xmm);
    guest_long_mode(g);
    host_xmm_set(0x7777);
    guest_set(g, xmm3, 0x1122334455667788);
    guest_set(g, xmm3 + 1, 0x99aabbccddeeff00);
    CHECK_EQ(guest_run_at(GUEST_CODE), EXIT_HLT);
    CHECK_EQ(guest_mr(QUOIN_VM_RAX), 0x1122334455667788);
    CHECK_EQ(guest_mr(QUOIN_VM_RBX), 0x99aabbccddeeff00);
    CHECK_EQ(guest_get(g, xmm15), 0x5555);
    CHECK_EQ(guest_get(g, xmm15 + 1), 0);
    CHECK_EQ(guest_get(g, xmm3), 0x99aabbccddeeff00);
    CHECK_EQ(seL4_X86_VCPU_ReadVMCS(g->vcpu, QUOIN_FIELD_XMM_END).error, seL4_IllegalOperation);
    CHECK_EQ(host_xmm_get(), 0x7777);
}

/* XCR0 of a guest is its own; the host's comes back. */
TEST(vcpu_xcr0)
{
    struct guest *g = guest_mine();

    if (extensions()->xcr0 == 0) {
        test_skip("no XSAVE");
    }
    CHECK_EQ(guest_get(g, QUOIN_FIELD_XCR0), 1);
    guest_set(g, QUOIN_FIELD_XCR0, 3);
    CHECK_EQ(guest_get(g, QUOIN_FIELD_XCR0), 3);
    CHECK_EQ(seL4_X86_VCPU_WriteVMCS(g->vcpu, QUOIN_FIELD_XCR0, 4).error, seL4_InvalidArgument);
    CHECK_EQ(seL4_X86_VCPU_WriteVMCS(g->vcpu, QUOIN_FIELD_XCR0, 0).error, seL4_InvalidArgument);
}

GUEST_CODE_BLOCK(code_clock, 16, "rdtsc\n hlt");

/* A guest's clock runs at a multiple of the host's. */
TEST(vcpu_tsc_ratio)
{
    struct guest *g = guest_mine();
    seL4_Word same = guest_is_svm() ? 1ull << 32 : 1ull << 48; /* 8.32 and 16.48 */
    seL4_Word offset_used = guest_is_svm() ? 0 : 1u << 3;

    if ((extensions()->features & QUOIN_FEATURE_TSC_SCALING) == 0) {
        CHECK_EQ(seL4_X86_VCPU_WriteVMCS(g->vcpu, QUOIN_FIELD_TSC_RATIO, same).error,
                 seL4_IllegalOperation);
        CHECK_EQ(seL4_X86_VCPU_ReadVMCS(g->vcpu, QUOIN_FIELD_TSC_RATIO).error,
                 seL4_IllegalOperation);
        test_skip("no TSC scaling");
    }
    GUEST_LOAD(g, code_clock);
    CHECK_EQ(guest_get(g, QUOIN_FIELD_TSC_RATIO), same);
    CHECK_EQ(seL4_X86_VCPU_WriteVMCS(g->vcpu, QUOIN_FIELD_TSC_RATIO, 0).error,
             seL4_InvalidArgument);
    for (unsigned times = 1; times <= 4; times++) {
        guest_set(g, QUOIN_FIELD_TSC_OFFSET, 1000);
        guest_set(g, QUOIN_FIELD_TSC_RATIO, same * times / 2);
        uint64_t before = time_now();
        guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
        guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT | offset_used);
        guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
        CHECK_EQ(guest_enter(0, NULL), EXIT_HLT);
        uint64_t after = time_now();
        uint64_t seen =
            (guest_mr(QUOIN_VM_RDX) << 32 | (guest_mr(QUOIN_VM_RAX) & 0xffffffff)) - 1000;
        CHECK(seen >= before / 2 * times && seen <= (after / 2 + 1) * times);
    }
}

/* Every field that both vendors have keeps what is written. */
TEST(vcpu_fields)
{
    struct guest *g = guest_mine();
    static const seL4_Word plain[] = {0x4810,
                                      0x4812,
                                      0x482a,
                                      0x6802,
                                      0x6816,
                                      0x6818,
                                      0x681c,
                                      0x681e,
                                      0x6824,
                                      0x6826,
                                      QUOIN_FIELD_TSC_OFFSET,
                                      QUOIN_FIELD_CR2,
                                      QUOIN_FIELD_DR0,
                                      QUOIN_FIELD_DR3,
                                      QUOIN_FIELD_STAR,
                                      QUOIN_FIELD_LSTAR,
                                      QUOIN_FIELD_CSTAR,
                                      QUOIN_FIELD_FMASK,
                                      QUOIN_FIELD_KERNEL_GS_BASE};

    for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        guest_set(g, plain[i], 0x12340 + i);
    }
    for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        CHECK_EQ(guest_get(g, plain[i]), 0x12340 + i);
    }
    for (unsigned i = 0; i < 8; i++) {
        guest_set(g, F_ES_SELECTOR + 2 * i, 0x100 + i);
        guest_set(g, 0x4800 + 2 * i, 0x10000 + i);
        guest_set(g, F_ES_BASE + 2 * i, 0x200000 + i);
        guest_set(g, F_ES_RIGHTS + 2 * i, 0xd093);
    }
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(guest_get(g, F_ES_SELECTOR + 2 * i), 0x100 + i);
        CHECK_EQ(guest_get(g, 0x4800 + 2 * i), 0x10000 + i);
        CHECK_EQ(guest_get(g, F_ES_BASE + 2 * i), 0x200000 + i);
        CHECK_EQ(guest_get(g, F_ES_RIGHTS + 2 * i), 0xd093);
    }
    guest_set(g, F_ES_RIGHTS, 0x10000);
    CHECK(guest_get(g, F_ES_RIGHTS) & 0x10000); /* unusable */
    guest_set(g, F_RFLAGS, 0xffffffff);
    CHECK_EQ(guest_get(g, F_RFLAGS), 0x3f7fd7);
}
