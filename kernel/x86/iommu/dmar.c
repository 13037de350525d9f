/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/iommu/dmar.h"

enum { TABLE_HEADER = 48, TABLE_FLAGS = 37, FLAG_INTR_REMAP = 1 };
enum { TYPE_UNIT = 0, TYPE_RESERVED = 1 };
enum { UNIT_HEADER = 16, RESERVED_HEADER = 24 };
/* Device scope structure, 8.3.1. */
enum { SCOPE_HEADER = 6, SCOPE_ENDPOINT = 1, SCOPE_IOAPIC = 3, SCOPE_ONE_STEP = 8 };

/* The device at the end of a scope's path, whose steps are device and function, all but the last
 * one bridges: its address, or below 0 if it leads nowhere. */
static int scope_device(const uint8_t *scope, dmar_bridge_reader *behind)
{
    int bus = scope[5];
    for (unsigned at = SCOPE_HEADER; at + 2 <= scope[1]; at += 2) {
        if (scope[at] > 31 || scope[at + 1] > 7) {
            return -1;
        }
        uint16_t device = (uint16_t)(bus << 8 | scope[at] << 3 | scope[at + 1]);
        if (at + 4 > scope[1]) {
            return device;
        }
        int next = behind(device);
        if (next <= bus || next > 255) {
            return -1;
        }
        bus = next;
    }
    return -1;
}

/* Which I/O APICs are behind a unit. Other devices need not be known: all units follow one set of
 * tables. */
static void add_unit_scope(const uint8_t *scope, dmar_bridge_reader *behind, struct dmar_info *info)
{
    if (scope[0] != SCOPE_IOAPIC) {
        return;
    }
    int device = scope_device(scope, behind);
    if (device < 0 || info->ioapic_count == DMAR_MAX_IOAPICS) {
        info->left_out++;
        return;
    }
    info->ioapics[info->ioapic_count++] = (struct dmar_ioapic){scope[4], (uint16_t)device};
}

static bool add_unit(const uint8_t *e, struct dmar_info *info)
{
    uint64_t base = load64(e + 8);
    if (load16(e + 6) != 0 || (base & MASK(PAGE_BITS)) != 0 || info->unit_count == DMAR_MAX_UNITS) {
        info->left_out++;
        return false;
    }
    info->units[info->unit_count++] = base;
    return true;
}

static void add_reserved_scope(const uint8_t *e, const uint8_t *scope, dmar_bridge_reader *behind,
                               struct dmar_info *info)
{
    int device = scope_device(scope, behind);
    uint64_t start = load64(e + 8) & ~MASK(PAGE_BITS);
    uint64_t end = (load64(e + 16) | MASK(PAGE_BITS)) + 1;
    if (load16(e + 6) != 0 || scope[0] != SCOPE_ENDPOINT || device < 0 || start >= end ||
        info->reserved_count == DMAR_MAX_RESERVED) {
        info->left_out++;
        return;
    }
    info->reserved[info->reserved_count++] = (struct dmar_reserved){start, end, (uint16_t)device};
}

/* One structure and the device scopes in it. */
static const char *add(const uint8_t *e, uint32_t size, dmar_bridge_reader *behind,
                       struct dmar_info *info)
{
    bool unit = load16(e) == TYPE_UNIT;
    uint32_t header = unit ? UNIT_HEADER : RESERVED_HEADER;
    if ((!unit && load16(e) != TYPE_RESERVED) || size < header) {
        return NULL;
    }
    bool used = unit && add_unit(e, info);
    for (uint32_t offset = header; size - offset >= SCOPE_HEADER;) {
        const uint8_t *scope = e + offset;
        uint32_t scope_size = scope[1];
        if (scope_size < SCOPE_ONE_STEP || scope_size > size - offset) {
            return "a device scope of the DMAR table has a bad size";
        }
        if (used) {
            add_unit_scope(scope, behind, info);
        } else if (!unit) {
            add_reserved_scope(e, scope, behind, info);
        }
        offset += scope_size;
    }
    return NULL;
}

static const char *parse(const uint8_t *table, uint32_t length, dmar_bridge_reader *behind,
                         struct dmar_info *info)
{
    for (uint32_t offset = TABLE_HEADER; length - offset >= 4;) {
        const uint8_t *e = table + offset;
        uint32_t size = load16(e + 2);
        if (size < 4 || size > length - offset) {
            return "a structure of the DMAR table has a bad size";
        }
        const char *wrong = add(e, size, behind, info);
        if (wrong != NULL) {
            return wrong;
        }
        offset += size;
    }
    return NULL;
}

const char *dmar_parse(const uint8_t *table, uint32_t length, dmar_bridge_reader *behind,
                       struct dmar_info *info)
{
    if (length < TABLE_HEADER) {
        return "the DMAR table is too short";
    }
    info->remaps_interrupts = (table[TABLE_FLAGS] & FLAG_INTR_REMAP) != 0;
    const char *wrong = parse(table, length, behind, info);
    if (wrong != NULL) {
        *info = (struct dmar_info){0};
    }
    return wrong;
}
