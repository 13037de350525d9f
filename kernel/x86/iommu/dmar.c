/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/iommu/dmar.h"

enum { TABLE_HEADER = 48, TABLE_FLAGS = 37, FLAG_INTR_REMAP = 1 };
enum { TYPE_UNIT = 0, TYPE_RESERVED = 1 };
enum { UNIT_HEADER = 16, RESERVED_HEADER = 24 };
/* Device scope structure, 8.3.1. */
enum { SCOPE_HEADER = 6, SCOPE_ENDPOINT = 1, SCOPE_IOAPIC = 3, SCOPE_ONE_STEP = 8 };

/* The device of a scope, without a bridge on the way. */
static uint16_t scope_device(const uint8_t *scope)
{
    return (uint16_t)(scope[5] << 8 | scope[6] << 3 | scope[7]);
}

static bool is_one_step(const uint8_t *scope)
{
    return scope[1] == SCOPE_ONE_STEP && scope[6] <= 31 && scope[7] <= 7;
}

/* Which I/O APICs are behind a unit. Other devices need not be known: all units follow one set of
 * tables. */
static void add_unit_scope(const uint8_t *scope, struct dmar_info *info)
{
    if (scope[0] != SCOPE_IOAPIC) {
        return;
    }
    if (!is_one_step(scope) || info->ioapic_count == DMAR_MAX_IOAPICS) {
        info->left_out++;
        return;
    }
    info->ioapics[info->ioapic_count++] = (struct dmar_ioapic){scope[4], scope_device(scope)};
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

static void add_reserved_scope(const uint8_t *e, const uint8_t *scope, struct dmar_info *info)
{
    uint64_t start = load64(e + 8) & ~MASK(PAGE_BITS);
    uint64_t end = (load64(e + 16) | MASK(PAGE_BITS)) + 1;
    if (load16(e + 6) != 0 || scope[0] != SCOPE_ENDPOINT || !is_one_step(scope) || start >= end ||
        info->reserved_count == DMAR_MAX_RESERVED) {
        info->left_out++;
        return;
    }
    info->reserved[info->reserved_count++] =
        (struct dmar_reserved){start, end, scope_device(scope)};
}

/* One structure and the device scopes in it. */
static const char *add(const uint8_t *e, uint32_t size, struct dmar_info *info)
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
            add_unit_scope(scope, info);
        } else if (!unit) {
            add_reserved_scope(e, scope, info);
        }
        offset += scope_size;
    }
    return NULL;
}

static const char *parse(const uint8_t *table, uint32_t length, struct dmar_info *info)
{
    for (uint32_t offset = TABLE_HEADER; length - offset >= 4;) {
        const uint8_t *e = table + offset;
        uint32_t size = load16(e + 2);
        if (size < 4 || size > length - offset) {
            return "a structure of the DMAR table has a bad size";
        }
        const char *wrong = add(e, size, info);
        if (wrong != NULL) {
            return wrong;
        }
        offset += size;
    }
    return NULL;
}

const char *dmar_parse(const uint8_t *table, uint32_t length, struct dmar_info *info)
{
    if (length < TABLE_HEADER) {
        return "the DMAR table is too short";
    }
    info->remaps_interrupts = (table[TABLE_FLAGS] & FLAG_INTR_REMAP) != 0;
    const char *wrong = parse(table, length, info);
    if (wrong != NULL) {
        *info = (struct dmar_info){0};
    }
    return wrong;
}
