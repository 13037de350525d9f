/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/iommu/dmar.h"

enum { TABLE_HEADER = 48, TYPE_UNIT = 0, TYPE_RESERVED = 1 };
enum { UNIT_HEADER = 16, RESERVED_HEADER = 24 };
/* Device scope structure, 8.3.1. */
enum { SCOPE_HEADER = 6, SCOPE_ENDPOINT = 1, SCOPE_ONE_STEP = 8 };

static void add_unit(const uint8_t *e, struct dmar_info *info)
{
    uint64_t base = load64(e + 8);
    if (load16(e + 6) != 0 || (base & MASK(PAGE_BITS)) != 0 || info->unit_count == DMAR_MAX_UNITS) {
        info->left_out++;
        return;
    }
    info->units[info->unit_count++] = base;
}

static const char *add_reserved(const uint8_t *e, uint32_t size, struct dmar_info *info)
{
    uint64_t start = load64(e + 8) & ~MASK(PAGE_BITS);
    uint64_t end = (load64(e + 16) | MASK(PAGE_BITS)) + 1;
    for (uint32_t offset = RESERVED_HEADER; size - offset >= SCOPE_HEADER;) {
        const uint8_t *scope = e + offset;
        uint32_t scope_size = scope[1];
        if (scope_size < SCOPE_ONE_STEP || scope_size > size - offset) {
            return "a device scope of the DMAR table has a bad size";
        }
        if (load16(e + 6) != 0 || scope[0] != SCOPE_ENDPOINT || scope_size != SCOPE_ONE_STEP ||
            start >= end || scope[6] > 31 || scope[7] > 7 ||
            info->reserved_count == DMAR_MAX_RESERVED) {
            info->left_out++;
        } else {
            info->reserved[info->reserved_count++] = (struct dmar_reserved){
                start, end, (uint16_t)(scope[5] << 8 | scope[6] << 3 | scope[7])};
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
        const char *wrong = NULL;
        if (size < 4 || size > length - offset) {
            return "a structure of the DMAR table has a bad size";
        }
        if (load16(e) == TYPE_UNIT && size >= UNIT_HEADER) {
            add_unit(e, info);
        } else if (load16(e) == TYPE_RESERVED && size >= RESERVED_HEADER) {
            wrong = add_reserved(e, size, info);
        }
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
    const char *wrong = parse(table, length, info);
    if (wrong != NULL) {
        *info = (struct dmar_info){0};
    }
    return wrong;
}
