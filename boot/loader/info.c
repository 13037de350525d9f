/* SPDX-License-Identifier: BSD-2-Clause */
#include "info.h"

#include <string.h>

#include "little.h"

/* Tag types. */
enum {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_MODULE = 3,
    TAG_BASIC_MEMORY = 4,
    TAG_MEMORY_MAP = 6,
    TAG_VBE = 7,
    TAG_FRAMEBUFFER = 8,
    TAG_EFI64_SYSTEM = 12,
    TAG_SMBIOS = 13,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
    TAG_EFI_MEMORY_MAP = 17,
};

#define TAG_HEADER      8
#define HEADER_SIZE     8
#define MAP_HEADER      16
#define MAP_ENTRY       24
#define MODULE_HEADER   16
#define FRAMEBUFFER_END 30
#define RAM             1

/* One tag after the other; what is left of the information. */
struct cursor {
    const uint8_t *at;
    size_t left;
};

struct tag {
    uint32_t type;
    uint32_t size;
    const uint8_t *data; /* of size bytes, the tag's header included */
};

/* 1 and the next tag, 0 at the end, LOADER_ERROR_INFO when the tag does not fit. */
static int next_tag(struct cursor *cursor, struct tag *tag)
{
    size_t step;

    if (cursor->left < TAG_HEADER)
        return LOADER_ERROR_INFO;
    tag->type = load32(cursor->at);
    tag->size = load32(cursor->at + 4);
    tag->data = cursor->at;
    if (tag->size < TAG_HEADER || tag->size > cursor->left)
        return LOADER_ERROR_INFO;
    if (tag->type == TAG_END)
        return 0;
    /* Tags begin at multiples of 8; the last one may lack the space behind it. */
    step = ((size_t)tag->size + 7) / 8 * 8;
    step = step < cursor->left ? step : cursor->left;
    cursor->at += step;
    cursor->left -= step;
    return 1;
}

static void copy_text(char *out, size_t room, const uint8_t *from, size_t size)
{
    size_t i = 0;

    for (; i < size && i < room - 1 && from[i] != 0; i++)
        out[i] = (char)from[i];
    out[i] = 0;
}

static int parse_module(struct info *info, const struct tag *tag)
{
    struct info_module *module = &info->modules[info->module_count];
    size_t length = 0;

    if (tag->size < MODULE_HEADER)
        return LOADER_ERROR_INFO;
    if (info->module_count == INFO_MODULES_MAX)
        return LOADER_ERROR_COUNT;
    module->start = load32(tag->data + 8);
    module->end = load32(tag->data + 12);
    while (length < tag->size - MODULE_HEADER && tag->data[MODULE_HEADER + length] != 0)
        length++;
    copy_text(module->name, sizeof module->name, tag->data + MODULE_HEADER, length);
    info->module_count++;
    if (length == 0 || length >= sizeof module->name)
        return LOADER_ERROR_NAME;
    return module->start <= module->end ? LOADER_OK : LOADER_ERROR_RANGE;
}

static int parse_map(struct info *info, const struct tag *tag)
{
    uint32_t entry_size;

    if (tag->size < MAP_HEADER)
        return LOADER_ERROR_INFO;
    entry_size = load32(tag->data + 8);
    if (entry_size < MAP_ENTRY || entry_size > tag->size)
        return LOADER_ERROR_INFO;
    for (uint32_t at = MAP_HEADER; tag->size - at >= entry_size; at += entry_size) {
        uint64_t start = load64(tag->data + at);
        uint64_t length = load64(tag->data + at + 8);
        struct info_range *range = &info->ranges[info->range_count];

        if (info->range_count == INFO_RANGES_MAX)
            return LOADER_ERROR_COUNT;
        if (length == 0)
            continue;
        range->start = start;
        range->end = length > UINT64_MAX - start ? UINT64_MAX : start + length;
        range->is_ram = load32(tag->data + at + 16) == RAM;
        info->range_count++;
    }
    return LOADER_OK;
}

static int parse_tag(struct info *info, const struct tag *tag)
{
    switch (tag->type) {
    case TAG_COMMAND_LINE:
        copy_text(info->command_line, sizeof info->command_line, tag->data + TAG_HEADER,
                  tag->size - TAG_HEADER);
        return LOADER_OK;
    case TAG_MODULE:
        return parse_module(info, tag);
    case TAG_MEMORY_MAP:
        return parse_map(info, tag);
    default:
        return LOADER_OK;
    }
}

static void parse_framebuffer(struct info *info, const struct tag *tag)
{
    if (tag->size < FRAMEBUFFER_END)
        return;
    info->framebuffer = (struct info_framebuffer){
        .address = load64(tag->data + 8),
        .pitch = load32(tag->data + 16),
        .width = load32(tag->data + 20),
        .height = load32(tag->data + 24),
        .depth = tag->data[28],
        .type = tag->data[29],
    };
}

uint32_t info_size(const uint8_t header[8])
{
    uint32_t size = load32(header);
    return size < HEADER_SIZE + TAG_HEADER || size > INFO_SIZE_MAX ? 0 : size;
}

int info_parse(struct info *info, struct pq_bytes data, struct loader_failure *failure)
{
    struct cursor cursor = {data.data + HEADER_SIZE, data.size - HEADER_SIZE};
    struct tag tag;
    int more;

    memset(info, 0, sizeof *info);
    while ((more = next_tag(&cursor, &tag)) > 0) {
        if (tag.type == TAG_FRAMEBUFFER)
            parse_framebuffer(info, &tag);
    }
    if (more < 0)
        return failure_set(failure, LOADER_ERROR_INFO, NULL);

    cursor = (struct cursor){data.data + HEADER_SIZE, data.size - HEADER_SIZE};
    while (next_tag(&cursor, &tag) > 0) {
        int error = parse_tag(info, &tag);
        if (error) {
            const char *file =
                tag.type == TAG_MODULE && error != LOADER_ERROR_INFO && info->module_count > 0
                    ? info->modules[info->module_count - 1].name
                    : NULL;
            return failure_set(failure, (enum loader_error)error, file);
        }
    }
    return LOADER_OK;
}

int info_is_ram(const struct info *info, uint64_t start, uint64_t end)
{
    uint64_t at = start;
    int moved = 1;

    for (unsigned i = 0; i < info->range_count; i++) {
        const struct info_range *range = &info->ranges[i];
        if (!range->is_ram && range->start < end && start < range->end)
            return 0;
    }
    /* Every round passes one range, of which there are range_count. */
    while (at < end && moved) {
        moved = 0;
        for (unsigned i = 0; i < info->range_count && at < end; i++) {
            const struct info_range *range = &info->ranges[i];
            if (range->is_ram && range->start <= at && at < range->end) {
                at = range->end;
                moved = 1;
            }
        }
    }
    return at >= end;
}

void info_option(const struct info *info, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    const char *word = info->command_line;
    size_t i = 0;

    while (*word != 0) {
        if (strncmp(word, name, length) == 0 && word[length] == '=') {
            for (word += length + 1; *word != 0 && *word != ' ' && i < size - 1; word++)
                value[i++] = *word;
            break;
        }
        while (*word != 0 && *word != ' ')
            word++;
        while (*word == ' ')
            word++;
    }
    value[i] = 0;
}

/* ---- The information for the kernel ---- */

struct writer {
    uint8_t *out;
    size_t room;
    size_t used; /* more than room when it did not suffice */
};

/* Room for size bytes and what is missing to the next multiple of 8, zeroed; NULL when there is
 * none. */
static uint8_t *put(struct writer *writer, size_t size)
{
    size_t padded = (size + 7) / 8 * 8;
    uint8_t *at = writer->out + writer->used;

    if (writer->used > writer->room || padded > writer->room - writer->used) {
        writer->used = writer->room + 1;
        return NULL;
    }
    memset(at, 0, padded);
    writer->used += padded;
    return at;
}

static uint8_t *put_tag(struct writer *writer, uint32_t type, size_t size)
{
    uint8_t *at = put(writer, size);
    if (at) {
        store32(at, type);
        store32(at + 4, (uint32_t)size);
    }
    return at;
}

static int describes_machine(uint32_t type)
{
    return type == TAG_BASIC_MEMORY || type == TAG_MEMORY_MAP || type == TAG_VBE ||
           type == TAG_FRAMEBUFFER || type == TAG_EFI64_SYSTEM || type == TAG_SMBIOS ||
           type == TAG_ACPI_OLD || type == TAG_ACPI_NEW || type == TAG_EFI_MEMORY_MAP;
}

size_t info_write(uint8_t *out, size_t room, struct pq_bytes data, const struct info_place *modules,
                  unsigned count)
{
    struct writer writer = {out, room, 0};
    struct cursor cursor = {data.data + HEADER_SIZE, data.size - HEADER_SIZE};
    struct tag tag;

    put(&writer, HEADER_SIZE);
    put_tag(&writer, TAG_COMMAND_LINE, TAG_HEADER + 1);
    for (unsigned i = 0; i < count; i++) {
        size_t length = strlen(modules[i].name);
        uint8_t *at = put_tag(&writer, TAG_MODULE, MODULE_HEADER + length + 1);
        if (at) {
            store32(at + 8, (uint32_t)modules[i].start);
            store32(at + 12, (uint32_t)modules[i].end);
            memcpy(at + MODULE_HEADER, modules[i].name, length);
        }
    }
    while (next_tag(&cursor, &tag) > 0) {
        uint8_t *at = describes_machine(tag.type) ? put(&writer, tag.size) : NULL;
        if (at)
            memcpy(at, tag.data, tag.size);
    }
    put_tag(&writer, TAG_END, TAG_HEADER);
    if (writer.used > room)
        return 0;
    store32(out, (uint32_t)writer.used);
    return writer.used;
}
