/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Invocations of virtual processors (ABI sheet, sections 9, 12 and 13). Fields have the encodings
 * of the Intel SDM (volume 3, appendix B) or are an enum quoin_vcpu_field.
 */
#ifndef SEL4_INVOCATION_VCPU_H
#define SEL4_INVOCATION_VCPU_H

#include <sel4/invocation.h>

/* Binds VCPU and thread to each other; earlier partners of either are let go. */
static inline seL4_Error seL4_X86_VCPU_SetTCB(seL4_X86_VCPU vcpu, seL4_TCB tcb)
{
    seL4_SetCap(0, tcb);
    return seL4_x64_invoke0(vcpu, X86VCPUSetTCB, 1);
}

typedef struct {
    seL4_Error error;
    seL4_Word value;
} seL4_X86_VCPU_ReadVMCS_t;

static inline seL4_X86_VCPU_ReadVMCS_t seL4_X86_VCPU_ReadVMCS(seL4_X86_VCPU vcpu, seL4_Word field)
{
    seL4_X86_VCPU_ReadVMCS_t result;

    result.error = seL4_x64_invoke1(vcpu, X86VCPUReadVMCS, 0, field);
    result.value = seL4_GetMR(0);
    return result;
}

typedef struct {
    seL4_Error error;
    seL4_Word written; /* what the kernel really wrote: it forces the bits it must */
} seL4_X86_VCPU_WriteVMCS_t;

static inline seL4_X86_VCPU_WriteVMCS_t seL4_X86_VCPU_WriteVMCS(seL4_X86_VCPU vcpu, seL4_Word field,
                                                                seL4_Word value)
{
    seL4_X86_VCPU_WriteVMCS_t result;

    result.error = seL4_x64_invoke2(vcpu, X86VCPUWriteVMCS, 0, field, value);
    result.written = seL4_GetMR(0);
    return result;
}

typedef struct {
    seL4_Error error;
    seL4_Word value;
} seL4_X86_VCPU_ReadMSR_t;

static inline seL4_X86_VCPU_ReadMSR_t seL4_X86_VCPU_ReadMSR(seL4_X86_VCPU vcpu, seL4_Word msr)
{
    seL4_X86_VCPU_ReadMSR_t result;

    result.error = seL4_x64_invoke1(vcpu, X86VCPUReadMSR, 0, msr);
    result.value = seL4_GetMR(0);
    return result;
}

typedef struct {
    seL4_Error error;
    seL4_Word written;
} seL4_X86_VCPU_WriteMSR_t;

static inline seL4_X86_VCPU_WriteMSR_t seL4_X86_VCPU_WriteMSR(seL4_X86_VCPU vcpu, seL4_Word msr,
                                                              seL4_Word value)
{
    seL4_X86_VCPU_WriteMSR_t result;

    result.error = seL4_x64_invoke2(vcpu, X86VCPUWriteMSR, 0, msr, value);
    result.written = seL4_GetMR(0);
    return result;
}

/* Ports low..high of the capability no longer exit: the guest reaches the hardware. */
static inline seL4_Error seL4_X86_VCPU_EnableIOPort(seL4_X86_VCPU vcpu, seL4_X86_IOPort io_port,
                                                    seL4_Word low, seL4_Word high)
{
    seL4_SetCap(0, io_port);
    return seL4_x64_invoke2(vcpu, X86VCPUEnableIOPort, 1, low, high);
}

static inline seL4_Error seL4_X86_VCPU_DisableIOPort(seL4_X86_VCPU vcpu, seL4_Word low,
                                                     seL4_Word high)
{
    return seL4_x64_invoke2(vcpu, X86VCPUDisableIOPort, 0, low, high);
}

/* Sets all general registers of the guest but RSP, which is a field. */
static inline seL4_Error seL4_X86_VCPU_WriteRegisters(seL4_X86_VCPU vcpu,
                                                      const seL4_VCPUContext *regs)
{
    const seL4_Word *words = &regs->eax;

    for (seL4_Word i = 4; i < seL4_VCPUContextWords; i++) {
        seL4_SetMR(i, words[i]);
    }
    return seL4_x64_invoke(vcpu, X86VCPUWriteRegisters, 0, seL4_VCPUContextWords, words[0],
                           words[1], words[2], words[3]);
}

#endif
