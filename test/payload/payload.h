/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the test payloads share: instructions, the serial port, interrupts, and instructions that
 * may fault.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

/* The payload's own part. */
void payload_main(uint64_t start_info);

/* What interrupt_common in start.S leaves on the stack. */
struct payload_frame {
    uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Loads the IDT, masks the 8259s, and switches the local APIC to x2APIC mode, software enabled. */
void payload_initialize(void);
void payload_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The number behind name ("seed=") in the kernel's command line, or otherwise. */
uint64_t payload_argument(const char *line, const char *name, uint64_t otherwise);
/* ACPI S5 at the place where the virtual machine has it. */
_Noreturn void payload_power_off(void);

/* External interrupts so far; each is ended with an EOI. */
extern volatile uint64_t payload_interrupts;
/* Exceptions so far, and the last one's vector. An exception goes on at payload_resume, or where it
 * is 0 ends the payload with a report. */
extern volatile uint64_t payload_exceptions;
extern volatile uint64_t payload_vector;
extern volatile uint64_t payload_resume;

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

#define MSR_TSC_ADJUST   0x3bu
#define MSR_APIC_BASE    0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_X2APIC_EOI   0x80bu
#define MSR_X2APIC_SVR   0x80fu
#define MSR_X2APIC_TIMER 0x832u
#define MSR_X2APIC_SELF  0x83fu

#endif
