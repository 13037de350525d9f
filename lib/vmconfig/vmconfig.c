/* SPDX-License-Identifier: BSD-2-Clause */
#include "parser.h"

#include <string.h>

#define MIB (1ull << 20)

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct text trim(struct text t)
{
    while (t.length > 0 && is_space(t.start[0])) {
        t.start++;
        t.length--;
    }
    while (t.length > 0 && is_space(t.start[t.length - 1])) {
        t.length--;
    }
    return t;
}

bool parser_text_is(struct text t, const char *string)
{
    return t.length == strlen(string) && memcmp(t.start, string, t.length) == 0;
}

int parser_fail(struct parser *p, const char *message, struct text detail)
{
    size_t room = sizeof(p->error->message) - 1;
    size_t used = strlen(message);

    p->error->line = p->line;
    used = used < room ? used : room;
    memcpy(p->error->message, message, used);
    if (detail.length > 0 && used + 2 < room) {
        size_t length = detail.length < room - used - 2 ? detail.length : room - used - 2;
        memcpy(p->error->message + used, ": ", 2);
        memcpy(p->error->message + used + 2, detail.start, length);
        used += 2 + length;
    }
    p->error->message[used] = 0;
    return -1;
}

static int set_string(struct parser *p, char *to, size_t size, struct text value)
{
    if (value.length == 0) {
        return parser_fail(p, "this key needs a value", value);
    }
    if (value.length >= size) {
        return parser_fail(p, "this value is too long", value);
    }
    memcpy(to, value.start, value.length);
    to[value.length] = 0;
    return 0;
}

int parser_set_name(struct parser *p, char *to, size_t size, struct text value)
{
    for (size_t i = 0; i < value.length; i++) {
        char c = value.start[i];
        bool valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_';
        if (!valid) {
            return parser_fail(p, "a name is made of letters, digits, - and _", value);
        }
    }
    return set_string(p, to, size, value);
}

static int set_name(struct parser *p, struct text value)
{
    return parser_set_name(p, p->config->name, sizeof(p->config->name), value);
}

static int set_kernel(struct parser *p, struct text value)
{
    return set_string(p, p->config->kernel, sizeof(p->config->kernel), value);
}

static int set_initrd(struct parser *p, struct text value)
{
    return set_string(p, p->config->initrd, sizeof(p->config->initrd), value);
}

static int set_firmware(struct parser *p, struct text value)
{
    return set_string(p, p->config->firmware, sizeof(p->config->firmware), value);
}

static int set_command_line(struct parser *p, struct text value)
{
    return set_string(p, p->config->command_line, sizeof(p->config->command_line), value);
}

bool parser_number(struct text t, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < t.length; i++) {
        if (t.start[i] < '0' || t.start[i] > '9' || *number > 1ull << 40) {
            return false;
        }
        *number = *number * 10 + (uint64_t)(t.start[i] - '0');
    }
    return t.length > 0;
}

/* A number with M or G behind it, in bytes; beyond 1 TiB it is UINT64_MAX. */
static bool parse_size(struct text t, uint64_t *bytes)
{
    char unit = t.length > 0 ? t.start[t.length - 1] : 0;
    unsigned shift = unit == 'M' ? 20 : unit == 'G' ? 30 : 0;
    uint64_t number;

    if (shift == 0) {
        return false;
    }
    t.length--;
    if (!parser_number(t, &number)) {
        return false;
    }
    *bytes = number > (1ull << 40) >> shift ? UINT64_MAX : number << shift;
    return true;
}

static int set_memory(struct parser *p, struct text value)
{
    uint64_t bytes;

    if (!parse_size(value, &bytes)) {
        return parser_fail(p, "memory is a number with M or G behind it, such as 512M", value);
    }
    if (bytes < 16 * MIB || bytes > 1ull << 40) {
        return parser_fail(p, "memory must be from 16M to 1024G", value);
    }
    if (bytes % (2 * MIB) != 0) {
        return parser_fail(p, "memory must be a multiple of 2M", value);
    }
    p->config->memory = bytes;
    return 0;
}

static int set_balloon(struct parser *p, struct text value)
{
    if (!parse_size(value, &p->config->balloon) || p->config->balloon == 0 ||
        p->config->balloon % (2 * MIB) != 0) {
        return parser_fail(p, "balloon is a multiple of 2M with M or G behind it", value);
    }
    return 0;
}

static int set_vcpus(struct parser *p, struct text value)
{
    uint64_t number;

    if (!parser_number(value, &number) || number < 1 || number > VMCONFIG_MAX_VCPUS) {
        return parser_fail(p, "vcpus must be a number from 1 to 16", value);
    }
    p->config->vcpus = (unsigned)number;
    return 0;
}

static int set_cpu(struct parser *p, struct text value)
{
    struct text digits = value;
    uint64_t number;

    if (value.length > 0 && value.start[value.length - 1] == '%') {
        digits.length--;
    } else {
        digits.length = 0;
    }
    if (!parser_number(digits, &number) || number < 1 || number > 100) {
        return parser_fail(p, "cpu is from 1% to 100%", value);
    }
    p->config->cpu_percent = (unsigned)number;
    return 0;
}

static int set_priority(struct parser *p, struct text value)
{
    if (!parser_text_is(value, "high") && !parser_text_is(value, "normal")) {
        return parser_fail(p, "priority is normal or high", value);
    }
    p->config->high_priority = parser_text_is(value, "high");
    return 0;
}

static int set_order(struct parser *p, struct text value)
{
    uint64_t number;

    if (!parser_number(value, &number) || number > 99) {
        return parser_fail(p, "order must be a number from 0 to 99", value);
    }
    p->config->order = (unsigned)number;
    return 0;
}

static int set_autostart(struct parser *p, struct text value)
{
    if (!parser_text_is(value, "yes") && !parser_text_is(value, "no")) {
        return parser_fail(p, "autostart is yes or no", value);
    }
    p->config->autostart = parser_text_is(value, "yes");
    return 0;
}

static int set_rng(struct parser *p, struct text value)
{
    if (!parser_text_is(value, "on") && !parser_text_is(value, "off")) {
        return parser_fail(p, "rng is on or off", value);
    }
    p->config->rng = parser_text_is(value, "on");
    return 0;
}

static int set_hpet(struct parser *p, struct text value)
{
    if (!parser_text_is(value, "on") && !parser_text_is(value, "off")) {
        return parser_fail(p, "hpet is on or off", value);
    }
    p->config->hpet = parser_text_is(value, "on");
    return 0;
}

struct text parser_next_word(struct text *rest)
{
    struct text word = trim(*rest);
    size_t length = 0;

    while (length < word.length && !is_space(word.start[length])) {
        length++;
    }
    *rest = (struct text){word.start + length, word.length - length};
    word.length = length;
    return word;
}

/* "partition:UUID", "disk:UUID" or "serial:NUMBER": a disk of the machine. 1, 0 when it is none of
 * these, or -1. */
static int set_source(struct parser *p, struct vmconfig_disk *disk, struct text value)
{
    static const struct {
        const char *prefix;
        enum vmconfig_disk_source source;
    } sources[] = {
        {"partition:", VMCONFIG_SOURCE_PARTITION},
        {"disk:", VMCONFIG_SOURCE_DISK},
        {"serial:", VMCONFIG_SOURCE_SERIAL},
    };
    size_t length = 0;

    for (unsigned i = 0; i < sizeof(sources) / sizeof(sources[0]) && length == 0; i++) {
        size_t prefix = strlen(sources[i].prefix);
        if (value.length >= prefix && memcmp(value.start, sources[i].prefix, prefix) == 0) {
            disk->source = sources[i].source;
            length = prefix;
        }
    }
    if (length == 0) {
        return 0;
    }
    struct text name = {value.start + length, value.length - length};
    if (disk->source == VMCONFIG_SOURCE_SERIAL) {
        return set_string(p, disk->serial, sizeof(disk->serial), name) == 0 ? 1 : -1;
    }
    return gpt_parse_uuid(name.start, name.length, &disk->uuid)
               ? 1
               : parser_fail(p, "this is no UUID like 01234567-89ab-cdef-0123-456789abcdef", name);
}

/* What follows the name of a disk of the machine, and the kind of drive. */
static int set_machine_disk(struct parser *p, struct vmconfig_disk *disk, struct text option)
{
    if (disk->kind == VMCONFIG_DISK_CDROM) {
        return parser_fail(p, "a disk of the machine is no cdrom", (struct text){0});
    }
    if (option.length != 0 && !parser_text_is(option, "read-only")) {
        return parser_fail(p, "a disk of the machine has no option but read-only", option);
    }
    disk->read_only = option.length != 0;
    return 0;
}

static int set_file_disk(struct parser *p, struct vmconfig_disk *disk, struct text size)
{
    if (size.length != 0 && (!parse_size(size, &disk->writable) || disk->writable == 0 ||
                             disk->writable % (2 * MIB) != 0 || disk->writable > 256 * MIB)) {
        return parser_fail(p, "a disk keeps a multiple of 2M up to 256M", size);
    }
    if (disk->kind == VMCONFIG_DISK_CDROM && (disk->writable != 0 || disk->file[0] == 0)) {
        return parser_fail(p, "a cdrom has a file and keeps nothing", (struct text){0});
    }
    if (disk->file[0] == 0 && disk->writable == 0) {
        return parser_fail(p, "a disk without a file needs a size", (struct text){0});
    }
    return 0;
}

/* FILE, - or a disk of the machine, then the kind of drive, then what belongs to either. */
static int set_disk(struct parser *p, struct text value)
{
    struct vmconfig_disk *disk = &p->config->disk[p->config->disk_count];
    struct text name = parser_next_word(&value);
    struct text kind = parser_next_word(&value);
    struct text option = parser_next_word(&value);

    if (p->config->disk_count == VMCONFIG_MAX_DISKS) {
        return parser_fail(p, "there are at most 4 disks", (struct text){0});
    }
    int source = set_source(p, disk, name);
    if (source < 0 || (source == 0 && !parser_text_is(name, "-") &&
                       set_string(p, disk->file, sizeof(disk->file), name) != 0)) {
        return -1;
    }
    if (parser_text_is(kind, "virtio") || kind.length == 0) {
        disk->kind = VMCONFIG_DISK_VIRTIO;
    } else if (parser_text_is(kind, "sata")) {
        disk->kind = VMCONFIG_DISK_SATA;
    } else if (parser_text_is(kind, "cdrom")) {
        disk->kind = VMCONFIG_DISK_CDROM;
    } else {
        return parser_fail(p, "a disk is virtio, sata or cdrom", kind);
    }
    if (trim(value).length != 0) {
        return parser_fail(p, "nothing may follow a disk's last word", trim(value));
    }
    if ((source > 0 ? set_machine_disk(p, disk, option) : set_file_disk(p, disk, option)) != 0) {
        return -1;
    }
    p->config->disk_count++;
    return 0;
}

/* The secret's name, and what is done when it is not there. */
static int set_secret(struct parser *p, struct text value)
{
    struct text name = parser_next_word(&value);
    struct text option = parser_next_word(&value);

    if (parser_set_name(p, p->config->secret, sizeof(p->config->secret), name) != 0) {
        return -1;
    }
    if (option.length != 0 && !parser_text_is(option, "or-fail")) {
        return parser_fail(p, "a secret's one option is or-fail", option);
    }
    p->config->secret_or_fail = option.length != 0;
    return trim(value).length == 0
               ? 0
               : parser_fail(p, "nothing may follow a secret's option", trim(value));
}

unsigned vmconfig_machine_disks(const struct vmconfig *config)
{
    unsigned count = 0;

    for (unsigned i = 0; i < config->disk_count; i++) {
        count += config->disk[i].source != VMCONFIG_SOURCE_FILE;
    }
    return count;
}

struct key {
    const char *name;
    int (*set)(struct parser *p, struct text value);
};
static const struct key keys[] = {
    {"name", set_name},         {"kernel", set_kernel},
    {"initrd", set_initrd},     {"firmware", set_firmware},
    {"memory", set_memory},     {"cmdline", set_command_line},
    {"vcpus", set_vcpus},       {"autostart", set_autostart},
    {"cpu", set_cpu},           {"order", set_order},
    {"rng", set_rng},           {"disk", set_disk},
    {"priority", set_priority}, {"net", parser_set_net},
    {"hpet", set_hpet},         {"secret", set_secret},
    {"balloon", set_balloon},
};

static int parse_line(struct parser *p, struct text line)
{
    line = trim(line);
    if (line.length == 0 || line.start[0] == ';' || line.start[0] == '#') {
        return 0;
    }
    const char *equals = memchr(line.start, '=', line.length);
    if (!equals) {
        return parser_fail(p, "expected key = value", line);
    }
    size_t before = (size_t)(equals - line.start);
    struct text key = trim((struct text){line.start, before});
    struct text value = trim((struct text){equals + 1, line.length - before - 1});
    if (memchr(line.start, 0, line.length)) {
        return parser_fail(p, "this line holds a NUL byte", (struct text){0});
    }
    for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (parser_text_is(key, keys[i].name)) {
            /* Only disks may be several. */
            if ((p->seen >> i & 1) && keys[i].set != set_disk) {
                return parser_fail(p, "this key stands here a second time", key);
            }
            p->seen |= 1u << i;
            return keys[i].set(p, value);
        }
    }
    return parser_fail(p, "unknown key", key);
}

int vmconfig_parse(const char *text, size_t length, struct vmconfig *config,
                   struct vmconfig_error *error)
{
    struct parser p = {.config = config, .error = error};

    memset(config, 0, sizeof(*config));
    config->vcpus = 1;
    config->autostart = true;
    config->cpu_percent = 100;
    config->order = 50;
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t line_length = end ? (size_t)(end - (text + at)) : length - at;
        p.line++;
        if (parse_line(&p, (struct text){text + at, line_length}) != 0) {
            return -1;
        }
        at += line_length + 1;
    }
    p.line = 0;
    if (config->name[0] == 0) {
        return parser_fail(&p, "the key is missing", (struct text){"name", 4});
    }
    if (config->memory == 0) {
        return parser_fail(&p, "the key is missing", (struct text){"memory", 6});
    }
    if ((config->kernel[0] == 0) == (config->firmware[0] == 0)) {
        return parser_fail(&p, "one of the keys kernel and firmware must be there",
                           (struct text){0});
    }
    /* What runs before the others must not be able to keep them from running. */
    if (config->high_priority && config->cpu_percent > 50) {
        return parser_fail(&p, "priority = high needs a cpu of at most 50%", (struct text){0});
    }
    if (config->balloon != 0 &&
        (config->balloon >= config->memory || config->memory > 2048 * MIB)) {
        return parser_fail(&p, "a balloon is smaller than memory, which is at most 2G then",
                           (struct text){0});
    }
    parser_complete_net(config);
    return 0;
}
