/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads what a Multiboot 1 (0.6.96) or Multiboot 2 (2.0) loader left in memory. Every byte is
 * checked to be within reach and within its structure before it is read. Also built for the host.
 */
#include "config.h"
#include "x86/boot.h"

#define MULTIBOOT1_LOADER 0x2BADB002u
#define MULTIBOOT2_LOADER 0x36D76289u

#define LOW_RAM_TOP    0xa0000ull
#define HIGH_RAM_START 0x100000ull

enum { MEMORY_AVAILABLE = 1 };

/* Multiboot 1 information, section 3.3: offsets. */
enum {
    MB1_FLAGS = 0,
    MB1_MEM_LOWER = 4,
    MB1_MEM_UPPER = 8,
    MB1_CMDLINE = 16,
    MB1_MODS_COUNT = 20,
    MB1_MODS_ADDR = 24,
    MB1_MMAP_LENGTH = 44,
    MB1_MMAP_ADDR = 48,
    MB1_VBE_CONTROL_INFO = 72,
    MB1_VBE_MODE_INFO = 76,
    MB1_VBE_MODE = 80,
    MB1_VBE_SEGMENT = 82,
    MB1_VBE_OFFSET = 84,
    MB1_VBE_LENGTH = 86,
    MB1_FRAMEBUFFER = 88,
    MB1_SIZE = 116,
};
enum {
    MB1_HAS_MEMORY = 1u << 0,
    MB1_HAS_CMDLINE = 1u << 2,
    MB1_HAS_MODULES = 1u << 3,
    MB1_HAS_MMAP = 1u << 6,
    MB1_HAS_VBE = 1u << 11,
    MB1_HAS_FRAMEBUFFER = 1u << 12,
};

/* Multiboot 2 tags, section 3.6. */
enum {
    TAG_END = 0,
    TAG_CMDLINE = 1,
    TAG_MODULE = 3,
    TAG_MMAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
    TAG_EFI_MMAP = 17,
};
#define MB2_MAX_SIZE 0x1000000u

/* EFI memory types that are free once boot services have ended (UEFI 2.10, table 7.10):
 * LoaderCode, LoaderData, BootServicesCode, BootServicesData, Conventional. */
static bool efi_type_is_ram(uint32_t type)
{
    return type >= 1 && type <= 7 && type != 5 && type != 6;
}

/* Little-endian loads; memory need not be aligned. */

static void copy_bytes(void *to, const uint8_t *from, unsigned bytes)
{
    uint8_t *t = to;
    for (unsigned i = 0; i < bytes; i++) {
        t[i] = from[i];
    }
}

/* Whole pages of [base, base + length) that are available RAM. */
static void add_ram(struct boot_info *info, uint64_t base, uint64_t length)
{
    uint64_t end = base + length < base ? UINT64_MAX : base + length;
    uint64_t first =
        base > UINT64_MAX - PAGE_SIZE ? end : (base + PAGE_SIZE - 1) & ~MASK(PAGE_BITS);
    end &= ~MASK(PAGE_BITS);
    region_add(&info->low_ram, first < PAGE_SIZE ? PAGE_SIZE : first,
               end < LOW_RAM_TOP ? end : LOW_RAM_TOP);
    first = first < HIGH_RAM_START ? HIGH_RAM_START : first;
    end = end > PHYS_WINDOW_SIZE ? PHYS_WINDOW_SIZE : end;
    region_add(&info->ram, first, end);
}

/* What is announced as something else is nobody's RAM, even where entries overlap. */
static void add_other(struct boot_info *info, uint64_t base, uint64_t length)
{
    uint64_t end = base + length < base ? UINT64_MAX : base + length;
    uint64_t last = end > UINT64_MAX - PAGE_SIZE ? end : (end + PAGE_SIZE - 1) & ~MASK(PAGE_BITS);
    region_add(&info->kept, base & ~MASK(PAGE_BITS), last);
}

static void add_entry(struct boot_info *info, uint64_t base, uint64_t length, bool available)
{
    if (available) {
        add_ram(info, base, length);
    } else {
        add_other(info, base, length);
    }
}

static void copy_command_line(const struct memory_view *view, uint64_t address, uint64_t limit,
                              struct boot_info *info)
{
    unsigned n = 0;
    for (; n < MAX_COMMAND_LINE - 1 && n < limit; n++) {
        const uint8_t *c = view->at(view, address + n, 1);
        if (c == NULL || *c == 0) {
            break;
        }
        info->command_line[n] = (char)*c;
    }
    info->command_line[n] = 0;
}

static const char *add_module(const struct memory_view *view, struct boot_info *info,
                              uint64_t start, uint64_t end)
{
    if (start >= end || view->at(view, start, end - start) == NULL) {
        return "a module lies outside memory";
    }
    if (info->module_count == MAX_MODULES) {
        return "too many modules";
    }
    info->modules[info->module_count++] = (struct region){start, end};
    return NULL;
}

static const char *parse_mmap1(const struct memory_view *view, uint64_t address, uint32_t length,
                               struct boot_info *info)
{
    for (uint32_t offset = 0; offset < length && length - offset >= 24;) {
        const uint8_t *e = view->at(view, address + offset, 24);
        if (e == NULL) {
            return "the memory map lies outside memory";
        }
        uint32_t size = load32(e);
        if (size < 20 || size > length - offset - 4) {
            return "a memory map entry has a bad size";
        }
        add_entry(info, load64(e + 4), load64(e + 12), load32(e + 20) == MEMORY_AVAILABLE);
        if (info->mmap_count < MAX_MULTIBOOT1_MMAP) {
            info->mmap[info->mmap_count++] =
                (struct multiboot1_mmap){size, load64(e + 4), load64(e + 12), load32(e + 20)};
        }
        offset += size + 4;
    }
    return NULL;
}

static void parse_vbe(const struct memory_view *view, const uint8_t *mbi, struct boot_info *info)
{
    const uint8_t *control = view->at(view, load32(mbi + MB1_VBE_CONTROL_INFO), 512);
    const uint8_t *mode = view->at(view, load32(mbi + MB1_VBE_MODE_INFO), 256);
    if (control == NULL || mode == NULL) {
        return;
    }
    copy_bytes(info->vbe_control, control, 512);
    copy_bytes(info->vbe_mode_info, mode, 256);
    info->vbe_mode = load16(mbi + MB1_VBE_MODE);
    info->vbe_segment = load16(mbi + MB1_VBE_SEGMENT);
    info->vbe_offset = load16(mbi + MB1_VBE_OFFSET);
    info->vbe_length = load16(mbi + MB1_VBE_LENGTH);
    info->vbe = true;
}

/* Address, pitch, width, height, bpp, type: the same 22 bytes in both versions. */
static void parse_framebuffer(const uint8_t *p, struct boot_info *info)
{
    info->framebuffer = (struct boot_framebuffer){
        .present = true,
        .address = load64(p),
        .pitch = load32(p + 8),
        .width = load32(p + 12),
        .height = load32(p + 16),
        .bpp = p[20],
        .type = p[21],
    };
}

static const char *parse1(const struct memory_view *view, uint32_t address, struct boot_info *info)
{
    const uint8_t *mbi = view->at(view, address, MB1_SIZE);
    if (mbi == NULL) {
        return "the loader's information lies outside memory";
    }
    uint32_t flags = load32(mbi + MB1_FLAGS);
    info->multiboot1 = true;
    if (flags & MB1_HAS_CMDLINE) {
        copy_command_line(view, load32(mbi + MB1_CMDLINE), UINT64_MAX, info);
    }
    const char *error = NULL;
    if (flags & MB1_HAS_MMAP) {
        error = parse_mmap1(view, load32(mbi + MB1_MMAP_ADDR), load32(mbi + MB1_MMAP_LENGTH), info);
    } else if (flags & MB1_HAS_MEMORY) {
        add_ram(info, 0, (uint64_t)load32(mbi + MB1_MEM_LOWER) * 1024);
        add_ram(info, HIGH_RAM_START, (uint64_t)load32(mbi + MB1_MEM_UPPER) * 1024);
    }
    if (flags & MB1_HAS_MODULES) {
        uint32_t count = load32(mbi + MB1_MODS_COUNT);
        uint32_t modules = load32(mbi + MB1_MODS_ADDR);
        for (uint32_t i = 0; i < count && error == NULL; i++) {
            const uint8_t *m = view->at(view, (uint64_t)modules + 16ull * i, 16);
            error = m == NULL ? "the module list lies outside memory"
                              : add_module(view, info, load32(m), load32(m + 4));
        }
    }
    if (flags & MB1_HAS_VBE) {
        parse_vbe(view, mbi, info);
    }
    if (flags & MB1_HAS_FRAMEBUFFER) {
        parse_framebuffer(mbi + MB1_FRAMEBUFFER, info);
    }
    return error;
}

/* Memory map of either kind: entries of a given size from offset on. */
static const char *parse_mmap2(const uint8_t *tag, uint32_t size, bool efi, struct boot_info *info)
{
    if (size < 16) {
        return "a memory map is too short";
    }
    uint32_t entry_size = load32(tag + 8);
    if (entry_size < (efi ? 40u : 24u) || entry_size > size) {
        return "a memory map entry has a bad size";
    }
    for (uint32_t offset = 16; size - offset >= entry_size; offset += entry_size) {
        const uint8_t *e = tag + offset;
        if (efi) { /* UEFI 2.10, 7.2.3: type, physical start, virtual start, 4 KiB pages */
            uint64_t pages = load64(e + 24);
            uint64_t length = pages > UINT64_MAX >> PAGE_BITS ? UINT64_MAX : pages << PAGE_BITS;
            add_entry(info, load64(e + 8), length, efi_type_is_ram(load32(e)));
        } else {
            add_entry(info, load64(e), load64(e + 8), load32(e + 16) == MEMORY_AVAILABLE);
        }
    }
    return NULL;
}

static const char *parse_tag(const struct memory_view *view, uint64_t address, uint32_t type,
                             uint32_t size, struct boot_info *info)
{
    const uint8_t *tag = view->at(view, address, size);
    switch (type) {
    case TAG_CMDLINE:
        copy_command_line(view, address + 8, size - 8, info);
        return NULL;
    case TAG_MODULE:
        return size < 16 ? "a module tag is too short"
                         : add_module(view, info, load32(tag + 8), load32(tag + 12));
    case TAG_MMAP:
        return parse_mmap2(tag, size, false, info);
    case TAG_FRAMEBUFFER:
        if (size >= 30) {
            parse_framebuffer(tag + 8, info);
        }
        return NULL;
    case TAG_ACPI_OLD:
        if (info->rsdp_length == 0 && size >= 8 + 20) {
            copy_bytes(info->rsdp, tag + 8, 20);
            info->rsdp_length = 20;
        }
        return NULL;
    case TAG_ACPI_NEW:
        if (size >= 8 + 36) {
            copy_bytes(info->rsdp, tag + 8, 36);
            info->rsdp_length = 36;
        }
        return NULL;
    default:
        return NULL;
    }
}

static const char *parse2(const struct memory_view *view, uint32_t address, struct boot_info *info)
{
    const uint8_t *head = view->at(view, address, 8);
    if (head == NULL) {
        return "the loader's information lies outside memory";
    }
    uint32_t total = load32(head);
    if (total < 16 || total > MB2_MAX_SIZE || view->at(view, address, total) == NULL) {
        return "the loader's information has a bad size";
    }
    uint32_t efi_map = 0, efi_map_size = 0;
    for (uint32_t offset = 8; total - offset >= 8;) {
        const uint8_t *tag = view->at(view, (uint64_t)address + offset, 8);
        uint32_t type = load32(tag);
        uint32_t size = load32(tag + 4);
        if (size < 8 || size > total - offset) {
            return "a tag of the loader's information has a bad size";
        }
        if (type == TAG_END) {
            break;
        }
        if (type == TAG_EFI_MMAP) {
            efi_map = offset;
            efi_map_size = size;
        }
        const char *error = parse_tag(view, (uint64_t)address + offset, type, size, info);
        if (error != NULL) {
            return error;
        }
        uint32_t step = (size + 7) & ~7u;
        if (step > total - offset) {
            break;
        }
        offset += step;
    }
    /* The firmware's own map only where the loader made none of it. */
    if (info->ram.count == 0 && efi_map != 0) {
        return parse_mmap2(view->at(view, (uint64_t)address + efi_map, efi_map_size), efi_map_size,
                           true, info);
    }
    return NULL;
}

const char *multiboot_parse(const struct memory_view *view, uint32_t magic, uint32_t address,
                            struct boot_info *info)
{
    const char *error = magic == MULTIBOOT1_LOADER   ? parse1(view, address, info)
                        : magic == MULTIBOOT2_LOADER ? parse2(view, address, info)
                                                     : "not started by a Multiboot loader";
    if (error != NULL) {
        return error;
    }
    for (unsigned i = 0; i < info->kept.count; i++) {
        region_remove(&info->ram, info->kept.at[i].start, info->kept.at[i].end);
        region_remove(&info->low_ram, info->kept.at[i].start, info->kept.at[i].end);
    }
    if (info->ram.count == 0) {
        return "the loader gave no memory map";
    }
    if (info->module_count == 0) {
        return "no root task: the loader gave no module";
    }
    return NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

const char *boot_option(const char *command_line, const char *name)
{
    for (const char *word = command_line; *word != 0;) {
        while (is_space(*word)) {
            word++;
        }
        unsigned n = 0;
        while (name[n] != 0 && word[n] == name[n]) {
            n++;
        }
        if (name[n] == 0 && word[n] == '=') {
            return word + n + 1;
        }
        while (*word != 0 && !is_space(*word)) {
            word++;
        }
    }
    return NULL;
}

bool boot_flag(const char *command_line, const char *name)
{
    for (const char *word = command_line; *word != 0;) {
        while (is_space(*word)) {
            word++;
        }
        unsigned n = 0;
        while (name[n] != 0 && word[n] == name[n]) {
            n++;
        }
        if (name[n] == 0 && (word[n] == 0 || is_space(word[n]))) {
            return true;
        }
        while (*word != 0 && !is_space(*word)) {
            word++;
        }
    }
    return false;
}

uint64_t boot_number(const char *text)
{
    unsigned base = 10;
    uint64_t value = 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    for (;; text++) {
        unsigned digit = *text >= '0' && *text <= '9'   ? (unsigned)(*text - '0')
                         : *text >= 'a' && *text <= 'f' ? (unsigned)(*text - 'a') + 10
                         : *text >= 'A' && *text <= 'F' ? (unsigned)(*text - 'A') + 10
                                                        : 99;
        if (digit >= base) {
            return value;
        }
        value = value * base + digit;
    }
}
