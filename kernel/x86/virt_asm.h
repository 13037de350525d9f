/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What code about guests needs of the processor, beyond asm.h and cpu.h.
 */
#ifndef KERNEL_X86_VIRT_ASM_H
#define KERNEL_X86_VIRT_ASM_H

#include "types.h"
#include "x86/asm.h"
#include "x86/cpu.h"

#define MSR_FEATURE_CONTROL 0x3au
#define MSR_SYSENTER_CS     0x174u
#define MSR_SYSENTER_ESP    0x175u
#define MSR_SYSENTER_EIP    0x176u
#define MSR_TSC_RATIO       0xc0000104u
#define MSR_VM_CR           0xc0010114u
#define MSR_VM_HSAVE_PA     0xc0010117u

#define EFER_LMA   BIT(10)
#define EFER_FFXSR BIT(14)
#define EFER_TCE   BIT(15)

#define CR0_PE   BIT(0)
#define CR0_ET   BIT(4)
#define CR0_NW   BIT(29)
#define CR0_CD   BIT(30)
#define CR0_PG   BIT(31)
#define CR4_VME  BIT(0)
#define CR4_PVI  BIT(1)
#define CR4_PSE  BIT(4)
#define CR4_MCE  BIT(6)
#define CR4_PCE  BIT(8)
#define CR4_LA57 BIT(12)
#define CR4_VMXE BIT(13)
#define CR4_PKE  BIT(22)

static inline void dr_read(uint64_t dr[4])
{
    __asm__ volatile("mov %%dr0, %0" : "=r"(dr[0]));
    __asm__ volatile("mov %%dr1, %0" : "=r"(dr[1]));
    __asm__ volatile("mov %%dr2, %0" : "=r"(dr[2]));
    __asm__ volatile("mov %%dr3, %0" : "=r"(dr[3]));
}
static inline void dr_write(const uint64_t dr[4])
{
    __asm__ volatile("mov %0, %%dr0" : : "r"(dr[0]));
    __asm__ volatile("mov %0, %%dr1" : : "r"(dr[1]));
    __asm__ volatile("mov %0, %%dr2" : : "r"(dr[2]));
    __asm__ volatile("mov %0, %%dr3" : : "r"(dr[3]));
}
static inline uint64_t dr6_read(void)
{
    uint64_t v;
    __asm__ volatile("mov %%dr6, %0" : "=r"(v));
    return v;
}
static inline void dr6_write(uint64_t v)
{
    __asm__ volatile("mov %0, %%dr6" : : "r"(v));
}
static inline void cr2_write(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr2" : : "r"(v));
}
static inline uint64_t xcr0_read(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}
static inline void fpu_xsave(void *area, uint64_t mask)
{
    __asm__ volatile("xsave64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}
static inline void fpu_xrstor(const void *area, uint64_t mask)
{
    __asm__ volatile("xrstor64 (%0)"
                     :
                     : "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}
static inline void fpu_fxsave(void *area)
{
    __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}
static inline void fpu_fxrstor(const void *area)
{
    __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* Permission maps say "exits" with ones. */
static inline void map_deny_all(uint8_t *map, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        map[i] = 0xff;
}

static inline bool address_is_canonical(uint64_t a)
{
    return a + 0x0000800000000000ull < 0x0001000000000000ull;
}

#endif
