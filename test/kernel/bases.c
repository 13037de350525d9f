/* SPDX-License-Identifier: BSD-2-Clause
 *
 * FS and GS bases that a thread writes itself (FSGSBASE, SDM vol. 3, 2.5) belong to the thread. No
 * system call may be made while they are changed: thread-local data is found by the FS base.
 */
#include "test.h"

enum { ROUNDS = 40 };

static void need_fsgsbase(void)
{
    uint32_t eax = 7, ebx, ecx = 0, edx;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (!(ebx & 1)) {
        test_skip("needs FSGSBASE");
    }
}

/* Writes both bases, uses the FPU, spins, and reads them back. False: they were not kept. */
static bool hold_bases(uint64_t value, uint32_t spins)
{
    uint64_t fs = value, gs = ~value << 20 >> 20, fs_found, gs_found, fs_before;

    __asm__ volatile("rdfsbase %[before]\n\t"
                     "wrfsbase %[fs]\n\t"
                     "wrgsbase %[gs]\n\t"
                     "pxor %%xmm0, %%xmm0\n"
                     "1:\tdecl %[spins]\n\t"
                     "jnz 1b\n\t"
                     "rdfsbase %[fs_found]\n\t"
                     "rdgsbase %[gs_found]\n\t"
                     "wrfsbase %[before]"
                     : [before] "=&r"(fs_before), [fs_found] "=&r"(fs_found),
                       [gs_found] "=&r"(gs_found), [spins] "+&r"(spins)
                     : [fs] "r"(fs), [gs] "r"(gs)
                     : "xmm0", "cc");
    return fs_found == fs && gs_found == gs;
}

static void hold_with_yields(struct thread *self)
{
    for (uint64_t i = 0; i < ROUNDS; i++) {
        seL4_Yield(); /* the other takes the FPU: the next use of it enters the kernel */
        self->result |= !hold_bases(self->arg[0] + (i << 12), 1);
    }
}

static void hold_with_spins(struct thread *self)
{
    for (uint64_t i = 0; i < ROUNDS; i++) {
        self->result |= !hold_bases(self->arg[0] + (i << 12), 40000);
    }
}

static void run_two(void (*entry)(struct thread *self))
{
    struct thread *threads[2];

    need_fsgsbase();
    for (unsigned i = 0; i < 2; i++) {
        threads[i] = thread_new_with(&(struct thread_options){
            .priority = LOWER, .mcp = LOWER, .budget = 1000, .period = 1000});
        thread_start(threads[i], entry, 0x123400000000ull * (i + 1), 0, 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        thread_join(threads[i]);
        CHECK_EQ(threads[i]->result, 0);
    }
}

TEST(bases_survive_first_use_of_the_fpu)
{
    run_two(hold_with_yields);
}

TEST(bases_survive_preemption)
{
    run_two(hold_with_spins);
}
