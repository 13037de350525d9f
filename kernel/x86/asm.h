/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Single machine instructions as functions (SDM vol. 2).
 */
#ifndef KERNEL_X86_ASM_H
#define KERNEL_X86_ASM_H

#include "types.h"

static inline uint64_t asm_rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void asm_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static inline void asm_hlt(void)
{
    __asm__ volatile("hlt" ::: "memory");
}

static inline void asm_cli(void)
{
    __asm__ volatile("cli" ::: "memory");
}

static inline uint64_t asm_read_flags(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    return flags;
}

static inline uint64_t asm_rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void asm_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint8_t asm_in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint16_t asm_in16(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t asm_in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline void asm_out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void asm_out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void asm_out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid asm_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t asm_read_cr0(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v)::"memory");
    return v;
}

static inline void asm_write_cr0(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr0" ::"r"(v) : "memory");
}

static inline uint64_t asm_read_cr2(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr2, %0" : "=r"(v)::"memory");
    return v;
}

static inline uint64_t asm_read_cr3(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr3, %0" : "=r"(v)::"memory");
    return v;
}

static inline void asm_write_cr3(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr3" ::"r"(v) : "memory");
}

static inline uint64_t asm_read_cr4(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr4, %0" : "=r"(v)::"memory");
    return v;
}

static inline void asm_write_cr4(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr4" ::"r"(v) : "memory");
}

static inline void asm_xsetbv(uint32_t index, uint64_t v)
{
    __asm__ volatile("xsetbv" ::"c"(index), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static inline void asm_clts(void)
{
    __asm__ volatile("clts" ::: "memory");
}

static inline void asm_invlpg(uint64_t address)
{
    __asm__ volatile("invlpg (%0)" ::"r"(address) : "memory");
}

static inline void asm_clflush(const void *p)
{
    __asm__ volatile("clflush (%0)" ::"r"(p) : "memory");
}

static inline void asm_mfence(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

enum invpcid_type { INVPCID_ADDRESS, INVPCID_CONTEXT, INVPCID_ALL_GLOBAL, INVPCID_ALL };

static inline void asm_invpcid(enum invpcid_type type, uint64_t pcid, uint64_t address)
{
    struct {
        uint64_t pcid, address;
    } descriptor = {pcid, address};
    __asm__ volatile("invpcid %0, %1" ::"m"(descriptor), "r"((uint64_t)type) : "memory");
}

static inline uint64_t asm_rdfsbase(void)
{
    uint64_t v;
    __asm__ volatile("rdfsbase %0" : "=r"(v));
    return v;
}

static inline void asm_wrfsbase(uint64_t v)
{
    __asm__ volatile("wrfsbase %0" ::"r"(v) : "memory");
}

struct descriptor_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static inline void asm_lgdt(const struct descriptor_pointer *p)
{
    __asm__ volatile("lgdt %0" ::"m"(*p) : "memory");
}

static inline void asm_lidt(const struct descriptor_pointer *p)
{
    __asm__ volatile("lidt %0" ::"m"(*p) : "memory");
}

static inline void asm_lldt(uint16_t selector)
{
    __asm__ volatile("lldt %0" ::"r"(selector) : "memory");
}

static inline void asm_ltr(uint16_t selector)
{
    __asm__ volatile("ltr %0" ::"r"(selector) : "memory");
}

#endif
