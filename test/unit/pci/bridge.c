/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Buses behind bridges, the windows that lead to them, whose requests arrive under whose name; and
 * ACPI's table of where configuration space stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pci/mcfg.h>
#include <pci/pci.h>
#include <stdlib.h>
#include <string.h>

#define MOST 16u

struct machine {
    struct pci_ecam ecam;
    unsigned count;
    struct function {
        uint16_t id;
        uint8_t bytes[256];
    } function[MOST];
    struct pci_info list[MOST];
    unsigned found;
};

static struct function *find(struct machine *m, uint64_t offset)
{
    for (unsigned i = 0; i < m->count; i++) {
        if (m->function[i].id == offset >> 12)
            return &m->function[i];
    }
    return NULL;
}

static uint64_t read(void *context, uint64_t offset, unsigned size)
{
    const struct function *f = find(context, offset);
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        unsigned at = (offset & 0xfff) + i;
        value |= (uint64_t)(f == NULL || at >= 256 ? 0xff : f->bytes[at]) << (8 * i);
    }
    return value;
}

/* Of a BAR that is sized the low 12 bits cannot be written. */
static void write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct function *f = find(context, offset);
    unsigned at = offset & 0xfff;
    if (f == NULL || at < 0x10 || at >= 0x28 || size != 4 || (f->bytes[0x0e] & 0x7f) != 0)
        return;
    for (unsigned i = 0; i < 4; i++)
        f->bytes[at + i] = (uint8_t)((at == 0x10 ? value & 0xfffff000 : 0) >> (8 * i));
}

static struct machine *create(void)
{
    struct machine *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    m->ecam = (struct pci_ecam){
        .space = {.size = 256ull << 20, .read = read, .write = write, .context = m},
        .last_bus = 255};
    return m;
}

static void put(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static struct function *add(struct machine *m, uint16_t id)
{
    assert_true(m->count < MOST);
    struct function *f = &m->function[m->count++];
    f->id = id;
    put(f->bytes, 0x10001234 + ((uint32_t)id << 16), 4);
    return f;
}

static void add_express(struct function *f, unsigned type)
{
    f->bytes[0x06] = 0x10;
    f->bytes[0x34] = 0x40;
    f->bytes[0x40] = 0x10;
    put(f->bytes + 0x42, type << 4 | 2, 2);
}

/* A bridge with closed windows. */
static struct function *add_bridge(struct machine *m, uint16_t id, uint8_t secondary,
                                   uint8_t subordinate, int type)
{
    struct function *f = add(m, id);
    f->bytes[0x0e] = 1;
    f->bytes[0x18] = (uint8_t)(id >> 8);
    f->bytes[0x19] = secondary;
    f->bytes[0x1a] = subordinate;
    put(f->bytes + 0x20, 0xfff0, 4);
    put(f->bytes + 0x24, 0xfff0, 4);
    if (type >= 0)
        add_express(f, (unsigned)type);
    return f;
}

static struct function *add_device(struct machine *m, uint16_t id, uint32_t address)
{
    struct function *f = add(m, id);
    put(f->bytes + 0x10, address, 4);
    return f;
}

static void scan(struct machine *m)
{
    m->found = pci_scan(&m->ecam, m->list, MOST);
}

/* The place of a function in the list; MOST: it was not found. */
static unsigned place(const struct machine *m, uint16_t id)
{
    unsigned i = 0;
    while (i < m->found && m->list[i].id != id)
        i++;
    return i < m->found ? i : MOST;
}

static void nested(void **state)
{
    (void)state;
    struct machine *m = create();
    add_bridge(m, pci_id(0, 1, 0), 1, 3, 4);
    add_bridge(m, pci_id(0, 2, 0), 4, 4, 4);
    add_bridge(m, pci_id(1, 0, 0), 2, 3, 5);
    add_bridge(m, pci_id(2, 5, 0), 3, 3, 6);
    add_device(m, pci_id(3, 0, 0), 0xfe000000);
    add_device(m, pci_id(4, 0, 0), 0xfd000000);
    add_device(m, pci_id(5, 0, 0), 0xfd000000); /* no bridge leads there */
    scan(m);
    assert_int_equal(m->found, 6);
    const struct pci_info *deep = &m->list[place(m, pci_id(3, 0, 0))];
    assert_int_equal(m->list[deep->parent].id, pci_id(2, 5, 0));
    assert_int_equal(m->list[m->list[deep->parent].parent].id, pci_id(1, 0, 0));
    assert_int_equal(m->list[place(m, pci_id(0, 1, 0))].parent, PCI_NO_PARENT);
    assert_int_equal(m->list[place(m, pci_id(4, 0, 0))].parent, place(m, pci_id(0, 2, 0)));
    /* With room for the bridges alone nothing behind the last one is followed. */
    assert_int_equal(pci_scan(&m->ecam, m->list, 2), 2);
    free(m);
}

/* Bus numbers that lead back, to somebody else's bus or out of the parent's range. */
static void bad_buses(void **state)
{
    (void)state;
    static const struct {
        uint8_t secondary, subordinate;
        bool leads;
    } second[] = {
        {4, 4, true},  {4, 9, true},  {0, 4, false}, {1, 1, false},    {2, 2, false},
        {3, 4, false}, {4, 3, false}, {0, 0, false}, {0xff, 0, false},
    };
    for (unsigned i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
        struct machine *m = create();
        add_bridge(m, pci_id(0, 1, 0), 1, 3, 4);
        add_bridge(m, pci_id(0, 2, 0), second[i].secondary, second[i].subordinate, 4);
        add_device(m, pci_id(4, 0, 0), 0xfe000000);
        scan(m);
        assert_int_equal(m->list[1].behind.leads, second[i].leads);
        assert_int_equal(m->found, second[i].leads ? 3 : 2);
        free(m);
    }
    static const struct {
        uint8_t secondary, subordinate;
        bool leads;
    } inner[] = {
        {2, 3, true},  {3, 3, true},  {1, 1, false}, {1, 3, false},
        {2, 4, false}, {4, 4, false}, {0, 3, false}, {3, 2, false},
    };
    for (unsigned i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
        struct machine *m = create();
        add_bridge(m, pci_id(0, 1, 0), 1, 3, 4);
        add_bridge(m, pci_id(1, 0, 0), inner[i].secondary, inner[i].subordinate, 4);
        add_device(m, pci_id(2, 0, 0), 0xfe000000);
        add_device(m, pci_id(3, 0, 0), 0xfe000000);
        add_device(m, pci_id(4, 0, 0), 0xfe000000);
        scan(m);
        assert_int_equal(m->list[1].behind.leads, inner[i].leads);
        assert_int_equal(m->found, inner[i].leads ? 3 : 2);
        free(m);
    }
}

static void windows(void **state)
{
    (void)state;
    struct machine *m = create();
    struct function *outer = add_bridge(m, pci_id(0, 1, 0), 1, 2, 4);
    struct function *inner = add_bridge(m, pci_id(1, 0, 0), 2, 2, 4);
    struct function *f = add_device(m, pci_id(2, 0, 0), 0xfe1ff000);
    scan(m);
    assert_int_equal(m->found, 3);
    assert_false(pci_reached(m->list, m->found, 2, 0)); /* closed windows */
    put(outer->bytes + 0x20, 0xfe10, 2);
    put(outer->bytes + 0x22, 0xfe10, 2);
    scan(m);
    assert_false(pci_reached(m->list, m->found, 2, 0)); /* the second one is closed still */
    put(inner->bytes + 0x24, 0xfe10, 2);
    put(inner->bytes + 0x26, 0xfe10, 2);
    scan(m);
    assert_true(pci_reached(m->list, m->found, 2, 0)); /* to the window's last byte */
    put(f->bytes + 0x10, 0xfe200000, 4);
    scan(m);
    assert_false(pci_reached(m->list, m->found, 2, 0));
    /* Above 4 GiB. */
    put(outer->bytes + 0x24, 0x0011, 2);
    put(outer->bytes + 0x26, 0x0021, 2);
    put(outer->bytes + 0x28, 0x80, 4);
    put(outer->bytes + 0x2c, 0x81, 4);
    scan(m);
    assert_true(m->list[0].behind.window[1].first == 0x8000100000ull);
    assert_true(m->list[0].behind.window[1].last == 0x81002fffffull);
    m->list[2].bar[0].address = 0x8000100000;
    assert_false(pci_reached(m->list, m->found, 2, 0)); /* the inner one's has 32 bits */
    m->list[2].parent = 0;
    assert_true(pci_reached(m->list, m->found, 2, 0));
    m->list[2].bar[0].address = 0x80000ff000;
    assert_false(pci_reached(m->list, m->found, 2, 0));
    m->list[2].parent = PCI_NO_PARENT;
    assert_true(pci_reached(m->list, m->found, 2, 0));
    m->list[2].bar[0].address = 0x8000100000; /* on the first bus, but a bridge takes it */
    assert_false(pci_reached(m->list, m->found, 2, 0));
    free(m);
}

static void requesters(void **state)
{
    (void)state;
    struct machine *m = create();
    add_bridge(m, pci_id(0, 1, 0), 1, 1, 4); /* root port */
    add_bridge(m, pci_id(0, 2, 0), 2, 3, 7); /* to conventional PCI ... */
    add_bridge(m, pci_id(2, 3, 0), 3, 3, -1);
    add_bridge(m, pci_id(0, 3, 0), 4, 4, -1); /* conventional from the start */
    add_device(m, pci_id(1, 0, 0), 0xfe000000);
    add_device(m, pci_id(2, 4, 1), 0xfe000000);
    add_device(m, pci_id(3, 4, 0), 0xfe000000);
    add_device(m, pci_id(4, 7, 0), 0xfe000000);
    m->function[5].id = pci_id(2, 4, 0);
    scan(m);
    assert_int_equal(m->found, 8);
    assert_int_equal(pci_requester(m->list, place(m, pci_id(0, 1, 0))), pci_id(0, 1, 0));
    assert_int_equal(pci_requester(m->list, place(m, pci_id(1, 0, 0))), pci_id(1, 0, 0));
    assert_int_equal(pci_requester(m->list, place(m, pci_id(2, 4, 0))), pci_id(2, 0, 0));
    assert_int_equal(pci_requester(m->list, place(m, pci_id(3, 4, 0))), pci_id(2, 0, 0));
    assert_int_equal(pci_requester(m->list, place(m, pci_id(4, 7, 0))), pci_id(0, 3, 0));
    free(m);
}

/* A table with entries for segment 1, and for bus 0 of segment 0. */
static void make_table(uint8_t table[76])
{
    memset(table, 0, 76);
    memcpy(table, "MCFG", 4);
    put(table + 4, 76, 4);
    put(table + 44, 0xc0000000, 8);
    put(table + 52, 1, 2);
    table[55] = 255;
    put(table + 60, 0xb0000000, 8);
    table[71] = 127;
}

static void tables(void **state)
{
    (void)state;
    uint8_t table[76];
    struct mcfg_area area;
    make_table(table);
    assert_int_equal(mcfg_find(table, sizeof(table), &area), MCFG_OK);
    assert_true(area.address == 0xb0000000);
    assert_int_equal(area.first_bus, 0);
    assert_int_equal(area.last_bus, 127);
    assert_int_equal(mcfg_find(table, 75, &area), MCFG_ERROR_ABSENT);
    assert_int_equal(mcfg_find(table, 43, &area), MCFG_ERROR_TABLE);
    table[0] = 'N';
    assert_int_equal(mcfg_find(table, sizeof(table), &area), MCFG_ERROR_TABLE);
    make_table(table);
    put(table + 4, 60, 4); /* the table's own length ends before the entry */
    assert_int_equal(mcfg_find(table, sizeof(table), &area), MCFG_ERROR_ABSENT);
    put(table + 4, UINT32_MAX, 4);
    assert_int_equal(mcfg_find(table, sizeof(table), &area), MCFG_OK);
    /* Not aligned, nowhere, beyond what addresses have, from another bus on. */
    static const uint64_t bad[] = {0xb0080000, 0, 0x7ffffff00000, 0xfffffffffff00000, 1ull << 63};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(table + 60, bad[i], 8);
        assert_int_equal(mcfg_find(table, sizeof(table), &area), MCFG_ERROR_ABSENT);
    }
    put(table + 60, 0xb0000000, 8);
    table[70] = 1;
    assert_int_equal(mcfg_find(table, sizeof(table), &area), MCFG_ERROR_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested),     cmocka_unit_test(bad_buses), cmocka_unit_test(windows),
        cmocka_unit_test(requesters), cmocka_unit_test(tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
