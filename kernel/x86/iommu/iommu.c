/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A frame above 4 KiB is one entry of a table above the last, where units can do that; else it is
 * all entries of a table one level further down.
 *
 * A table that is taken out of its space keeps its entries, and has them when it comes back to the
 * same place; that is the interface. Frames in it may lose their capabilities meanwhile, so such
 * tables are remembered, and looked into whenever a frame or table is taken out. One that comes to
 * another place, or for which there was no room to remember it, begins empty.
 */
#include "x86/iommu/iommu.h"

#include <sel4/quoin.h>

#include "api/label.h"
#include "x86/arch.h"
#include "x86/iommu/unit.h"
#include "x86/virt.h"

enum { MAX_DETACHED = 32, ENTRY_BITS = 9 };
#define TAKEN ~0u /* instead of the level of a missing table: a frame is in its place */

struct place {
    uint16_t device;
    uint64_t address;
    unsigned level; /* of the table; 0: all its entries are frames */
};

static unsigned levels;
static struct detached {
    uint64_t *table; /* null: unused */
    struct place place;
} detached[MAX_DETACHED];

void iommu_init(const struct acpi_info *acpi, bool enable, unsigned most)
{
    levels = enable ? unit_init(acpi, most) : 0;
}

unsigned iommu_levels(void)
{
    return levels;
}

uint64_t iommu_features(void)
{
    return (levels != 0 ? QUOIN_FEATURE_IOMMU_VTD : 0) |
           (levels != 0 && unit_frame_level() > 0 ? QUOIN_FEATURE_IOMMU_LARGE : 0) |
           (unit_remaps_interrupts() ? QUOIN_FEATURE_REMAPPING : 0);
}

struct cap iommu_master_cap(void)
{
    return cap_make(CAP_IO_SPACE, 0, 0, 0);
}

void iommu_interrupt(void)
{
    if (levels != 0) {
        unit_interrupt();
    }
}

/* Badge of a device: domain [31:16], bus [15:8], device [7:3], function [2:0]; domain 0 is
 * reserved. Only the master capability can become one. */
struct cap iommu_cap_update_data(bool preserve, uint64_t data, struct cap cap)
{
    if (preserve || cap.w1 != 0 || data >> 32 != 0 || data >> 16 == 0) {
        return cap_null();
    }
    cap.w1 = data;
    return cap;
}

/* --- Places ----------------------------------------------------------------------------------- */

/* Address bits that a table of this level resolves, and those below. */
static unsigned covered_bits(unsigned level)
{
    return PAGE_BITS + ENTRY_BITS * (level + 1);
}

static bool covers(struct place table, struct place p)
{
    return table.device == p.device && table.level >= p.level &&
           table.address >> covered_bits(table.level) == p.address >> covered_bits(table.level);
}

static bool is_same(struct place a, struct place b)
{
    return a.level == b.level && covers(a, b);
}

static uint64_t *entry_in(uint64_t *table, unsigned level, uint64_t address)
{
    return &table[address >> (PAGE_BITS + ENTRY_BITS * level) & MASK(ENTRY_BITS)];
}

/* From a table down to the entry for the address in the table of level p.level; null if a table
 * is missing, whose level then is in *missing, or TAKEN. */
static uint64_t *descend(uint64_t *table, unsigned level, struct place p, unsigned *missing)
{
    while (level > p.level) {
        uint64_t entry = *entry_in(table, level, p.address);
        if (entry == 0 || unit_entry_is_frame(entry, level)) {
            *missing = entry == 0 ? level - 1 : TAKEN;
            return NULL;
        }
        level--;
        table = arch_window(unit_entry_target(entry));
    }
    return entry_in(table, level, p.address);
}

/* The entry in a table of p.level of the space itself. */
static uint64_t *find_entry(struct place p, unsigned *missing)
{
    uint64_t *root = unit_root(p.device);
    *missing = levels - 1;
    return root == NULL ? NULL : descend(root, levels - 1, p, missing);
}

/* Takes out every entry for p with this target, and the count - 1 behind it, in the space and in
 * tables that were taken out of it. True if there was one. */
static bool clear_entries(struct place p, struct paddr target, unsigned count)
{
    bool found = false;
    unsigned missing;
    for (unsigned i = 0; i <= MAX_DETACHED; i++) {
        uint64_t *entry = NULL;
        if (i == MAX_DETACHED) {
            entry = find_entry(p, &missing);
        } else if (detached[i].table != NULL && covers(detached[i].place, p)) {
            entry = descend(detached[i].table, detached[i].place.level, p, &missing);
        }
        if (entry != NULL && *entry != 0 && unit_entry_target(*entry).v == target.v) {
            unit_write_entries(p.device, entry, count, 0, 0);
            found = true;
        }
    }
    return found;
}

static struct detached *find_detached(const uint64_t *table)
{
    for (unsigned i = 0; i < MAX_DETACHED; i++) {
        if (detached[i].table == table) {
            return &detached[i];
        }
    }
    return NULL;
}

/* --- Capabilities ----------------------------------------------------------------------------- */

static uint64_t place_word(struct place p)
{
    return (uint64_t)p.device << 48 | (p.address & ~MASK(PAGE_BITS));
}

static struct place place_of(struct cap cap, unsigned level)
{
    return (struct place){(uint16_t)(cap.w1 >> 48), cap.w1 & MASK(48) & ~MASK(PAGE_BITS), level};
}

static unsigned table_level(struct cap cap)
{
    return (unsigned)cap_detail(cap, 1, 3);
}

/* The device and address that a Map names: what is wrong with them is set in c. */
static enum result decode_place(struct call *c, uint64_t address, struct place *p)
{
    struct cap space = c->extra[0]->cap;
    if (levels == 0) {
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    if (cap_type(space) != CAP_IO_SPACE || space.w1 == 0 || unit_is_reserved((uint16_t)space.w1)) {
        return call_invalid_capability(c, 1);
    }
    if (address >> covered_bits(levels - 1) != 0) {
        return call_invalid_argument(c, cap_type(c->cap) == CAP_FRAME ? 1 : 0);
    }
    *p = (struct place){(uint16_t)space.w1, address, 0};
    return OK;
}

/* --- I/O page tables -------------------------------------------------------------------------- */

static enum result table_map(struct call *c)
{
    struct place p;
    unsigned level;
    if (c->length < 1 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    if (cap_mapped(c->cap)) {
        return call_invalid_capability(c, 0);
    }
    if (decode_place(c, call_word(c, 0), &p) != OK) {
        return ERR_SYSCALL;
    }
    if (find_entry(p, &level) != NULL || level == TAKEN) {
        return call_fail(c, SEL4_DELETE_FIRST); /* all tables are there, or a large frame */
    }
    p.level = level;
    uint64_t *table = cap_object(c->cap);
    struct detached *before = find_detached(table);
    if (before == NULL || !is_same(before->place, p)) {
        memory_clear(table, PAGE_SIZE);
    }
    unit_publish_table(table);
    if (level == levels - 1) {
        if (!unit_set_root(p.device, table)) {
            return call_fail(c, SEL4_NOT_ENOUGH_MEMORY);
        }
    } else {
        p.level = level + 1;
        uint64_t *entry = find_entry(p, &level);
        p.level--;
        unit_write_entries(p.device, entry, 1, unit_entry_for_table(arch_paddr(table)), 0);
    }
    if (before != NULL) {
        before->table = NULL;
    }
    c->slot->cap = cap_with_detail(cap_with_detail(c->cap, 0, 1, 1), 1, 3, p.level);
    c->slot->cap.w1 = place_word(p);
    return OK;
}

/* True if it was in its place. */
static bool table_unmap(struct cap cap)
{
    struct place p = place_of(cap, table_level(cap));
    const uint64_t *table = cap_object(cap);
    if (!cap_mapped(cap) || levels == 0) {
        return false;
    }
    if (p.level == levels - 1) {
        if (unit_root(p.device) != table) {
            return false;
        }
        unit_clear_root(p.device);
        return true;
    }
    p.level++;
    return clear_entries(p, arch_paddr(table), 1);
}

static enum result decode_table_unmap(struct call *c)
{
    if (!slot_is_final(c->slot)) {
        return call_fail(c, SEL4_REVOKE_FIRST);
    }
    if (!cap_mapped(c->cap)) {
        return OK;
    }
    struct detached *room = table_unmap(c->cap) ? find_detached(NULL) : NULL;
    if (room != NULL) {
        *room = (struct detached){cap_object(c->cap), place_of(c->cap, table_level(c->cap))};
    } else {
        memory_clear(cap_object(c->cap), PAGE_SIZE);
    }
    c->slot->cap = cap_with_mapping(c->cap, false, 0, 0);
    return OK;
}

void iommu_cap_finalise(struct cap cap)
{
    if (levels == 0) {
        return;
    }
    if (cap_type(cap) == CAP_IO_PAGE_TABLE) {
        struct detached *d = find_detached(cap_object(cap));
        (void)table_unmap(cap);
        if (d != NULL) {
            d->table = NULL;
        }
    } else if (cap.w1 != 0 && !unit_is_reserved((uint16_t)cap.w1)) {
        unit_clear_root((uint16_t)cap.w1);
    }
}

enum result iommu_decode(struct call *c)
{
    if (cap_type(c->cap) == CAP_IO_PAGE_TABLE) {
        if (c->label == LABEL_IO_PAGE_TABLE_MAP) {
            return table_map(c);
        }
        if (c->label == LABEL_IO_PAGE_TABLE_UNMAP) {
            return decode_table_unmap(c);
        }
    }
    return call_fail(c, SEL4_ILLEGAL_OPERATION);
}

/* --- Frames ----------------------------------------------------------------------------------- */

/* The level of table in which a frame is, and how many of its entries. False: it would take
 * several tables. */
static bool frame_entries(struct cap frame, unsigned *level, unsigned *count)
{
    unsigned size = cap_frame_size(frame);
    unsigned most = unit_frame_level();
    *level = size < most ? size : most;
    *count = size > *level ? 1u << ENTRY_BITS : 1;
    return size <= *level + 1;
}

static bool all_free(const uint64_t *entry, unsigned count)
{
    bool taken = false;
    for (unsigned i = 0; i < count; i++) {
        taken = taken || entry[i] != 0;
    }
    return !taken;
}

enum result iommu_map_frame(struct call *c)
{
    struct place p;
    unsigned missing, level, count;
    if (c->length < 2 || c->extra_count < 1) {
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    }
    if (!frame_entries(c->cap, &level, &count) || cap_frame_map(c->cap) != MAP_NONE) {
        return call_invalid_capability(c, 0);
    }
    unsigned rights = (unsigned)call_word(c, 0) & cap_frame_rights(c->cap);
    if (decode_place(c, call_word(c, 1), &p) != OK) {
        return ERR_SYSCALL;
    }
    if (rights == 0) {
        return call_invalid_argument(c, 0);
    }
    if (p.address & MASK(cap_frame_bits(c->cap))) {
        return call_fail(c, SEL4_ALIGNMENT_ERROR);
    }
    p.level = level;
    uint64_t *entry = find_entry(p, &missing);
    if (entry == NULL && missing != TAKEN) {
        return call_failed_lookup(
            c, false,
            (struct lookup_fault){LOOKUP_MISSING_CAPABILITY, covered_bits(missing), 0, 0});
    }
    if (entry == NULL || !all_free(entry, count)) {
        return call_fail(c, SEL4_DELETE_FIRST);
    }
    unit_write_entries(p.device, entry, count,
                       unit_entry_for_frame(cap_paddr(c->cap), level, (rights & RIGHT_READ) != 0,
                                            (rights & RIGHT_WRITE) != 0),
                       BIT(PAGE_BITS + ENTRY_BITS * level));
    c->slot->cap = cap_frame_with_map(c->cap, MAP_IOSPACE, place_word(p), 0);
    return OK;
}

void iommu_unmap_frame(struct cap frame)
{
    unsigned level, count;
    if (levels != 0 && frame_entries(frame, &level, &count)) {
        (void)clear_entries(place_of(frame, level), cap_paddr(frame), count);
    }
}
