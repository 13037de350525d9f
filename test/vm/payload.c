/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A small guest for tests of a machine's life: it counts on its console, keeps a memory pattern
 * that it checks, causes exits of several kinds, and does what is typed: r resets by port 0xcf9, t
 * by a triple fault, o powers off, d stops to heed the power button, h halts for ever.
 */
#include <stdbool.h>
#include <stdint.h>

#include "console.h"

enum {
    COM1 = 0x3f8,
    COM1_STATUS = COM1 + 5,
    RESET = 0xcf9,
    PM1_STATUS = 0x600,
    PM1_CONTROL = 0x604
};
enum { STATUS_READY = 1, STATUS_EMPTY = 0x20, PM1_BUTTON = 0x100, PM1_OFF = 5 << 10 | 1 << 13 };
enum { WORDS = 65536, ROUNDS_PER_TICK = 16 };

static uint32_t memory[WORDS];

/* Xen public/arch-x86/hvm/start_info.h */
struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line;
};

void payload_main(const struct start_info *info);

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static uint16_t in16(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static void put(char c)
{
    while (!(in8(COM1_STATUS) & STATUS_EMPTY)) {
    }
    out8(COM1, (uint8_t)c);
}

void put_text(const char *text)
{
    for (; *text; text++) {
        put(*text);
    }
}

void put_number(uint32_t value)
{
    char digits[10];
    int count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count > 0) {
        put(digits[--count]);
    }
}

static void triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) none = {0, 0};

    __asm__ volatile("lidt %0\n\tud2" : : "m"(none));
}

static void command(uint8_t key, bool *deaf)
{
    switch (key) {
    case 'r':
        put_text("reset\r\n");
        out8(RESET, 6);
        break;
    case 't':
        put_text("triple fault\r\n");
        triple_fault();
        break;
    case 'o':
        put_text("power off\r\n");
        out16(PM1_CONTROL, PM1_OFF);
        break;
    case 'd':
        *deaf = true;
        put_text("deaf\r\n");
        break;
    case 'h':
        put_text("halted\r\n");
        __asm__ volatile("cli\n\thlt");
        break;
    default:
        break;
    }
}

/* One pass over the memory: false if a word is not what the last pass left. */
static bool pass(uint32_t round)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        if (memory[i] != (round == 0 ? 0 : i * 2654435761u + round - 1)) {
            return false;
        }
        memory[i] = i * 2654435761u + round;
    }
    return true;
}

void payload_main(const struct start_info *info)
{
    bool deaf = false;
    uint32_t tick = 0;

    put_text("payload up\r\n");
    char mode = info->command_line != 0 ? *(const char *)(uint32_t)info->command_line : 0;
    if (mode == 'i') {
        command('h', &deaf);
    } else if (mode == 's') {
        sleep_run();
    }
    for (uint32_t round = 0;; round++) {
        uint32_t eax = 0, ebx, ecx, edx;

        if (!pass(round)) {
            put_text("memory is wrong\r\n");
            return;
        }
        __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
        if (round % ROUNDS_PER_TICK == 0) {
            put_text("tick ");
            put_number(tick++);
            put_text("\r\n");
        }
        if (in8(COM1_STATUS) & STATUS_READY) {
            command(in8(COM1), &deaf);
        }
        if (!deaf && (in16(PM1_STATUS) & PM1_BUTTON)) {
            put_text("power button\r\n");
            out16(PM1_CONTROL, PM1_OFF);
        }
    }
}
