/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads in address spaces of their own, and what becomes of them when the space goes.
 */
#include "test.h"

#define NEAR 0x10000000ull

static volatile seL4_Word *at(seL4_Word address)
{
    return (volatile seL4_Word *)(uintptr_t)address;
}

static void write_word(struct thread *self)
{
    self->step = 1;
    *at(self->arg[0]) = 1;
    self->step = 2;
}

static void read_word(struct thread *self)
{
    self->step = 1;
    self->result = *at(self->arg[0]);
    self->step = 2;
}

/* Revoking takes the thread's own copy of the capability, too: it faults at its first instruction.
 */
TEST(vspace_revoked_from_a_thread)
{
    seL4_CPtr pml4 = space_new(), faults = endpoint_new();
    struct thread *thread = thread_new_with(&(struct thread_options){
        .priority = HIGHER, .mcp = HIGHER, .vspace = pml4, .fault_ep = faults});

    CHECK_OK(cap_revoke(pml4));
    CHECK_OK(cap_delete(pml4));
    thread_start(thread, read_word, (seL4_Word)(uintptr_t)boot_info, 0, 0);
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_VMFault);
}

/* A thread in the space that runs whenever the test sleeps. */
static void start_in(seL4_CPtr pml4, seL4_CPtr faults)
{
    struct thread *thread = thread_new_with(&(struct thread_options){
        .priority = LOWER, .mcp = LOWER, .vspace = pml4, .fault_ep = faults});

    thread_start(thread, thread_spin, 0, 0, 0);
    while (thread->step == 0) {
        sleep_us(1000);
    }
}

/* The space lives on; only the thread's own copy of its capability goes. */
TEST(vspace_copy_revoked_under_a_running_thread)
{
    seL4_CPtr pml4 = space_new(), faults = endpoint_new();

    start_in(pml4, faults);
    CHECK_OK(cap_revoke(pml4));
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_VMFault);
}

TEST(vspace_pool_deleted_under_a_running_thread)
{
    seL4_CPtr pool = slot_new(), faults = endpoint_new();

    CHECK_OK(seL4_X86_ASIDControl_MakePool(seL4_CapASIDControl, untyped_new(12), ROOT, pool,
                                           ROOT_DEPTH));
    start_in(space_new_in(pool), faults);
    CHECK_OK(cap_delete(pool));
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_VMFault);
}

TEST(vspace_revoked_under_a_running_thread)
{
    seL4_CPtr pml4 = space_new(), faults = endpoint_new();
    struct thread *thread = thread_new_with(&(struct thread_options){
        .priority = LOWER, .mcp = LOWER, .vspace = pml4, .fault_ep = faults});

    thread_start(thread, thread_spin, 0, 0, 0);
    sleep_us(3000);
    CHECK(thread->step > 0);
    CHECK_OK(cap_revoke(pml4));
    CHECK_OK(cap_delete(pml4));
    CHECK_EQ(label_of(seL4_Recv(faults, NULL, reply_new())), seL4_Fault_VMFault);
}

TEST(vspace_lives_while_a_thread_uses_it)
{
    seL4_CPtr pml4 = space_new(), faults = endpoint_new();
    struct thread *thread = thread_new_with(&(struct thread_options){
        .priority = LOWER, .mcp = LOWER, .vspace = pml4, .fault_ep = faults});

    thread_start(thread, thread_spin, 0, 0, 0);
    sleep_us(3000);
    CHECK_OK(cap_delete(pml4)); /* the thread's copy keeps the address space */
    sleep_us(3000);
    CHECK_OK(seL4_TCB_Suspend(thread->tcb));
    CHECK(thread->step > 0);
}

TEST(vspace_threads_in_two_spaces_see_their_own_mappings)
{
    seL4_CPtr pml4 = space_new(), here = frame_new(), there = frame_new();
    struct thread *thread = thread_new_with(
        &(struct thread_options){.priority = HIGHER, .mcp = HIGHER, .vspace = pml4});

    CHECK_OK(seL4_X86_PageTable_Map(object_new(seL4_X86_PageTableObject, 0), VSPACE, NEAR, 0));
    CHECK_OK(seL4_X86_PageTable_Map(object_new(seL4_X86_PageTableObject, 0), pml4, NEAR, 0));
    CHECK_OK(seL4_X86_Page_Map(here, VSPACE, NEAR, seL4_AllRights, 0));
    CHECK_OK(seL4_X86_Page_Map(there, pml4, NEAR, seL4_AllRights, 0));
    *at(NEAR) = 11;
    thread_start(thread, write_word, NEAR, 0, 0);
    CHECK_EQ(thread->step, 2);
    CHECK_EQ(*at(NEAR), 11);
    thread_start(thread, read_word, NEAR, 0, 0);
    CHECK_EQ(thread->result, 1);
}
