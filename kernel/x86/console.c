/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/console.h"

#include <uart/registers.h>

#include "x86/arch.h"
#include "x86/asm.h"

/* A transmitter that does not become ready within so many reads is taken for absent. */
enum { POLL_LIMIT = 100000 };

static uint16_t console_port;

void console_init(uint16_t port)
{
    console_port = port;
    if (port == 0) {
        return;
    }
    asm_out8((uint16_t)(port + UART_IER), 0);
    asm_out8((uint16_t)(port + UART_LCR), UART_LCR_DIVISOR);
    asm_out8((uint16_t)(port + UART_DIVISOR_LOW), 1); /* 115200 / 1 */
    asm_out8((uint16_t)(port + UART_DIVISOR_HIGH), 0);
    asm_out8((uint16_t)(port + UART_LCR), UART_LCR_8N1);
    asm_out8((uint16_t)(port + UART_FCR), UART_FCR_ON | UART_FCR_CLEAR);
    asm_out8((uint16_t)(port + UART_MCR), UART_MCR_DTR | UART_MCR_RTS);
}

static void console_put_raw(char c)
{
    for (unsigned i = 0; !(asm_in8((uint16_t)(console_port + UART_LSR)) & UART_LSR_EMPTY); i++) {
        if (i == POLL_LIMIT) {
            console_port = 0;
            return;
        }
    }
    asm_out8((uint16_t)(console_port + UART_DATA), (uint8_t)c);
}

void console_put(char c)
{
    if (console_port == 0) {
        return;
    }
    if (c == '\n') {
        console_put_raw('\r');
    }
    if (console_port != 0) {
        console_put_raw(c);
    }
}

static void put_padded(const char *text, unsigned length, unsigned width, char pad)
{
    for (unsigned i = length; i < width; i++) {
        console_put(pad);
    }
    for (unsigned i = 0; i < length; i++) {
        console_put(text[i]);
    }
}

static void put_number(uint64_t value, unsigned base, bool negative, unsigned width, char pad)
{
    char digits[24];
    unsigned i = sizeof(digits);
    do {
        digits[--i] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative) {
        digits[--i] = '-';
    }
    put_padded(&digits[i], (unsigned)sizeof(digits) - i, width, pad);
}

/* %c %s %d %i %u %x %p %%, with l and ll, a width and a leading 0. */
void console_vprintf(const char *format, va_list arguments)
{
    for (const char *f = format; *f != 0; f++) {
        if (*f != '%') {
            console_put(*f);
            continue;
        }
        f++;
        char pad = *f == '0' ? '0' : ' ';
        unsigned width = 0;
        for (; *f >= '0' && *f <= '9'; f++) {
            width = width * 10 + (unsigned)(*f - '0');
        }
        bool wide = false;
        for (; *f == 'l'; f++) {
            wide = true;
        }
        if (*f == 'c') {
            console_put((char)va_arg(arguments, int));
        } else if (*f == 's') {
            const char *text = va_arg(arguments, const char *);
            unsigned length = 0;
            while (text[length] != 0) {
                length++;
            }
            put_padded(text, length, width, ' ');
        } else if (*f == 'd' || *f == 'i') {
            int64_t v = wide ? va_arg(arguments, long) : va_arg(arguments, int);
            put_number(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, v < 0, width, pad);
        } else if (*f == 'u' || *f == 'x') {
            uint64_t v = wide ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned);
            put_number(v, *f == 'u' ? 10 : 16, false, width, pad);
        } else if (*f == 'p') {
            put_number((uint64_t)(uintptr_t)va_arg(arguments, void *), 16, false, 16, '0');
        } else if (*f == 0) {
            return;
        } else {
            console_put(*f);
        }
    }
}

void console_printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    console_vprintf(format, arguments);
    va_end(arguments);
}
