/* SPDX-License-Identifier: BSD-2-Clause */
#include "console.h"

#include <stddef.h>

enum { TIMES = 64, VECTOR = 0x40, SLEEP_TICKS = 8000000 };
enum { APIC_SPURIOUS = 0xf0, APIC_LVT_TIMER = 0x320 };
enum { APIC_ENABLED = 1 << 8, TIMER_TSC_DEADLINE = 2 << 17, MSR_TSC_DEADLINE = 0x6e0 };

/* SDM vol. 3, 6.11: a 32-bit interrupt gate. */
struct gate {
    uint16_t offset_low, selector, type, offset_high;
};
_Static_assert(sizeof(struct gate) == 8, "as the processor reads it");

static struct gate gates[VECTOR + 1];
volatile uint32_t woken;

static uint64_t read_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static volatile uint32_t *apic(uint32_t offset)
{
    return (volatile uint32_t *)(0xfee00000u + offset);
}

/* payload.S: sets woken and ends the interrupt. */
void on_timer(void);

static void prepare(void)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) table = {sizeof(gates) - 1, (uint32_t)gates};
    uint16_t code;

    __asm__ volatile("mov %%cs, %0" : "=r"(code));
    gates[VECTOR] = (struct gate){(uint16_t)(uint32_t)on_timer, code, 0x8e00,
                                  (uint16_t)((uint32_t)on_timer >> 16)};
    __asm__ volatile("lidt %0" : : "m"(table));
    *apic(APIC_SPURIOUS) = APIC_ENABLED | 0xff;
    *apic(APIC_LVT_TIMER) = TIMER_TSC_DEADLINE | VECTOR;
}

/* Ticks from the deadline to the handler. */
static uint32_t sleep_once(void)
{
    uint64_t deadline = read_tsc() + SLEEP_TICKS;

    woken = 0;
    __asm__ volatile("wrmsr"
                     :
                     : "c"(MSR_TSC_DEADLINE), "a"((uint32_t)deadline),
                       "d"((uint32_t)(deadline >> 32)));
    while (woken == 0) {
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
    }
    uint64_t late = read_tsc() - deadline;
    return late < UINT32_MAX ? (uint32_t)late : 0;
}

void sleep_run(void)
{
    prepare();
    for (;;) {
        uint32_t late[TIMES];

        for (size_t i = 0; i < TIMES; i++) {
            uint32_t this = sleep_once();
            size_t at = i;
            for (; at > 0 && late[at - 1] > this; at--) {
                late[at] = late[at - 1];
            }
            late[at] = this;
        }
        put_text("wake ");
        put_number(late[TIMES / 2]);
        put_text(" ");
        put_number(late[TIMES - 1]);
        put_text("\r\n");
    }
}
