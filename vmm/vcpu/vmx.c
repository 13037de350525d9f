/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VT-x exits (Intel SDM volume 3, chapter 28 and appendix C) in neutral form.
 */
#include "vmm/vcpu/exit.h"

#include <sel4/quoin.h>

#include "vmm/vcpu/field.h"

/* Basic exit reasons. */
enum {
    VMX_EXCEPTION = 0,
    VMX_EXTERNAL_INTERRUPT = 1,
    VMX_TRIPLE_FAULT = 2,
    VMX_INIT = 3,
    VMX_SIPI = 4,
    VMX_IO_SMI = 5,
    VMX_SMI = 6,
    VMX_INTERRUPT_WINDOW = 7,
    VMX_NMI_WINDOW = 8,
    VMX_TASK_SWITCH = 9,
    VMX_CPUID = 10,
    VMX_HLT = 12,
    VMX_INVD = 13,
    VMX_INVLPG = 14,
    VMX_RDPMC = 15,
    VMX_RDTSC = 16,
    VMX_VMCALL = 18,
    VMX_VMCLEAR = 19,
    VMX_VMXON = 27,
    VMX_CR = 28,
    VMX_DR = 29,
    VMX_IO = 30,
    VMX_RDMSR = 31,
    VMX_WRMSR = 32,
    VMX_INVALID_STATE = 33,
    VMX_MSR_LOADING = 34,
    VMX_MWAIT = 36,
    VMX_MONITOR = 39,
    VMX_PAUSE = 40,
    VMX_MACHINE_CHECK = 41,
    VMX_GDTR_IDTR = 46,
    VMX_LDTR_TR = 47,
    VMX_EPT_VIOLATION = 48,
    VMX_EPT_MISCONFIGURATION = 49,
    VMX_INVEPT = 50,
    VMX_RDTSCP = 51,
    VMX_PREEMPTION_TIMER = 52,
    VMX_INVVPID = 53,
    VMX_WBINVD = 54,
    VMX_XSETBV = 55,
    VMX_RDRAND = 57,
    VMX_INVPCID = 58,
    VMX_VMFUNC = 59,
    VMX_RDSEED = 61,
};

/* SDM table 28-5, and table 28-14 for the instruction information of INS and OUTS. */
static void decode_port(const uint64_t *mr, struct exit *exit)
{
    uint64_t q = mr[QUOIN_VM_QUALIFICATION];
    struct exit_port *port = &exit->port;
    exit->kind = EXIT_PORT;
    port->size = (uint8_t)((q & 7) + 1);
    port->in = (q & (1u << 3)) != 0;
    port->string = (q & (1u << 4)) != 0;
    port->repeat = (q & (1u << 5)) != 0;
    port->number = (uint16_t)(q >> 16);
    port->address_size = 0;
    port->segment = EXIT_SEGMENT_UNKNOWN;
    if (port->size == 3 || port->size > 4)
        exit->kind = EXIT_UNKNOWN;
}

/* SDM table 28-3. */
static void decode_cr(uint64_t q, struct exit *exit)
{
    unsigned type = (unsigned)(q >> 4) & 3;
    exit->kind = EXIT_CR;
    exit->cr.decoded = true;
    exit->cr.number = (uint8_t)(q & 0xf);
    exit->cr.write = type == 0;
    exit->cr.clts = type == 2;
    exit->cr.lmsw = type == 3;
    exit->cr.gpr = (uint8_t)((q >> 8) & 0xf);
    exit->cr.source = (uint16_t)(q >> 16);
}

static enum exit_kind simple_kind(unsigned reason)
{
    switch (reason) {
    case VMX_EXTERNAL_INTERRUPT:
    case VMX_PREEMPTION_TIMER:
        return EXIT_RESUME;
    case VMX_TRIPLE_FAULT:
        return EXIT_SHUTDOWN;
    case VMX_INIT:
    case VMX_SIPI:
    case VMX_IO_SMI:
    case VMX_SMI:
        return EXIT_INIT;
    case VMX_INTERRUPT_WINDOW:
        return EXIT_INTERRUPT_WINDOW;
    case VMX_NMI_WINDOW:
        return EXIT_NMI_WINDOW;
    case VMX_TASK_SWITCH:
        return EXIT_TASK_SWITCH;
    case VMX_CPUID:
        return EXIT_CPUID;
    case VMX_HLT:
        return EXIT_HLT;
    case VMX_INVD:
    case VMX_WBINVD:
        return EXIT_CACHE;
    case VMX_INVLPG:
        return EXIT_INVLPG;
    case VMX_RDPMC:
        return EXIT_RDPMC;
    case VMX_RDTSC:
    case VMX_RDTSCP:
        return EXIT_RDTSC;
    case VMX_VMCALL:
        return EXIT_HYPERCALL;
    case VMX_DR:
        return EXIT_DEBUG_REGISTER;
    case VMX_RDMSR:
        return EXIT_MSR_READ;
    case VMX_WRMSR:
        return EXIT_MSR_WRITE;
    case VMX_MWAIT:
    case VMX_MONITOR:
    case VMX_INVEPT:
    case VMX_INVVPID:
    case VMX_INVPCID:
    case VMX_VMFUNC:
    case VMX_RDRAND:
    case VMX_RDSEED:
        return EXIT_MONITOR;
    case VMX_PAUSE:
        return EXIT_PAUSE;
    case VMX_GDTR_IDTR:
    case VMX_LDTR_TR:
        return EXIT_DESCRIPTOR;
    case VMX_XSETBV:
        return EXIT_XSETBV;
    default:
        return EXIT_UNKNOWN;
    }
}

void vmx_decode(const uint64_t *mr, struct exit *exit)
{
    uint64_t reason = mr[QUOIN_VM_EXIT_REASON];
    uint64_t q = mr[QUOIN_VM_QUALIFICATION];
    exit->length = (uint8_t)(mr[QUOIN_VM_INSTRUCTION_LEN] & 0xf);
    exit->byte_count = 0;
    exit->next_rip = 0;
    exit->vectoring.info = mr[QUOIN_VM_VECTORING_INFO];
    exit->vectoring.error = mr[QUOIN_VM_VECTORING_ERROR];
    if ((exit->vectoring.info & EVENT_VALID) == 0)
        exit->vectoring.info = 0;

    /* Bit 31 of the reason: the failure was of VM entry (SDM 27.8). */
    if ((uint32_t)reason == 0xffffffffu || (reason & (1u << 31)) != 0) {
        exit->kind = EXIT_ENTRY_FAILED;
        return;
    }
    switch ((unsigned)(reason & 0xffff)) {
    case VMX_EXCEPTION: {
        uint64_t info = mr[QUOIN_VM_EXIT_INFO];
        exit->kind = EXIT_EXCEPTION;
        if ((info & EVENT_TYPE) == EVENT_NMI)
            exit->kind = EXIT_RESUME; /* a host NMI, the kernel has handled it */
        exit->exception.vector = (uint8_t)(info & EVENT_VECTOR);
        exit->exception.has_error = (info & EVENT_HAS_ERROR) != 0;
        exit->exception.error = (uint32_t)mr[QUOIN_VM_EXIT_ERROR];
        break;
    }
    case VMX_CR:
        decode_cr(q, exit);
        break;
    case VMX_IO:
        decode_port(mr, exit);
        break;
    case VMX_EPT_VIOLATION:
        /* SDM table 28-7. Bit 8 clear with bit 7 set: the access was to a paging structure. */
        exit->kind = EXIT_MEMORY;
        exit->memory.gpa = mr[QUOIN_VM_GUEST_PHYSICAL];
        exit->memory.write = (q & (1u << 1)) != 0;
        exit->memory.fetch = (q & (1u << 2)) != 0;
        exit->memory.page_walk = (q & (1u << 7)) != 0 && (q & (1u << 8)) == 0;
        break;
    default: {
        unsigned basic = (unsigned)(reason & 0xffff);
        if (basic >= VMX_VMCLEAR && basic <= VMX_VMXON)
            exit->kind = EXIT_MONITOR;
        else
            exit->kind = simple_kind(basic);
        break;
    }
    }
}
