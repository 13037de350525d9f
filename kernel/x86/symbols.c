/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/symbols.h"

#include "x86/kspace.h"

/* Ascending offsets from the start of the text, and where each name starts. The first pass links
 * without the table. */
struct symbol {
    uint32_t offset, name;
};
extern const struct symbol symbol_table[] __attribute__((weak));
extern const uint32_t symbol_count __attribute__((weak));
extern const char symbol_names[] __attribute__((weak));

const char *symbol_find(uint64_t address, uint64_t *offset)
{
    uint64_t start = (uint64_t)(uintptr_t)kernel_text_start;
    if (&symbol_count == NULL || address < start ||
        address >= (uint64_t)(uintptr_t)kernel_text_end) {
        return NULL;
    }
    uint64_t place = address - start;
    uint32_t low = 0, high = symbol_count; /* the answer is before high */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (symbol_table[middle].offset <= place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    *offset = place - symbol_table[low - 1].offset;
    return &symbol_names[symbol_table[low - 1].name];
}
