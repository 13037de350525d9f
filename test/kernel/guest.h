/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Small guests for the tests of VCPUs: 64 KiB of memory at guest-physical 0, code copied to
 * GUEST_CODE, run in real mode or in long mode with the first 2 MiB identity mapped.
 */
#ifndef TEST_KERNEL_GUEST_H
#define TEST_KERNEL_GUEST_H

#include "test.h"

#define GUEST_PAGES  16u
#define GUEST_SIZE   (GUEST_PAGES * 4096u)
#define GUEST_CODE   0x1000u
#define GUEST_STACK  0x8000u
#define GUEST_TABLES 0x9000u /* three pages, long mode's page tables */
#define GUEST_DATA   0xd000u

struct guest {
    seL4_CPtr vcpu, ept, pt;
    seL4_CPtr frames[GUEST_PAGES];
    uint8_t *memory;
};

/* Skips the test on a machine without virtualization. */
void need_guests(void);
/* A VCPU, not bound to any thread, and its space with memory; index 0 or 1 picks the memory. */
struct guest *guest_new(unsigned index);
/* Binds it to a thread and gives that thread its space. */
void guest_bind(struct guest *g, seL4_CPtr tcb);
/* guest_new(0), bound to the test's own thread. */
struct guest *guest_mine(void);

/* Code of a guest, between two symbols that GUEST_CODE_BLOCK makes. */
#define GUEST_CODE_BLOCK(name_, bits_, text_)                                        \
    extern const uint8_t name_[], name_##_end[];                                     \
    __asm__(".pushsection .rodata\n.code" #bits_ "\n" #name_ ":\n" text_ "\n" #name_ \
            "_end:\n.code64\n.popsection\n")
void guest_load(struct guest *g, const uint8_t *start, const uint8_t *end);
#define GUEST_LOAD(g, name_) guest_load(g, name_, name_##_end)

/* Registers as at the entry of the mode; RIP is GUEST_CODE. */
void guest_real_mode(struct guest *g);
void guest_long_mode(struct guest *g);

void guest_set(struct guest *g, seL4_Word field, seL4_Word value);
seL4_Word guest_get(struct guest *g, seL4_Word field);

/* What ended the guest, whatever the vendor's number for it. */
enum guest_exit {
    EXIT_NOTIFICATION,
    EXIT_HLT,
    EXIT_CPUID,
    EXIT_PORT,
    EXIT_HYPERCALL,
    EXIT_MSR,
    EXIT_MEMORY,
    EXIT_SHUTDOWN,
    EXIT_INTERRUPT_WINDOW,
    EXIT_EXCEPTION,
    EXIT_XSETBV,
    EXIT_REFUSED,
    EXIT_OTHER,
};
/* Enters the guest of the calling thread; MR0.. as they are in the IPC buffer. */
enum guest_exit guest_enter(seL4_Word changed, seL4_Word *badge);
/* The same from RIP, with HLT exiting and no event. */
enum guest_exit guest_run_at(seL4_Word rip);
/* Goes on behind the instruction that exited, whose length the test knows. */
enum guest_exit guest_run_on(seL4_Word length);
seL4_Word guest_mr(unsigned i);
void guest_set_mr(unsigned i, seL4_Word value);
bool guest_is_svm(void);

/* VMCS encodings that tests name (SDM vol. 3, appendix B). */
enum {
    F_ES_SELECTOR = 0x800,
    F_CS_SELECTOR = 0x802,
    F_TR_SELECTOR = 0x80e,
    F_PAT = 0x2804,
    F_EFER = 0x2806,
    F_PRIMARY = 0x4002,
    F_EXCEPTIONS = 0x4004,
    F_ES_LIMIT = 0x4800,
    F_CS_LIMIT = 0x4802,
    F_IDTR_LIMIT = 0x4812,
    F_ES_RIGHTS = 0x4814,
    F_CS_RIGHTS = 0x4816,
    F_SS_RIGHTS = 0x4818,
    F_TR_RIGHTS = 0x4822,
    F_INTERRUPTIBILITY = 0x4824,
    F_ACTIVITY = 0x4826,
    F_SYSENTER_CS = 0x482a,
    F_CR0 = 0x6800,
    F_CR3 = 0x6802,
    F_CR4 = 0x6804,
    F_ES_BASE = 0x6806,
    F_CS_BASE = 0x6808,
    F_FS_BASE = 0x680e,
    F_GS_BASE = 0x6810,
    F_GDTR_BASE = 0x6816,
    F_IDTR_BASE = 0x6818,
    F_DR7 = 0x681a,
    F_RSP = 0x681c,
    F_RIP = 0x681e,
    F_RFLAGS = 0x6820,
    F_SYSENTER_ESP = 0x6824,
    F_SYSENTER_EIP = 0x6826,
};

#define CONTROL_INTERRUPT_WINDOW (1u << 2)
#define CONTROL_HLT              (1u << 7)
#define EVENT_VALID              (1u << 31)
#define EVENT_ERROR_CODE         (1u << 11)
#define EVENT_EXCEPTION          (3u << 8)
#define EVENT_SOFTWARE           (4u << 8)
#define RFLAGS_IF                0x200u

#endif
