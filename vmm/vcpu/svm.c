/* SPDX-License-Identifier: BSD-2-Clause
 *
 * AMD-V exits (AMD APM volume 2, appendix C and chapter 15) in neutral form.
 */
#include "vmm/vcpu/exit.h"

#include <sel4/quoin.h>
#include <string.h>

#include "vmm/vcpu/field.h"

/* EXITCODE */
enum {
    SVM_CR_READ = 0x00,
    SVM_CR_WRITE = 0x10,
    SVM_DR_READ = 0x20,
    SVM_DR_WRITE_LAST = 0x3f,
    SVM_EXCEPTION = 0x40,
    SVM_EXCEPTION_LAST = 0x5f,
    SVM_INTR = 0x60,
    SVM_NMI = 0x61,
    SVM_SMI = 0x62,
    SVM_INIT = 0x63,
    SVM_VINTR = 0x64,
    SVM_CR0_SELECTIVE = 0x65,
    SVM_IDTR_READ = 0x66,
    SVM_TR_WRITE = 0x6d,
    SVM_RDTSC = 0x6e,
    SVM_RDPMC = 0x6f,
    SVM_IRET = 0x74,
    SVM_CPUID = 0x72,
    SVM_INVD = 0x76,
    SVM_PAUSE = 0x77,
    SVM_HLT = 0x78,
    SVM_INVLPG = 0x79,
    SVM_INVLPGA = 0x7a,
    SVM_IOIO = 0x7b,
    SVM_MSR = 0x7c,
    SVM_TASK_SWITCH = 0x7d,
    SVM_SHUTDOWN = 0x7f,
    SVM_VMRUN = 0x80,
    SVM_VMMCALL = 0x81,
    SVM_VMLOAD = 0x82,
    SVM_VMSAVE = 0x83,
    SVM_STGI = 0x84,
    SVM_CLGI = 0x85,
    SVM_SKINIT = 0x86,
    SVM_RDTSCP = 0x87,
    SVM_WBINVD = 0x89,
    SVM_MONITOR = 0x8a,
    SVM_MWAIT = 0x8b,
    SVM_MWAIT_CONDITIONAL = 0x8c,
    SVM_XSETBV = 0x8d,
    SVM_RDPRU = 0x8e,
    SVM_CR_WRITE_TRAP = 0x90,
    SVM_INVLPGB = 0xa0,
    SVM_INVPCID = 0xa2,
    SVM_NPF = 0x400,
};

/* APM 15.10.2, EXITINFO1 of IOIO. */
static void decode_port(uint64_t info, struct exit *exit)
{
    struct exit_port *port = &exit->port;
    port->number = (uint16_t)(info >> 16);
    port->in = (info & 1) != 0;
    port->string = (info & (1u << 2)) != 0;
    port->repeat = (info & (1u << 3)) != 0;
    port->size = (info & (1u << 4)) != 0 ? 1 : (info & (1u << 5)) != 0 ? 2 : 4;
    port->address_size = (info & (1u << 7)) != 0   ? 2
                         : (info & (1u << 8)) != 0 ? 4
                         : (info & (1u << 9)) != 0 ? 8
                                                   : 0;
    /* Bits 12:10 hold the segment only with decode assists, and zero would be ES: fetch instead. */
    port->segment = EXIT_SEGMENT_UNKNOWN;
    exit->kind = EXIT_PORT;
}

/* APM 15.25.6, EXITINFO1 of a nested page fault. */
static inline __attribute__((always_inline)) void decode_memory(const uint64_t *mr,
                                                                struct exit *exit)
{
    uint64_t error = mr[QUOIN_VM_QUALIFICATION];
    exit->kind = EXIT_MEMORY;
    exit->memory.gpa = mr[QUOIN_VM_GUEST_PHYSICAL];
    exit->memory.write = (error & (1u << 1)) != 0;
    exit->memory.fetch = (error & (1u << 4)) != 0;
    exit->memory.page_walk = (error & (1ull << 33)) != 0;
}

static __attribute__((noinline)) void decode_bytes(const uint64_t *mr, struct exit *exit)
{
    uint64_t count = mr[QUOIN_VM_INSTRUCTION_INFO];
    if (count > sizeof(exit->bytes))
        return;
    uint8_t bytes[16];
    memcpy(bytes, &mr[QUOIN_VM_INSTRUCTION_BYTES], sizeof(bytes));
    memcpy(exit->bytes, bytes, sizeof(exit->bytes));
    exit->byte_count = (uint8_t)count;
}

/* CR accesses: with decode assists EXITINFO1 holds bit 63 and the GPR (APM 15.8.1). */
static __attribute__((noinline)) void decode_cr(uint64_t code, uint64_t info, struct exit *exit)
{
    exit->kind = EXIT_CR;
    exit->cr = (struct exit_cr){.number = (uint8_t)(code & 0xf)};
    exit->cr.write = code >= SVM_CR_WRITE;
    if (code == SVM_CR0_SELECTIVE) {
        exit->cr.number = 0;
        exit->cr.write = true;
    }
    exit->cr.decoded = (info >> 63) != 0;
    exit->cr.gpr = (uint8_t)(info & 0xf);
}

/* The codes that say more than the kind. */
static __attribute__((noinline)) void decode_rest(const uint64_t *mr, uint64_t code,
                                                  struct exit *exit)
{
    uint64_t info1 = mr[QUOIN_VM_QUALIFICATION];
    /* VMEXIT_INVALID is -1; the kernel may report it as 32 or 64 bits of ones. */
    if ((uint32_t)code == 0xffffffffu) {
        exit->kind = EXIT_ENTRY_FAILED;
    } else if (code < SVM_DR_READ || code == SVM_CR0_SELECTIVE) {
        decode_cr(code, info1, exit);
    } else if (code <= SVM_DR_WRITE_LAST) {
        exit->kind = EXIT_DEBUG_REGISTER;
    } else if (code >= SVM_EXCEPTION && code <= SVM_EXCEPTION_LAST) {
        exit->kind = EXIT_EXCEPTION;
        exit->exception.vector = (uint8_t)(code - SVM_EXCEPTION);
        exit->exception.has_error = (mr[QUOIN_VM_EXIT_INFO] & EVENT_HAS_ERROR) != 0;
        exit->exception.error = (uint32_t)mr[QUOIN_VM_EXIT_ERROR];
    } else if (code >= SVM_IDTR_READ && code <= SVM_TR_WRITE) {
        exit->kind = EXIT_DESCRIPTOR;
    } else {
        exit->kind = EXIT_UNKNOWN;
    }
}

void svm_decode(const uint64_t *mr, struct exit *exit)
{
    uint64_t code = mr[QUOIN_VM_EXIT_REASON];
    uint64_t info1 = mr[QUOIN_VM_QUALIFICATION];
    uint64_t vectoring = mr[QUOIN_VM_VECTORING_INFO];
    exit->length = (uint8_t)(mr[QUOIN_VM_INSTRUCTION_LEN] & 0xf);
    exit->byte_count = 0;
    exit->next_rip = 0;
    exit->vectoring.info = 0;
    if ((vectoring & EVENT_VALID) != 0)
        exit->vectoring = (struct exit_event){vectoring, mr[QUOIN_VM_VECTORING_ERROR]};

    switch (code) {
    case SVM_IOIO:
        decode_port(info1, exit);
        exit->next_rip = mr[QUOIN_VM_GUEST_PHYSICAL]; /* EXITINFO2, APM 15.10.2 */
        return;
    case SVM_MSR:
        exit->kind = (info1 & 1) != 0 ? EXIT_MSR_WRITE : EXIT_MSR_READ;
        return;
    case SVM_NPF:
        decode_memory(mr, exit);
        if (mr[QUOIN_VM_INSTRUCTION_INFO] != 0)
            decode_bytes(mr, exit);
        return;
    case SVM_INTR:
    case SVM_NMI:
        exit->kind = EXIT_RESUME;
        return;
    case SVM_SMI:
    case SVM_INIT:
        exit->kind = EXIT_INIT;
        return;
    case SVM_VINTR:
        exit->kind = EXIT_INTERRUPT_WINDOW;
        return;
    case SVM_IRET:
        exit->kind = EXIT_NMI_WINDOW;
        return;
    case SVM_CPUID:
        exit->kind = EXIT_CPUID;
        return;
    case SVM_HLT:
        exit->kind = EXIT_HLT;
        return;
    case SVM_RDTSC:
    case SVM_RDTSCP:
        exit->kind = EXIT_RDTSC;
        return;
    case SVM_RDPMC:
        exit->kind = EXIT_RDPMC;
        return;
    case SVM_INVD:
    case SVM_WBINVD:
        exit->kind = EXIT_CACHE;
        return;
    case SVM_PAUSE:
        exit->kind = EXIT_PAUSE;
        return;
    case SVM_INVLPG:
        exit->kind = EXIT_INVLPG;
        return;
    case SVM_TASK_SWITCH:
        exit->kind = EXIT_TASK_SWITCH;
        return;
    case SVM_SHUTDOWN:
        exit->kind = EXIT_SHUTDOWN;
        return;
    case SVM_VMMCALL:
        exit->kind = EXIT_HYPERCALL;
        return;
    case SVM_XSETBV:
        exit->kind = EXIT_XSETBV;
        return;
    case SVM_INVLPGA:
    case SVM_VMRUN:
    case SVM_VMLOAD:
    case SVM_VMSAVE:
    case SVM_STGI:
    case SVM_CLGI:
    case SVM_SKINIT:
    case SVM_MONITOR:
    case SVM_MWAIT:
    case SVM_MWAIT_CONDITIONAL:
    case SVM_RDPRU:
    case SVM_INVLPGB:
    case SVM_INVPCID:
        exit->kind = EXIT_MONITOR;
        return;
    default:
        decode_rest(mr, code, exit);
        return;
    }
}
