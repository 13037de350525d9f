/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor's instructions that C has no words for (SDM volume 2). */
#ifndef LOADER_PORT_H
#define LOADER_PORT_H

#include <stdint.h>

static inline void port_write8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_read8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void cpu_halt(void)
{
    __asm__ volatile("cli; hlt");
}

static inline uint64_t cpu_timestamp(void)
{
    uint32_t low;
    uint32_t high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* table: 10 bytes, limit and base. */
static inline void cpu_load_idt(const void *table)
{
    __asm__ volatile("lidt (%0)" : : "r"(table) : "memory");
}

#endif
