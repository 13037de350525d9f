/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdbool.h>
#include <stdint.h>

#include <rt/format.h>

/* Where the text goes; what does not fit is dropped. */
struct output {
    char *buffer;
    size_t size; /* room for text, without the NUL */
    size_t length;
};

/* One conversion, as written between % and its letter. */
struct conversion {
    bool left, zero, plus, space, alternate;
    bool has_precision;
    size_t width;
    size_t precision;
    char length; /* 'H' for hh, 'h', 'l', 'L' for ll, 'z', 'j', 't', or 0 */
};

#define FIELD_MAX 4096u /* a width or precision beyond this is taken as this */

static void put(struct output *out, char c)
{
    if (out->length < out->size) {
        out->buffer[out->length++] = c;
    }
}

static void put_repeated(struct output *out, char c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(out, c);
    }
}

static const char *read_number(const char *format, size_t *number)
{
    size_t value = 0;

    while (*format >= '0' && *format <= '9') {
        value = value * 10 + (size_t)(*format - '0');
        value = value > FIELD_MAX ? FIELD_MAX : value;
        format++;
    }
    *number = value;
    return format;
}

static const char *read_flags(const char *format, struct conversion *conv)
{
    for (;; format++) {
        switch (*format) {
        case '-':
            conv->left = true;
            break;
        case '0':
            conv->zero = true;
            break;
        case '+':
            conv->plus = true;
            break;
        case ' ':
            conv->space = true;
            break;
        case '#':
            conv->alternate = true;
            break;
        default:
            return format;
        }
    }
}

static const char *read_length(const char *format, struct conversion *conv)
{
    char c = *format;

    if (c != 'h' && c != 'l' && c != 'z' && c != 'j' && c != 't') {
        return format;
    }
    conv->length = c;
    format++;
    if (c == 'h' && *format == 'h') {
        conv->length = 'H';
        format++;
    } else if (c == 'l' && *format == 'l') {
        conv->length = 'L';
        format++;
    }
    return format;
}

static void put_padded(struct output *out, const struct conversion *conv, const char *text,
                       size_t length)
{
    size_t padding = conv->width > length ? conv->width - length : 0;

    if (!conv->left) {
        put_repeated(out, ' ', padding);
    }
    for (size_t i = 0; i < length; i++) {
        put(out, text[i]);
    }
    if (conv->left) {
        put_repeated(out, ' ', padding);
    }
}

/* prefix: a sign or 0x, before any zeros. */
static void put_number(struct output *out, const struct conversion *conv, uint64_t value,
                       unsigned base, bool upper, const char *prefix)
{
    const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[22]; /* 64 bits take 22 octal digits */
    size_t count = 0;
    size_t prefix_length = 0;
    size_t zeros = 0;
    size_t total;

    for (; value != 0; value /= base) {
        digits[count++] = alphabet[value % base];
    }
    while (prefix[prefix_length] != '\0') {
        prefix_length++;
    }
    if (conv->has_precision) {
        zeros = conv->precision > count ? conv->precision - count : 0;
    } else if (count == 0) {
        zeros = 1;
    }
    total = prefix_length + zeros + count;
    if (conv->zero && !conv->left && !conv->has_precision && conv->width > total) {
        zeros += conv->width - total;
        total = conv->width;
    }
    if (!conv->left && conv->width > total) {
        put_repeated(out, ' ', conv->width - total);
    }
    for (size_t i = 0; i < prefix_length; i++) {
        put(out, prefix[i]);
    }
    put_repeated(out, '0', zeros);
    while (count > 0) {
        put(out, digits[--count]);
    }
    if (conv->left && conv->width > total) {
        put_repeated(out, ' ', conv->width - total);
    }
}

static void put_signed(struct output *out, const struct conversion *conv, int64_t value)
{
    const char *sign = conv->plus ? "+" : conv->space ? " " : "";

    if (value < 0) {
        put_number(out, conv, 0 - (uint64_t)value, 10, false, "-");
    } else {
        put_number(out, conv, (uint64_t)value, 10, false, sign);
    }
}

static void put_string(struct output *out, const struct conversion *conv, const char *text)
{
    size_t length = 0;

    text = text != NULL ? text : "(null)";
    while ((!conv->has_precision || length < conv->precision) && text[length] != '\0') {
        length++;
    }
    put_padded(out, conv, text, length);
}

size_t format_vtext(char *buffer, size_t size, const char *format, va_list args)
{
    struct output out = {buffer, size > 0 ? size - 1 : 0, 0};

    if (size == 0) {
        return 0;
    }
    while (*format != '\0') {
        struct conversion conv = {0};
        const char *start = format;
        uint64_t value = 0;
        char letter;

        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        format = read_flags(format + 1, &conv);
        if (*format == '*') {
            int width = va_arg(args, int);

            conv.left = conv.left || width < 0;
            conv.width = (size_t)(width < 0 ? 0u - (unsigned)width : (unsigned)width);
            conv.width = conv.width > FIELD_MAX ? FIELD_MAX : conv.width;
            format++;
        } else {
            format = read_number(format, &conv.width);
        }
        if (*format == '.') {
            conv.has_precision = true;
            format++;
            if (*format == '*') {
                int precision = va_arg(args, int);

                conv.has_precision = precision >= 0;
                conv.precision = precision >= 0 ? (size_t)precision : 0;
                format++;
            } else {
                format = read_number(format, &conv.precision);
            }
        }
        format = read_length(format, &conv);
        letter = *format;

        /* Integers of every length come as int, or as a 64-bit word. */
        if (letter == 'd' || letter == 'i') {
            int64_t number = conv.length == 'l' || conv.length == 'L' || conv.length == 'z' ||
                                     conv.length == 'j' || conv.length == 't'
                                 ? va_arg(args, int64_t)
                                 : va_arg(args, int);

            number = conv.length == 'H' ? (signed char)number : number;
            number = conv.length == 'h' ? (short)number : number;
            put_signed(&out, &conv, number);
        } else if (letter == 'u' || letter == 'x' || letter == 'X' || letter == 'o') {
            unsigned base = letter == 'u' ? 10 : letter == 'o' ? 8 : 16;
            bool prefixed = conv.alternate && base == 16;

            value = conv.length == 'l' || conv.length == 'L' || conv.length == 'z' ||
                            conv.length == 'j' || conv.length == 't'
                        ? va_arg(args, uint64_t)
                        : va_arg(args, unsigned);
            value = conv.length == 'H' ? (unsigned char)value : value;
            value = conv.length == 'h' ? (unsigned short)value : value;
            put_number(&out, &conv, value, base, letter == 'X',
                       prefixed && value != 0 ? (letter == 'X' ? "0X" : "0x") : "");
        } else if (letter == 'p') {
            put_number(&out, &conv, (uint64_t)(uintptr_t)va_arg(args, void *), 16, false, "0x");
        } else if (letter == 'c') {
            char c = (char)va_arg(args, int);

            put_padded(&out, &conv, &c, 1);
        } else if (letter == 's') {
            put_string(&out, &conv, va_arg(args, const char *));
        } else if (letter == '%') {
            put(&out, '%');
        } else {
            while (start < format) {
                put(&out, *start++);
            }
            continue;
        }
        format++;
    }
    buffer[out.length] = '\0';
    return out.length;
}

size_t format_text(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
    length = format_vtext(buffer, size, format, args);
    va_end(args);
    return length;
}
