/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A program for the guest: COUNT processes fill the AVX and x87 registers with patterns of their
 * own, compute until they have been preempted, and find them as they were.
 *
 *     state COUNT
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REGISTERS = 16, BYTES = 32, ROUNDS = 20, SPINS = 1000000 };

/* The registers of a process: the pattern that they are given, and what they hold afterwards. */
struct registers {
    uint8_t vector[REGISTERS][BYTES];
    double stack[6];
};

static void fill(struct registers *r, unsigned process, unsigned round)
{
    for (unsigned i = 0; i < REGISTERS; i++) {
        for (unsigned j = 0; j < BYTES; j++)
            r->vector[i][j] = (uint8_t)(process * 101 + round * 37 + i * 17 + j);
    }
    for (unsigned i = 0; i < 6; i++)
        r->stack[i] = process * 1000.0 + round * 10.0 + i + 0.5;
}

/* Loads, counts down and stores, without a call in between: all registers hold the pattern. */
static void hold(const struct registers *in, struct registers *out)
{
    uint64_t spins = SPINS;
    __asm__ volatile("fldl 512(%[in])\n fldl 520(%[in])\n fldl 528(%[in])\n"
                     "fldl 536(%[in])\n fldl 544(%[in])\n fldl 552(%[in])\n"
                     "vmovdqu (%[in]), %%ymm0\n vmovdqu 32(%[in]), %%ymm1\n"
                     "vmovdqu 64(%[in]), %%ymm2\n vmovdqu 96(%[in]), %%ymm3\n"
                     "vmovdqu 128(%[in]), %%ymm4\n vmovdqu 160(%[in]), %%ymm5\n"
                     "vmovdqu 192(%[in]), %%ymm6\n vmovdqu 224(%[in]), %%ymm7\n"
                     "vmovdqu 256(%[in]), %%ymm8\n vmovdqu 288(%[in]), %%ymm9\n"
                     "vmovdqu 320(%[in]), %%ymm10\n vmovdqu 352(%[in]), %%ymm11\n"
                     "vmovdqu 384(%[in]), %%ymm12\n vmovdqu 416(%[in]), %%ymm13\n"
                     "vmovdqu 448(%[in]), %%ymm14\n vmovdqu 480(%[in]), %%ymm15\n"
                     "1: dec %[spins]\n jnz 1b\n"
                     "vmovdqu %%ymm0, (%[out])\n vmovdqu %%ymm1, 32(%[out])\n"
                     "vmovdqu %%ymm2, 64(%[out])\n vmovdqu %%ymm3, 96(%[out])\n"
                     "vmovdqu %%ymm4, 128(%[out])\n vmovdqu %%ymm5, 160(%[out])\n"
                     "vmovdqu %%ymm6, 192(%[out])\n vmovdqu %%ymm7, 224(%[out])\n"
                     "vmovdqu %%ymm8, 256(%[out])\n vmovdqu %%ymm9, 288(%[out])\n"
                     "vmovdqu %%ymm10, 320(%[out])\n vmovdqu %%ymm11, 352(%[out])\n"
                     "vmovdqu %%ymm12, 384(%[out])\n vmovdqu %%ymm13, 416(%[out])\n"
                     "vmovdqu %%ymm14, 448(%[out])\n vmovdqu %%ymm15, 480(%[out])\n"
                     "fstpl 552(%[out])\n fstpl 544(%[out])\n fstpl 536(%[out])\n"
                     "fstpl 528(%[out])\n fstpl 520(%[out])\n fstpl 512(%[out])\n"
                     : [spins] "+r"(spins)
                     : [in] "r"(in), [out] "r"(out)
                     : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
                       "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)");
}

_Static_assert(sizeof(struct registers) == 560, "the offsets in hold()");

static int check(unsigned process)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct registers in, out;
        fill(&in, process, round);
        memset(&out, 0, sizeof(out));
        hold(&in, &out);
        if (memcmp(&in, &out, sizeof(in)) != 0) {
            printf("process %u, round %u: other registers\n", process, round);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    unsigned count = argc == 2 ? (unsigned)atoi(argv[1]) : 0;
    int failed = count == 0;
    for (unsigned i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(check(i));
        failed |= child < 0;
    }
    for (unsigned i = 0; i < count; i++) {
        int status = 0;
        failed |= wait(&status) < 0 || status != 0;
    }
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    /* Alone on its processor nobody is preempted; more processes than processors must be. */
    if (!failed && count > 1 && usage.ru_nivcsw == 0) {
        printf("nobody was preempted\n");
        return 1;
    }
    return failed;
}
