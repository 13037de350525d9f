/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Enumeration of PCI functions: well-behaved ones, and configuration spaces that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pci/dma.h>
#include <pci/pci.h>
#include <stdlib.h>
#include <string.h>

#define BUSES     3u
#define FUNCTIONS (BUSES * 256u)

/* A function: what it holds, and which bits can be written. */
struct function {
    bool there;
    uint8_t bytes[4096];
    uint8_t writable[4096];
};

struct bench {
    struct function *function[FUNCTIONS];
    struct pci_ecam ecam;
    unsigned decoded_writes; /* BARs written while the function decoded */
};

static uint64_t read(void *context, uint64_t offset, unsigned size)
{
    struct bench *b = context;
    const struct function *f = b->function[offset >> 12];
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)(f == NULL ? 0xff : f->bytes[(offset & 0xfff) + i]) << (8 * i);
    return value;
}

static void write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct bench *b = context;
    struct function *f = b->function[offset >> 12];
    unsigned at = (unsigned)offset & 0xfff;
    if (f == NULL)
        return;
    if (at >= 0x10 && at < 0x28 && (f->bytes[4] & 3) != 0)
        b->decoded_writes++;
    for (unsigned i = 0; i < size; i++) {
        uint8_t mask = f->writable[at + i];
        f->bytes[at + i] =
            (uint8_t)((f->bytes[at + i] & ~mask) | ((uint8_t)(value >> (8 * i)) & mask));
    }
}

static struct bench *create(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->ecam = (struct pci_ecam){
        .space = {.size = FUNCTIONS * 4096ull, .read = read, .write = write, .context = b},
        .last_bus = BUSES - 1};
    return b;
}

static void destroy(struct bench *b)
{
    for (unsigned i = 0; i < FUNCTIONS; i++)
        free(b->function[i]);
    free(b);
}

static void put(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static struct function *add(struct bench *b, uint16_t id, uint16_t device)
{
    struct function *f = calloc(1, sizeof(*f));
    b->function[id] = f;
    put(f->bytes, 0x1234, 2);
    put(f->bytes + 2, device, 2);
    f->bytes[4] = 3;
    put(f->writable + 4, 0x0507, 2);
    return f;
}

static void add_bar(struct function *f, unsigned index, uint64_t address, uint64_t size,
                    unsigned flags)
{
    unsigned bytes = (flags & 4) != 0 ? 8 : 4;
    put(f->bytes + 0x10 + 4 * index, address | flags, bytes);
    put(f->writable + 0x10 + 4 * index, ~(size - 1) & ~15ull, bytes);
}

static void finds_functions(void **state)
{
    (void)state;
    struct bench *b = create();
    struct pci_info list[16];
    add(b, pci_id(0, 0, 0), 1);
    struct function *several = add(b, pci_id(0, 3, 0), 2);
    several->bytes[0x0e] = 0x80;
    add(b, pci_id(0, 3, 5), 3);
    add(b, pci_id(0, 4, 1), 99); /* without function 0 nobody is there */
    struct function *bridge = add(b, pci_id(0, 5, 0), 4);
    bridge->bytes[0x0e] = 1;
    bridge->bytes[0x19] = 2;
    bridge->bytes[0x1a] = 2;
    add(b, pci_id(2, 0, 0), 5);
    add(b, pci_id(1, 0, 0), 98); /* no bridge leads there */
    assert_int_equal(pci_scan(&b->ecam, list, 16), 5);
    const uint16_t expected[] = {1, 2, 3, 4, 5};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(list[i].device, expected[i]);
    assert_int_equal(list[4].id, pci_id(2, 0, 0));
    assert_int_equal(pci_scan(&b->ecam, list, 2), 2); /* and no more than there is room for */
    destroy(b);
}

static void sizes_bars(void **state)
{
    (void)state;
    struct bench *b = create();
    struct pci_info info;
    struct function *f = add(b, pci_id(0, 1, 0), 1);
    add_bar(f, 0, 0xfe000000, 0x1000, 0);
    add_bar(f, 1, 0xc000, 0x40, 1);
    add_bar(f, 2, 0x800000000ull, 0x200000000ull, 0xc);
    add_bar(f, 4, 0, 0x100, 0);
    struct registers config = pci_config(&b->ecam, pci_id(0, 1, 0));
    uint8_t before[4096];
    memcpy(before, f->bytes, sizeof(before));
    assert_true(pci_describe(&config, pci_id(0, 1, 0), &info));
    assert_memory_equal(before, f->bytes, sizeof(before)); /* all as it was */
    assert_int_equal(b->decoded_writes, 0);
    assert_int_equal(info.bar[0].kind, PCI_BAR_MEMORY);
    assert_int_equal(info.bar[0].address, 0xfe000000);
    assert_int_equal(info.bar[0].size, 0x1000);
    assert_int_equal(info.bar[1].kind, PCI_BAR_PORTS);
    assert_int_equal(info.bar[1].size, 0x40);
    assert_true(info.bar[2].wide && info.bar[2].prefetchable);
    assert_int_equal(info.bar[2].size, 0x200000000ull);
    assert_int_equal(info.bar[2].address, 0x800000000ull);
    assert_int_equal(info.bar[3].kind, PCI_BAR_NONE);
    assert_int_equal(info.bar[4].size, 0x100);
    assert_int_equal(info.bar[5].kind, PCI_BAR_NONE);
    destroy(b);
}

static void add_msix(struct function *f, unsigned at, uint16_t vectors, uint32_t table,
                     uint32_t pending)
{
    f->bytes[6] = 0x10;
    f->bytes[0x34] = (uint8_t)at;
    f->bytes[at] = 0x11;
    put(f->bytes + at + 2, vectors - 1u, 2);
    put(f->writable + at + 2, 0xc000, 2);
    put(f->bytes + at + 4, table, 4);
    put(f->bytes + at + 8, pending, 4);
}

static void message_interrupts(void **state)
{
    (void)state;
    struct bench *b = create();
    struct pci_info info;
    struct function *f = add(b, pci_id(0, 1, 0), 1);
    add_bar(f, 1, 0xfe000000, 0x1000, 0);
    add_msix(f, 0x40, 64, 1, 0x800 | 1);
    f->bytes[0x41] = 0x60;
    f->bytes[0x60] = 0x05;
    put(f->bytes + 0x62, 0x0080, 2);
    memset(f->writable + 0x62, 0xff, 12);
    struct registers config = pci_config(&b->ecam, pci_id(0, 1, 0));
    assert_true(pci_describe(&config, pci_id(0, 1, 0), &info));
    assert_int_equal(info.msix.capability, 0x40);
    assert_int_equal(info.msix.vectors, 64);
    assert_int_equal(info.msix.pending_offset, 0x800);
    assert_int_equal(info.msi, 0x60);
    assert_true(info.msi_wide);
    pci_enable_msi(&config, &info, 0xfee01000, 0x55);
    assert_int_equal(f->bytes[0x6c], 0x55);
    assert_int_equal(f->bytes[0x62] & 1, 1);
    _Alignas(8) uint8_t table[0x1000] = {0};
    const struct registers bar = {.base = table, .size = sizeof(table)};
    assert_true(pci_set_msix(&bar, &info, 63, 0xfee00000, 0x77));
    assert_int_equal(table[63 * 16 + 8], 0x77);
    assert_false(pci_set_msix(&bar, &info, 64, 0xfee00000, 0x77));
    /* A table that leaves its BAR, or stands in none. */
    const uint32_t bad[] = {0xc08 | 1, 0xfffffff8 | 1, 0, 6, 7};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(f->bytes + 0x44, bad[i], 4);
        assert_true(pci_describe(&config, pci_id(0, 1, 0), &info));
        assert_int_equal(info.msix.capability, 0);
    }
    destroy(b);
}

static void loops_end(void **state)
{
    (void)state;
    struct bench *b = create();
    struct pci_info info;
    struct function *f = add(b, pci_id(0, 1, 0), 1);
    f->bytes[6] = 0x10;
    f->bytes[0x34] = 0x40;
    f->bytes[0x41] = 0x50;
    f->bytes[0x51] = 0x40; /* back again */
    struct registers config = pci_config(&b->ecam, pci_id(0, 1, 0));
    assert_true(pci_describe(&config, pci_id(0, 1, 0), &info));
    assert_int_equal(info.msix.capability, 0);
    f->bytes[0x34] = 0x3c; /* into the header */
    assert_true(pci_describe(&config, pci_id(0, 1, 0), &info));
    /* A bridge to itself, and one to the bus before it. */
    struct function *bridge = add(b, pci_id(0, 2, 0), 2);
    bridge->bytes[0x0e] = 1;
    struct pci_info list[16];
    for (unsigned secondary = 0; secondary < 256; secondary += 85) {
        bridge->bytes[0x19] = (uint8_t)secondary;
        assert_int_equal(pci_scan(&b->ecam, list, 16), 2);
    }
    destroy(b);
}

static void overlaps(void **state)
{
    (void)state;
    struct pci_info a = {.bar[0] = {PCI_BAR_MEMORY, false, false, 0x1000, 0x1000}};
    struct pci_info c = {.bar[3] = {PCI_BAR_MEMORY, false, false, 0x2000, 0x1000}};
    assert_false(pci_overlap(&a, &c));
    c.bar[3].address = 0x1800;
    assert_true(pci_overlap(&a, &c));
    /* Small ones in one page. */
    a.bar[0].address = 0x3000;
    a.bar[0].size = c.bar[3].size = 0x100;
    c.bar[3].address = 0x3f00;
    assert_true(pci_overlap(&a, &c));
    c.bar[3].address = 0x4000;
    assert_false(pci_overlap(&a, &c));
    c.bar[3].address = 0x3f00;
    c.bar[3].kind = PCI_BAR_PORTS;
    assert_false(pci_overlap(&a, &c));
    c.bar[3] = (struct pci_bar_info){PCI_BAR_MEMORY, true, false, 0, UINT64_MAX};
    assert_false(pci_overlap(&a, &c)); /* not placed */
}

/* Configuration spaces of random bytes: descriptions make sense or leave things out. */
static void hostile_spaces(void **state)
{
    (void)state;
    struct bench *b = create();
    struct function *f = add(b, pci_id(0, 1, 0), 1);
    struct registers config = pci_config(&b->ecam, pci_id(0, 1, 0));
    uint64_t random = 1;
    unsigned described = 0;
    for (unsigned round = 0; round < 20000; round++) {
        struct pci_info info;
        for (unsigned i = 0; i < 256; i++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            f->bytes[i] = (uint8_t)(random >> 56);
            f->writable[i] = (random >> 40 & 3) == 0 ? 0 : (uint8_t)(random >> 48);
            if ((random >> 42 & 3) == 0)
                f->writable[i] = 0xff;
        }
        if ((random >> 20 & 1) != 0)
            f->bytes[0x0e] = 0;
        if (!pci_describe(&config, pci_id(0, 1, 0), &info))
            continue;
        described++;
        for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
            const struct pci_bar_info *bar = &info.bar[i];
            if (bar->kind != PCI_BAR_MEMORY)
                continue;
            assert_true(bar->size >= 16 && (bar->size & (bar->size - 1)) == 0);
            assert_int_equal(bar->address % bar->size, 0);
        }
        if (info.msix.capability != 0) {
            assert_int_equal(info.bar[info.msix.table_bar].kind, PCI_BAR_MEMORY);
            assert_true(info.msix.table_offset + 16ull * info.msix.vectors <=
                        info.bar[info.msix.table_bar].size);
        }
    }
    assert_true(described > 10000);
    destroy(b);
}

static void registers_are_bounded(void **state)
{
    (void)state;
    _Alignas(8) uint8_t bytes[64];
    memset(bytes, 0x11, sizeof(bytes));
    const struct registers whole = {.base = bytes, .size = sizeof(bytes)};
    assert_int_equal(registers_read32(&whole, 60), 0x11111111);
    assert_int_equal(registers_read32(&whole, 64), UINT32_MAX);
    assert_int_equal(registers_read32(&whole, 62), UINT32_MAX);
    assert_int_equal(registers_read16(&whole, UINT64_MAX), UINT16_MAX);
    registers_write32(&whole, 64, 0);
    registers_write32(&whole, UINT64_MAX - 3, 0);
    struct registers part = registers_part(&whole, 32, 16);
    registers_write32(&part, 12, 0);
    registers_write32(&part, 16, 0);
    assert_int_equal(bytes[44], 0);
    assert_int_equal(bytes[48], 0x11);
    assert_int_equal(registers_part(&whole, 32, 33).size, 0);
    assert_int_equal(registers_part(&whole, UINT64_MAX, 2).size, 0);
    struct dma dma = {.memory = bytes + 32, .address = 0x1000, .size = 32};
    const uint8_t *first = dma_allocate(&dma, 10, 16);
    const uint8_t *second = dma_allocate(&dma, 10, 16);
    assert_int_equal(dma_address(&dma, second), 0x1010);
    assert_true(first != second);
    assert_null(dma_allocate(&dma, UINT64_MAX, 1));
    assert_null(dma_allocate(&dma, 64, 16));
    assert_true(dma_holds(&dma, bytes + 60, 4));
    assert_false(dma_holds(&dma, bytes + 60, 5));
    assert_false(dma_holds(&dma, bytes + 31, 1));
    assert_false(dma_holds(&dma, bytes + 32, UINT64_MAX));
    /* Data beside the region. */
    uint8_t other[64];
    const struct dma_range more[2] = {{other, 0x9000, 16}, {other + 32, 0xa000, 16}};
    dma.more = more;
    dma.more_count = 2;
    assert_true(dma_holds(&dma, other, 16));
    assert_false(dma_holds(&dma, other, 17));
    assert_false(dma_holds(&dma, other + 16, 1));
    assert_false(dma_holds(&dma, other + 31, 2));
    assert_true(dma_holds(&dma, other + 40, 8));
    assert_false(dma_holds(&dma, other + 40, UINT64_MAX));
    assert_int_equal(dma_address(&dma, other + 8), 0x9008);
    assert_int_equal(dma_address(&dma, other + 40), 0xa008);
    assert_int_equal(dma_address(&dma, bytes + 48), 0x1010);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_functions),
        cmocka_unit_test(sizes_bars),
        cmocka_unit_test(message_interrupts),
        cmocka_unit_test(loops_end),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(hostile_spaces),
        cmocka_unit_test(registers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
