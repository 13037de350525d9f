/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbols.h"

#include <string.h>
#include <rt/format.h>

#include "archive.h"

struct header {
    uint8_t magic[8];
    uint32_t count;        /* entries, by rising address */
    uint32_t strings_size; /* of the names behind them, the last byte a NUL */
};

struct entry {
    uint32_t address;
    uint32_t name; /* offset in the strings */
};

static const char unknown[] = "?";

const char *symbols_find(const char *program, uint64_t address, uint64_t *offset)
{
    struct archive_file file;
    struct header h;
    char name[64];

    *offset = 0;
    format_text(name, sizeof(name), "symbols/%s", program);
    if (archive_find(name, &file) != 0 || file.size < sizeof(h)) {
        return unknown;
    }
    memcpy(&h, file.data, sizeof(h));
    uint64_t room = file.size - sizeof(h);
    if (memcmp(h.magic, "QSYMBOL1", 8) != 0 || h.count > room / sizeof(struct entry) ||
        h.strings_size == 0 || h.strings_size != room - h.count * sizeof(struct entry) ||
        file.data[file.size - 1] != 0) {
        return unknown;
    }
    const struct entry *entries = (const struct entry *)(const void *)(file.data + sizeof(h));
    const char *strings = (const char *)&entries[h.count];
    uint32_t low = 0, high = h.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (entries[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || entries[low - 1].name >= h.strings_size) {
        return unknown;
    }
    *offset = address - entries[low - 1].address;
    return strings + entries[low - 1].name;
}
