/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Guests that run while other threads, on other cores or their own, change what they run on.
 */
#include "guest.h"

#include <sel4/quoin.h>

GUEST_CODE_BLOCK(code_count, 64,
                 "mov $0xd000, %esi\n sti\n"
                 "1: incq (%rsi)\n jmp 1b");
GUEST_CODE_BLOCK(code_count_other_page, 64,
                 "mov $0xd000, %esi\n sti\n"
                 "1: incq (%rsi)\n incq 0x1000(%rsi)\n jmp 1b");
GUEST_CODE_BLOCK(code_keep_xmm, 64,
                 "mov $0xd000, %esi\n sti\n movq %rbx, %xmm7\n mov %rbx, %dr2\n"
                 "1: incq (%rsi)\n movq %xmm7, %rax\n cmp %rax, %rbx\n jne 2f\n"
                 "mov %dr2, %rax\n cmp %rax, %rbx\n je 1b\n"
                 "2: hlt");

static volatile uint64_t *counter(struct guest *g)
{
    return (volatile uint64_t *)(void *)(g->memory + GUEST_DATA);
}

/* Waits until the guest has counted on. */
static bool counts(struct guest *g)
{
    uint64_t before = *counter(g);
    for (unsigned i = 0; i < 1000; i++) {
        sleep_us(1000);
        if (*counter(g) != before) {
            return true;
        }
    }
    return false;
}

/* Runs the guest until it exits; step counts the notifications that interrupted it. */
static void run_guest(struct thread *self)
{
    seL4_Word badge;
    guest_set_mr(QUOIN_VM_RIP, GUEST_CODE);
    guest_set_mr(QUOIN_VM_CONTROLS, CONTROL_HLT);
    guest_set_mr(QUOIN_VM_ENTRY_INFO, 0);
    guest_set_mr(QUOIN_VM_RBX, self->arg[0]);
    seL4_Word changed = QUOIN_VMENTER_GPRS;
    enum guest_exit e;
    while ((e = guest_enter(changed, &badge)) == EXIT_NOTIFICATION) {
        self->step++;
        changed = 0;
    }
    self->result = (seL4_Word)e;
}

/* A guest counting on a thread of the last core, or of core 0 below the test. */
static struct thread *start_counting(struct guest *g, seL4_Word core)
{
    struct thread_options options = {.priority = LOWER, .core = core};
    struct thread *t = thread_new_with(&options);

    guest_bind(g, t->tcb);
    guest_long_mode(g);
    thread_start(t, run_guest, 0x5a5a5a5a5a, 0, 0);
    CHECK(counts(g));
    return t;
}

static seL4_Word other_core(void)
{
    return boot_info->numNodes - 1;
}

static void notifications(seL4_Word core)
{
    struct guest *g = guest_new(0);
    seL4_CPtr notification = notification_new();

    GUEST_LOAD(g, code_count);
    struct thread *t = start_counting(g, core);
    CHECK_OK(seL4_TCB_BindNotification(t->tcb, notification));
    for (seL4_Word i = 1; i <= 8; i++) {
        seL4_Signal(notification);
        for (unsigned n = 0; n < 1000 && t->step < i; n++) {
            sleep_us(1000);
        }
        CHECK_EQ(t->step, i);
        CHECK(counts(g));
    }
}

TEST(vcpu_kicked_on_its_core)
{
    notifications(0);
}

TEST(vcpu_kicked_on_another_core)
{
    need_cores(2);
    notifications(other_core());
}

/* Spins until it is told to stop, and tells how often the guest had been interrupted then. */
static void spin_until_told(struct thread *self)
{
    const struct thread *guest = (const struct thread *)self->arg[0];

    while (*(volatile seL4_Word *)&self->arg[1] == 0) {
        self->step++;
    }
    self->result = guest->step;
    self->step = 0;
}

/* A guest that is interrupted while it waits for its turn goes on waiting: guests whose timers
 * fire in the others' turns would change places with each other, and others of their priority
 * never run. */
TEST(vcpu_kicked_keeps_its_turn)
{
    struct guest *g = guest_new(0);
    seL4_CPtr notification = notification_new();
    struct thread_options long_slices = {.priority = LOWER, .budget = 1000000, .period = 1000000};

    GUEST_LOAD(g, code_count);
    struct thread *t = start_counting(g, 0);
    CHECK_OK(seL4_TCB_BindNotification(t->tcb, notification));
    struct thread *other = thread_new_with(&long_slices);
    thread_start(other, spin_until_told, (seL4_Word)t, 0, 0);
    while (other->step == 0) {
        sleep_us(1000);
    }
    seL4_Signal(notification);
    *(volatile seL4_Word *)&other->arg[1] = 1;
    thread_join(other);
    CHECK_EQ(other->result, 0);
    for (unsigned n = 0; n < 1000 && t->step == 0; n++) {
        sleep_us(1000);
    }
    CHECK_EQ(t->step, 1);
}

/* A page that is taken away is gone when Unmap returns, whatever core the guest runs on. */
static void unmap(seL4_Word core)
{
    struct guest *g = guest_new(0);
    volatile uint64_t *word = (volatile uint64_t *)(void *)(g->memory + GUEST_DATA + 0x1000);

    GUEST_LOAD(g, code_count_other_page);
    struct thread *t = start_counting(g, core);
    while (*word == 0) {
        sleep_us(1000);
    }
    CHECK_OK(seL4_X86_Page_Unmap(g->frames[GUEST_DATA / 4096 + 1]));
    uint64_t last = *word;
    for (unsigned i = 0; i < 5; i++) {
        sleep_us(1000);
        CHECK_EQ(*word, last);
    }
    for (unsigned n = 0; n < 1000 && t->result == 0; n++) {
        sleep_us(1000);
    }
    CHECK_EQ(t->result, EXIT_MEMORY);
}

TEST(vcpu_loses_a_page_on_its_core)
{
    unmap(0);
}

TEST(vcpu_loses_a_page_on_another_core)
{
    need_cores(2);
    unmap(other_core());
}

static void space_deleted(seL4_Word core)
{
    struct guest *g = guest_new(0);

    GUEST_LOAD(g, code_count);
    struct thread *t = start_counting(g, core);
    CHECK_OK(cap_revoke(g->ept));
    uint64_t last = *counter(g);
    CHECK_OK(cap_delete(g->ept));
    for (unsigned n = 0; n < 1000 && t->result == 0; n++) {
        sleep_us(1000);
    }
    CHECK_EQ(t->result, EXIT_MEMORY);
    CHECK_EQ(*counter(g), last);
}

TEST(vcpu_loses_its_space_on_its_core)
{
    space_deleted(0);
}

TEST(vcpu_loses_its_space_on_another_core)
{
    need_cores(2);
    space_deleted(other_core());
}

/* The VMEnter of a thread that lost its VCPU happens again, and is an unknown system call. */
static void vcpu_deleted(seL4_Word core)
{
    struct guest *g = guest_new(0);
    seL4_CPtr faults = endpoint_new();
    struct thread_options options = {.priority = LOWER, .core = core, .fault_ep = faults};
    struct thread *t = thread_new_with(&options);

    GUEST_LOAD(g, code_count);
    guest_bind(g, t->tcb);
    guest_long_mode(g);
    thread_start(t, run_guest, 0, 0, 0);
    CHECK(counts(g));
    CHECK_OK(cap_delete(g->vcpu));
    uint64_t last = *counter(g);
    seL4_MessageInfo_t info = seL4_Recv(faults, NULL, reply_new());
    CHECK_EQ(label_of(info), seL4_Fault_UnknownSyscall);
    CHECK_EQ(seL4_GetMR(seL4_UnknownSyscall_Syscall), (seL4_Word)QUOIN_SYS_VMENTER);
    CHECK_EQ(*counter(g), last);
}

TEST(vcpu_deleted_while_running_on_its_core)
{
    vcpu_deleted(0);
}

TEST(vcpu_deleted_while_running_on_another_core)
{
    need_cores(2);
    vcpu_deleted(other_core());
}

static void thread_deleted(seL4_Word core)
{
    struct guest *g = guest_new(0);

    GUEST_LOAD(g, code_count);
    struct thread *t = start_counting(g, core);
    CHECK_OK(seL4_TCB_Suspend(t->tcb));
    uint64_t last = *counter(g);
    sleep_us(3000);
    CHECK_EQ(*counter(g), last);
    CHECK_OK(seL4_TCB_Resume(t->tcb));
    CHECK(counts(g));
    CHECK_OK(cap_revoke(t->tcb));
    CHECK_OK(cap_delete(t->tcb));
    last = *counter(g);
    sleep_us(3000);
    CHECK_EQ(*counter(g), last);
    /* The VCPU is free for another thread. */
    CHECK_OK(seL4_X86_VCPU_SetTCB(g->vcpu, test_tcb));
}

TEST(vcpu_thread_suspended_and_deleted_on_its_core)
{
    thread_deleted(0);
}

TEST(vcpu_thread_suspended_and_deleted_on_another_core)
{
    need_cores(2);
    thread_deleted(other_core());
}

TEST(vcpu_fields_read_while_it_runs)
{
    struct guest *g = guest_new(0);

    need_cores(2);
    GUEST_LOAD(g, code_count);
    struct thread *t = start_counting(g, other_core());
    for (unsigned i = 0; i < 8; i++) {
        CHECK_RANGE(guest_get(g, F_RIP), GUEST_CODE, GUEST_CODE + 16);
        CHECK_EQ(guest_get(g, F_CR3), GUEST_TABLES);
        CHECK_EQ(guest_get(g, QUOIN_FIELD_DR1), 0);
    }
    CHECK(counts(g));
    CHECK_EQ(t->result, 0);
}

/* Moved between cores, the guest keeps its registers. */
TEST(vcpu_migrates)
{
    struct guest *g = guest_new(0);

    need_cores(2);
    GUEST_LOAD(g, code_keep_xmm);
    struct thread *t = start_counting(g, other_core());
    for (unsigned i = 0; i < 12; i++) {
        seL4_Word core = i % boot_info->numNodes;
        CHECK_OK(seL4_SchedControl_ConfigureFlags(boot_info->schedcontrol.start + core, t->sc, 5000,
                                                  5000, 0, 0, 0));
        CHECK(counts(g));
        CHECK_EQ(t->result, 0);
    }
}

/* Two guests share a core by time slices. */
TEST(vcpu_two_guests_on_one_core)
{
    struct guest *a = guest_new(0), *b = guest_new(1);

    GUEST_LOAD(a, code_keep_xmm);
    GUEST_LOAD(b, code_keep_xmm);
    struct thread *ta = start_counting(a, 0);
    struct thread_options options = {.priority = LOWER};
    struct thread *tb = thread_new_with(&options);
    guest_bind(b, tb->tcb);
    guest_long_mode(b);
    thread_start(tb, run_guest, 0x77777777777, 0, 0);
    for (unsigned i = 0; i < 20; i++) {
        CHECK(counts(a));
        CHECK(counts(b));
    }
    CHECK_EQ(ta->result, 0);
    CHECK_EQ(tb->result, 0);
}
