/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The system table: what systemtable_open takes, and that it takes nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "systemtable.h"

enum { SECTIONS = 13, HEADER = 16 + SECTIONS * 8 };

struct image {
    _Alignas(8) uint8_t bytes[4096];
    uint32_t size;
    uint32_t offset[SECTIONS], count[SECTIONS];
};

static void append(struct image *m, unsigned section, const void *record, size_t size)
{
    if (m->count[section]++ == 0) {
        m->offset[section] = m->size;
    }
    memcpy(m->bytes + m->size, record, size);
    m->size += (uint32_t)size;
}

static void finish(struct image *m)
{
    uint32_t words[2] = {m->size, SECTIONS};

    memcpy(m->bytes, "QSYSTEM1", 8);
    memcpy(m->bytes + 8, words, 8);
    for (unsigned i = 0; i < SECTIONS; i++) {
        uint32_t place[2] = {m->count[i] ? m->offset[i] : HEADER, m->count[i]};
        memcpy(m->bytes + 16 + i * 8, place, 8);
    }
}

/* Two domains, memory for everything, one of each record. */
static struct image good(void)
{
    struct image m = {.size = HEADER};
    struct system_region plain = {"plain", 0x20000, SYSTEM_NO_PHYSICAL, 12, 0};
    struct system_region page = {"page", 0x1000, SYSTEM_NO_PHYSICAL, 12, 0};
    struct system_region device = {"device", 0x400000, 0xe0000000, 21, 0};
    struct system_domain a = {"a", "a.elf", 1000, 2000, 10, 1, 0, 20, 5, 63, 0};
    struct system_domain b = {"b", "b.elf", 1000, 1000, 20, 0, SYSTEM_DOMAIN_SERVES, 0, 0, 0, 0};
    struct system_map map = {0, 0, 0x1000, 0x2000, 0x1000000, SYSTEM_MAP_WRITE, 0};
    struct system_channel channel = {{{0, 1, 3}, {1, 62, 1}}};
    struct system_irq irq = {1, 5, SYSTEM_IRQ_LEVEL, 4, {0, 4, 0, 0}};
    struct system_port port = {1, 0, 0x3f8, 0x3ff};
    struct system_timer timer = {0, 62};
    struct system_log log = {1, 0, 40, 0x2000};
    struct system_machines machines = {2, 5, 1, 0, 16, 1, 1, 3};
    struct system_patch patch = {0, 4, 0x401000, 7};
    struct system_region rows = {"rows", 0x2000, SYSTEM_NO_PHYSICAL, 12, 0};
    struct system_region buffers = {"buffers", 0x10000, SYSTEM_NO_PHYSICAL, 12,
                                    SYSTEM_REGION_CONTIGUOUS};
    struct system_region bars = {"bars", 0x100000, SYSTEM_NO_PHYSICAL, 12, SYSTEM_REGION_FOUND};
    struct system_dma dma = {1, 15, 4, 0};
    struct system_found found = {1, 15, 5, 0};
    struct system_connection connection = {1, 0, 0, 3, 61, 0x10000};

    append(&m, 0, &plain, sizeof(plain));
    append(&m, 0, &page, sizeof(page));
    append(&m, 0, &device, sizeof(device));
    append(&m, 0, &rows, sizeof(rows));
    append(&m, 0, &buffers, sizeof(buffers));
    append(&m, 0, &bars, sizeof(bars));
    append(&m, 1, &a, sizeof(a));
    append(&m, 1, &b, sizeof(b));
    append(&m, 2, &map, sizeof(map));
    append(&m, 3, &channel, sizeof(channel));
    append(&m, 4, &irq, sizeof(irq));
    append(&m, 5, &port, sizeof(port));
    append(&m, 6, &timer, sizeof(timer));
    append(&m, 7, &log, sizeof(log));
    append(&m, 8, &machines, sizeof(machines));
    append(&m, 9, &patch, sizeof(patch));
    append(&m, 10, &connection, sizeof(connection));
    append(&m, 11, &dma, sizeof(dma));
    append(&m, 12, &found, sizeof(found));
    finish(&m);
    return m;
}

static int open_image(const struct image *m, struct system_table *t)
{
    const char *reason;
    /* Exactly as large as it says, so that the sanitizer sees a read behind it. */
    void *copy = malloc(m->size);
    struct system_table local;

    memcpy(copy, m->bytes, m->size);
    int result = systemtable_open(copy, m->size, &local, &reason);
    assert_true((result == 0) == (reason == NULL));
    if (t) {
        *t = local;
    }
    free(copy);
    return result;
}

static void takes_a_good_table(void **state)
{
    struct image m = good();
    struct system_table t;
    const char *reason;

    (void)state;
    assert_int_equal(systemtable_open(m.bytes, m.size, &t, &reason), 0);
    assert_int_equal(t.region_count, 6);
    assert_int_equal(t.domain_count, 2);
    assert_string_equal(t.domains[1].program, "b.elf");
    assert_int_equal(t.maps[0].size, 0x2000);
    assert_int_equal(t.channels[0].end[1].id, 62);
    assert_int_equal(t.log->first_id, 40);
    assert_int_equal(t.machines->slots, 2);
    assert_int_equal(t.patches[0].value, 7);
    assert_int_equal(t.connection_count, 1);
    assert_int_equal(t.connections[0].first_id, 61);
}

static void takes_an_empty_table(void **state)
{
    struct image m = {.size = HEADER};
    struct system_table t;

    (void)state;
    finish(&m);
    assert_int_equal(open_image(&m, &t), 0);
    assert_null(t.log);
    assert_null(t.machines);
}

/* Writes a 4-byte word at a record's offset and expects a refusal. */
static void refuse(unsigned section, unsigned record, size_t size, size_t offset, uint32_t value)
{
    struct image m = good();

    memcpy(m.bytes + m.offset[section] + record * size + offset, &value, 4);
    assert_int_equal(open_image(&m, NULL), -1);
}

#define REFUSE(section, record, type, field, value) \
    refuse(section, record, sizeof(struct type), offsetof(struct type, field), value)

static void refuses_bad_records(void **state)
{
    (void)state;
    REFUSE(0, 0, system_region, name, 0);
    REFUSE(0, 0, system_region, size, 0x20001);
    REFUSE(0, 0, system_region, size, 0);
    REFUSE(0, 0, system_region, page_bits, 13);
    REFUSE(0, 2, system_region, physical, 0xe0001000);
    REFUSE(1, 0, system_domain, name[28], 0x61616161);
    REFUSE(1, 0, system_domain, program, 0);
    REFUSE(1, 0, system_domain, budget_us, 2001);
    REFUSE(1, 0, system_domain, budget_us, 0);
    REFUSE(1, 0, system_domain, period_us, 60000001);
    REFUSE(1, 0, system_domain, priority, 255);
    REFUSE(1, 0, system_domain, core, 16);
    REFUSE(1, 0, system_domain, flags, 2);
    REFUSE(1, 0, system_domain, flags, SYSTEM_DOMAIN_SERVES); /* and is started anew */
    REFUSE(1, 0, system_domain, restarts, 20 | 5 << 8 | 64 << 16);
    REFUSE(1, 0, system_domain, restarts, 20 | 5 << 8);
    REFUSE(1, 0, system_domain, restarts, 20 | 63 << 16);
    REFUSE(2, 0, system_map, domain, 2);
    REFUSE(2, 0, system_map, region, 6);
    REFUSE(2, 0, system_map, offset, 0x1f000);
    REFUSE(2, 0, system_map, size, 0x20000);
    REFUSE(2, 0, system_map, size, 0);
    REFUSE(2, 0, system_map, address, 0x400000);
    REFUSE(2, 0, system_map, address, 0x1000800);
    REFUSE(2, 0, system_map, flags, 8);
    REFUSE(3, 0, system_channel, end[0].domain, 1);
    REFUSE(3, 0, system_channel, end[1].domain, 2);
    REFUSE(3, 0, system_channel, end[1].id, 63);
    REFUSE(3, 0, system_channel, end[0].flags, 4);
    REFUSE(4, 0, system_irq, domain, 2);
    REFUSE(4, 0, system_irq, id, 63);
    REFUSE(4, 0, system_irq, flags, 8);
    REFUSE(5, 0, system_port, domain, 9);
    REFUSE(5, 0, system_port, first, 0x400);
    REFUSE(5, 0, system_port, last, 0x10000);
    REFUSE(6, 0, system_timer, id, 63);
    REFUSE(6, 0, system_timer, domain, 2);
    REFUSE(7, 0, system_log, domain, 2);
    REFUSE(7, 0, system_log, region, 2);
    REFUSE(7, 0, system_log, first_id, 61);
    REFUSE(7, 0, system_log, slice, 0x2800);
    REFUSE(7, 0, system_log, slice, 0xfffff000);
    REFUSE(8, 0, system_machines, slots, 17);
    REFUSE(8, 0, system_machines, slots, 5);
    REFUSE(8, 0, system_machines, console, 2);
    REFUSE(8, 0, system_machines, rings, 1);
    REFUSE(8, 0, system_machines, table, 0);
    REFUSE(8, 0, system_machines, commands, 7);
    REFUSE(8, 0, system_machines, first_id, 62);
    REFUSE(8, 0, system_machines, priority, 255);
    REFUSE(9, 0, system_patch, domain, 2);
    REFUSE(9, 0, system_patch, size, 3);
    REFUSE(9, 0, system_patch, address, 0x401002);
    REFUSE(0, 4, system_region, flags, 2); /* it is to be contiguous for section 11 */
    REFUSE(0, 4, system_region, flags, 3);
    REFUSE(0, 5, system_region, flags, 0);
    REFUSE(0, 5, system_region, flags, 3);
    REFUSE(0, 5, system_region, size, 0x101000);
    REFUSE(0, 2, system_region, flags, SYSTEM_REGION_FOUND);
    REFUSE(0, 3, system_region, flags, SYSTEM_REGION_FOUND); /* init is to fill it */
    REFUSE(0, 0, system_region, flags, SYSTEM_REGION_FOUND); /* likewise */
    REFUSE(12, 0, system_found, domain, 2);
    REFUSE(12, 0, system_found, id, 16);
    REFUSE(12, 0, system_found, region, 4);
    REFUSE(12, 0, system_found, region, 6);
    REFUSE(0, 4, system_region, size, 0x3000);
    REFUSE(0, 2, system_region, flags, SYSTEM_REGION_CONTIGUOUS);
    REFUSE(11, 0, system_dma, domain, 2);
    REFUSE(11, 0, system_dma, id, 16);
    REFUSE(11, 0, system_dma, region, 0);
    REFUSE(11, 0, system_dma, region, 5);
    REFUSE(11, 0, system_dma, region, 6);
    REFUSE(10, 0, system_connection, kind, 6);
    REFUSE(10, 0, system_connection, domain, 2);
    REFUSE(10, 0, system_connection, region, 6);
    REFUSE(10, 0, system_connection, region, 2);
    REFUSE(10, 0, system_connection, table, 0);
    REFUSE(10, 0, system_connection, table, 6);
    REFUSE(10, 0, system_connection, first_id, 62);
    REFUSE(10, 0, system_connection, slice, 0x10800);
    REFUSE(10, 0, system_connection, slice, 0x11000);
    REFUSE(10, 0, system_connection, slice, 0x1000);
}

static void refuses_bad_headers(void **state)
{
    struct image m = good();
    struct system_table t;
    const char *reason;

    (void)state;
    for (uint32_t size = 0; size < m.size; size++) {
        assert_int_equal(systemtable_open(m.bytes, size, &t, &reason), -1);
    }
    for (unsigned i = 0; i < SECTIONS; i++) {
        struct image bad = m;
        uint32_t huge = 0xffffffff;
        memcpy(bad.bytes + 16 + i * 8 + 4, &huge, 4); /* count */
        assert_int_equal(open_image(&bad, NULL), -1);
        bad = m;
        memcpy(bad.bytes + 16 + i * 8, &huge, 4); /* offset */
        assert_int_equal(open_image(&bad, NULL), -1);
        bad = m;
        uint32_t end = m.size;
        memcpy(bad.bytes + 16 + i * 8, &end, 4);
        assert_int_equal(open_image(&bad, NULL), -1);
    }
    m.bytes[0] ^= 1;
    assert_int_equal(open_image(&m, NULL), -1);
}

/* Any byte changed: refused, or a table within its bounds, which the sanitizers watch. */
static void survives_changed_bytes(void **state)
{
    (void)state;
    for (uint32_t at = 0; at < good().size; at++) {
        struct image m = good();
        m.bytes[at] ^= 0xff;
        (void)open_image(&m, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_good_table),     cmocka_unit_test(takes_an_empty_table),
        cmocka_unit_test(refuses_bad_records),    cmocka_unit_test(refuses_bad_headers),
        cmocka_unit_test(survives_changed_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
