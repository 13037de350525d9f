/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ACPI tables, right and wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_memory.h"
#include "x86/acpi.h"

enum {
    RSDT = FAKE_BASE + 0x100,
    XSDT = FAKE_BASE + 0x200,
    MADT = FAKE_BASE + 0x300,
    FADT = FAKE_BASE + 0x500,
    DMAR = FAKE_BASE + 0x700,
    MUTATIONS = 20000,
};

static uint8_t rsdp[36];

static void sum(uint8_t *bytes, unsigned length, unsigned place)
{
    uint8_t total = 0;
    bytes[place] = 0;
    for (unsigned i = 0; i < length; i++) {
        total = (uint8_t)(total + bytes[i]);
    }
    bytes[place] = (uint8_t)-total;
}

static void table(struct fake_memory *m, uint64_t at, const char *signature, unsigned length)
{
    memcpy(m->bytes + (at - FAKE_BASE), signature, 4);
    fake_put(m, at + 4, length, 4);
    sum(m->bytes + (at - FAKE_BASE), length, 9);
}

static void make_rsdp(unsigned revision)
{
    memset(rsdp, 0, sizeof(rsdp));
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = (uint8_t)revision;
    rsdp[16] = RSDT & 0xff;
    rsdp[17] = RSDT >> 8;
    rsdp[20] = 36;
    rsdp[24] = XSDT & 0xff;
    rsdp[25] = XSDT >> 8;
    sum(rsdp, 20, 8);
    sum(rsdp, 36, 32);
}

static struct fake_memory *make(void)
{
    struct fake_memory *m = fake_new();
    fake_put(m, RSDT + 36, MADT, 4);
    fake_put(m, RSDT + 40, FADT, 4);
    table(m, RSDT, "RSDT", 44);
    fake_put(m, XSDT + 36, FADT, 8);
    fake_put(m, XSDT + 44, DMAR, 8);
    fake_put(m, XSDT + 52, MADT, 8);
    table(m, XSDT, "XSDT", 60);

    uint64_t e = MADT + 44;
    fake_put(m, MADT + 36, 0xfee00000, 4);
    fake_put(m, MADT + 40, 1, 4);
    const struct {
        uint8_t bytes[16];
    } entries[] = {
        {{0, 8, 0, 0, 1, 0, 0, 0}},                                /* CPU, APIC ID 0 */
        {{0, 8, 1, 4, 1, 0, 0, 0}},                                /* CPU, APIC ID 4 */
        {{0, 8, 2, 5, 0, 0, 0, 0}},                                /* disabled */
        {{0, 8, 3, 4, 1, 0, 0, 0}},                                /* twice the same */
        {{9, 16, 0, 0, 0x34, 0x12, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0}}, /* x2APIC ID 1234h */
        {{1, 12, 7, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0}},            /* I/O APIC */
        {{2, 10, 0, 0, 2, 0, 0, 0, 0, 0}},                         /* override: not used */
    };
    for (unsigned i = 0; i < ARRAY_SIZE(entries); i++) {
        memcpy(m->bytes + (e - FAKE_BASE), entries[i].bytes, entries[i].bytes[1]);
        e += entries[i].bytes[1];
    }
    table(m, MADT, "APIC", (unsigned)(e - MADT));
    fake_put(m, FADT + 76, 0x608, 4);
    fake_put(m, FADT + 91, 4, 1);
    table(m, FADT, "FACP", 116);
    table(m, DMAR, "DMAR", 48);
    return m;
}

static void check_info(const struct acpi_info *info)
{
    assert_int_equal(info->lapic_address, 0xfee00000);
    assert_true(info->legacy_pic);
    assert_int_equal(info->cpu_count, 3);
    assert_int_equal(info->apic_ids[1], 4);
    assert_int_equal(info->apic_ids[2], 0x1234);
    assert_int_equal(info->ioapic_count, 1);
    assert_int_equal(info->ioapics[0].address, 0xfec00000);
    assert_int_equal(info->ioapics[0].gsi_base, 24);
    assert_int_equal(info->pm_timer_port, 0x608);
}

static void test_both_root_tables(void **state)
{
    struct fake_memory *m = make();
    (void)state;
    make_rsdp(0);
    struct acpi_info info = {0};
    assert_null(acpi_parse(&m->view, rsdp, 20, &info));
    check_info(&info);
    assert_null(info.dmar.data);

    make_rsdp(2);
    info = (struct acpi_info){0};
    assert_null(acpi_parse(&m->view, rsdp, 36, &info));
    check_info(&info);
    assert_int_equal(info.dmar.length, 48);
    fake_free(m);
}

static void test_checksums(void **state)
{
    struct fake_memory *m = make();
    struct acpi_info info = {0};
    (void)state;
    make_rsdp(0);
    rsdp[10] ^= 1;
    assert_string_equal(acpi_parse(&m->view, rsdp, 20, &info), "no ACPI root pointer");
    rsdp[10] ^= 1;
    m->bytes[MADT - FAKE_BASE + 60] ^= 1;
    assert_string_equal(acpi_parse(&m->view, rsdp, 20, &info), "no valid MADT");
    m->bytes[RSDT - FAKE_BASE + 20] ^= 1;
    assert_string_equal(acpi_parse(&m->view, rsdp, 20, &info), "no valid ACPI root table");
    fake_free(m);
}

static void test_bad_structure(void **state)
{
    struct fake_memory *m = make();
    struct acpi_info info = {0};
    (void)state;
    make_rsdp(0);
    m->bytes[MADT - FAKE_BASE + 45] = 0;
    sum(m->bytes + (MADT - FAKE_BASE), m->bytes[MADT - FAKE_BASE + 4], 9);
    assert_string_equal(acpi_parse(&m->view, rsdp, 20, &info),
                        "a structure of the MADT has a bad size");
    fake_free(m);
}

/* Lengths and contents as they come, with checksums made right so that they are read. */
static void test_mutations(void **state)
{
    static uint8_t original[FAKE_SIZE];
    struct fake_memory *m = make();
    uint64_t seed = 7;
    unsigned accepted = 0;
    const uint64_t tables[] = {RSDT, XSDT, MADT, FADT, DMAR};
    (void)state;
    memcpy(original, m->bytes, sizeof(original));
    for (unsigned i = 0; i < MUTATIONS; i++) {
        uint64_t at = tables[fake_random(&seed) % ARRAY_SIZE(tables)] - FAKE_BASE;
        m->bytes[at + fake_random(&seed) % 128] = (uint8_t)fake_random(&seed);
        unsigned length = m->bytes[at + 4] | (unsigned)m->bytes[at + 5] << 8;
        sum(m->bytes + at, length >= 36 && length <= FAKE_SIZE - at ? length : 36, 9);
        make_rsdp(fake_random(&seed) % 2 == 0 ? 0 : 2);
        struct acpi_info info = {0};
        accepted += acpi_parse(&m->view, rsdp, 36, &info) == NULL;
        assert_true(info.cpu_count <= ACPI_MAX_CPUS && info.ioapic_count <= CONFIG_MAX_IOAPICS);
        fake_forget_copies(m);
        memcpy(m->bytes, original, sizeof(original));
    }
    assert_true(accepted > 0);
    fake_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_root_tables),
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_bad_structure),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
