/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A guest that puts itself into a state that cannot go on; which one stands on its command line:
 * bad=NUMBER. Its virtual machine may stop, and must say so.
 */
#include "payload.h"

static void load_idt(uint64_t base, uint16_t limit)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {limit, base};
    __asm__ volatile("lidt %0" ::"m"(pointer));
}

static void triple_fault(void)
{
    load_idt(0, 0);
    __asm__ volatile("ud2");
}

static void code_in_device_memory(void)
{
    __asm__ volatile("jmp *%0" ::"r"(0xfed00000ul));
}

static void code_nowhere(void)
{
    __asm__ volatile("jmp *%0" ::"r"(0x90000000ul));
}

static void stack_in_device_memory(void)
{
    __asm__ volatile("mov %0, %%rsp\n push %%rax\n ud2" ::"r"(0xfed00100ul));
}

static void page_tables_in_device_memory(void)
{
    __asm__ volatile("mov %0, %%cr3" ::"r"(0xfed00000ul));
}

static void page_tables_nowhere(void)
{
    __asm__ volatile("mov %0, %%cr3" ::"r"(0x90000000ul));
}

static void idt_in_device_memory(void)
{
    load_idt(0xfed00000, 0xfff);
    __asm__ volatile("ud2");
}

static void registers_saved_to_a_device(void)
{
    __asm__ volatile("fxsave (%0)" ::"r"(0xfed00000ul));
}

static void init_to_itself(void)
{
    wrmsr(0x830, 0x4500 | 1u << 18);
}

static void debug_storm(void)
{
    /* Single steps into a handler that cannot be reached. */
    load_idt(0, 0);
    __asm__ volatile("pushf\n orq $0x100, (%%rsp)\n popf\n nop" ::: "memory");
}

void payload_main(uint64_t start_info)
{
    static void (*const states[])(void) = {
        triple_fault,
        code_in_device_memory,
        code_nowhere,
        stack_in_device_memory,
        page_tables_in_device_memory,
        page_tables_nowhere,
        idt_in_device_memory,
        registers_saved_to_a_device,
        init_to_itself,
        debug_storm,
    };
    const char *line = (const char *)*(uint64_t *)(start_info + 24);
    unsigned number = 0;
    while (*line != 0 && *line != 0x3d) /* "=" */
        line++;
    for (line += *line != 0; *line >= '0' && *line <= '9'; line++)
        number = number * 10 + (unsigned)(*line - '0');
    payload_initialize();
    payload_print("bad: %u\n", number);
    if (number < sizeof(states) / sizeof(states[0]))
        states[number]();
    payload_print("bad: %u goes on\n", number);
    payload_power_off();
}
