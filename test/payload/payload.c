/* SPDX-License-Identifier: BSD-2-Clause */
#include "payload.h"

#include <rt/format.h>

#define COM1 0x3f8

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "SDM volume 3, 6.14.1");

#define GATE_INTERRUPT 0x8e00

static struct gate idt[256];
extern const uint8_t interrupt_entries[];

volatile uint64_t payload_interrupts;
volatile uint64_t payload_exceptions;
volatile uint64_t payload_vector;
volatile uint64_t payload_resume;

void payload_interrupt(struct payload_frame *frame);

static void print_text(const char *text)
{
    outb(COM1 + 3, 3); /* whatever a payload has done to the port */
    outb(COM1 + 4, 3);
    for (; *text != 0; text++) {
        while ((inb(COM1 + 5) & 0x20) == 0) {
        }
        outb(COM1, (uint8_t)*text);
    }
}

void payload_print(const char *format, ...)
{
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    format_vtext(text, sizeof(text), format, arguments);
    va_end(arguments);
    print_text(text);
}

_Noreturn void payload_power_off(void)
{
    for (;;)
        outw(0x604, 5u << 10 | 1u << 13);
}

void payload_interrupt(struct payload_frame *frame)
{
    if (frame->vector == 2) /* a payload may send itself an NMI */
        return;
    if (frame->vector >= 32) {
        payload_interrupts++;
        wrmsr(MSR_X2APIC_EOI, 0);
        return;
    }
    payload_exceptions++;
    payload_vector = frame->vector;
    if (payload_resume == 0) {
        payload_print("payload: exception %lu (%lx) at %lx\n", frame->vector, frame->error,
                      frame->rip);
        payload_power_off();
    }
    frame->rip = payload_resume;
}

void payload_initialize(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t entry = (uint64_t)interrupt_entries + 16 * i;
        idt[i] = (struct gate){
            .offset_low = (uint16_t)entry,
            .selector = 8,
            .type = GATE_INTERRUPT,
            .offset_middle = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
        };
    }
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint64_t)idt};
    __asm__ volatile("lidt %0" ::"m"(pointer));
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 1u << 10 | 1u << 11);
    wrmsr(MSR_X2APIC_SVR, 0x1ff);
}

uint64_t payload_argument(const char *line, const char *name, uint64_t otherwise)
{
    for (; *line != 0; line++) {
        unsigned i = 0;
        while (name[i] != 0 && line[i] == name[i])
            i++;
        if (name[i] != 0)
            continue;
        uint64_t number = 0;
        for (line += i; *line >= '0' && *line <= '9'; line++)
            number = number * 10 + (uint64_t)(*line - '0');
        return number;
    }
    return otherwise;
}
