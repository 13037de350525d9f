/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which pages of a device's registers go to its driver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/pci/place.h"

#define WINDOW 0x10000u

static struct pci_info device(void)
{
    return (struct pci_info){.parent = PCI_NO_PARENT, .port = PCI_PORT_CONVENTIONAL};
}

static void set_bar(struct pci_info *info, unsigned index, uint64_t address, uint64_t size)
{
    info->bar[index] =
        (struct pci_bar_info){.kind = PCI_BAR_MEMORY, .address = address, .size = size};
}

/* As an NVMe controller: registers, then the table, in one BAR. */
static void table_behind_registers(void **state)
{
    (void)state;
    struct pci_info info = device();
    struct place place;
    set_bar(&info, 0, 0xfe000000, 0x4000);
    info.msix = (struct pci_msix_info){.capability = 0x40, .vectors = 65, .table_offset = 0x2000};
    assert_int_equal(place_plan(&info, 1, 0, true, WINDOW, &place), PLACE_OK);
    assert_int_equal(place.bar[0].physical, 0xfe000000);
    assert_int_equal(place.bar[0].size, 0x2000);
    assert_int_equal(place.size[0], 0x2000);
    assert_int_equal(place.table.physical, 0xfe002000);
    assert_int_equal(place.table.size, 0x1000);
    assert_int_equal(place.table_offset, 0);
    /* A table in the middle of a page takes the page. */
    info.msix.table_offset = 0x1800;
    assert_int_equal(place_plan(&info, 1, 0, true, WINDOW, &place), PLACE_OK);
    assert_int_equal(place.size[0], 0x1000);
    assert_int_equal(place.table.physical, 0xfe001000);
    assert_int_equal(place.table.size, 0x1000 + 0x1000 * (0x800 + 65 * 16 > 0x1000));
    assert_int_equal(place.table_offset, 0x800);
    /* One that is too long; one at the start leaves nothing. */
    info.bar[0].size = 0x10000;
    info.msix.vectors = 2048;
    assert_int_equal(place_plan(&info, 1, 0, true, WINDOW, &place), PLACE_ERROR_ROOM);
    info.msix.vectors = 4;
    info.msix.table_offset = 8;
    assert_int_equal(place_plan(&info, 1, 0, true, WINDOW, &place), PLACE_OK);
    assert_int_equal(place.bar[0].size, 0);
    assert_int_equal(place.size[0], 0);
    /* Without MSI-X all of it is the driver's. */
    assert_int_equal(place_plan(&info, 1, 0, false, WINDOW, &place), PLACE_OK);
    assert_int_equal(place.size[0], 0x10000);
    assert_int_equal(place.table.size, 0);
}

static void several_bars(void **state)
{
    (void)state;
    struct pci_info info = device();
    struct place place;
    set_bar(&info, 0, 0xfe000800, 0x400);
    set_bar(&info, 2, 0xfe002000, 0x1000);
    set_bar(&info, 4, 0x800000000, 0x4000);
    info.msix = (struct pci_msix_info){.capability = 0x40, .vectors = 2, .table_bar = 2};
    assert_int_equal(place_plan(&info, 1, 0, true, WINDOW, &place), PLACE_OK);
    assert_int_equal(place.bar[0].physical, 0xfe000000);
    assert_int_equal(place.bar[0].size, 0x1000);
    assert_int_equal(place.offset[0], 0x800);
    assert_int_equal(place.size[0], 0x400);
    assert_int_equal(place.bar[2].size, 0);
    assert_int_equal(place.bar[4].offset, 0x1000);
    assert_int_equal(place.size[4], 0x4000);
    assert_int_equal(place_plan(&info, 1, 0, true, 0x5000, &place), PLACE_OK);
    assert_int_equal(place_plan(&info, 1, 0, true, 0x4fff, &place), PLACE_ERROR_ROOM);
    /* The table's page holds registers of another BAR. */
    info.bar[2].address = 0xfe000000;
    info.bar[2].size = 0x400;
    assert_int_equal(place_plan(&info, 1, 0, true, WINDOW, &place), PLACE_ERROR_OVERLAP);
    /* Firmware has not placed the table. */
    info.bar[2].address = 0;
    assert_int_equal(place_plan(&info, 1, 0, true, WINDOW, &place), PLACE_ERROR_REACH);
    assert_int_equal(place_plan(&info, 1, 0, false, WINDOW, &place), PLACE_OK);
}

static void others_in_the_way(void **state)
{
    (void)state;
    struct pci_info list[2] = {device(), device()};
    struct place place;
    set_bar(&list[0], 0, 0xfe000000, 0x1000);
    set_bar(&list[1], 1, 0xfe001000, 0x1000);
    assert_int_equal(place_plan(list, 2, 0, false, WINDOW, &place), PLACE_OK);
    set_bar(&list[1], 1, 0xfe000c00, 0x100);
    assert_int_equal(place_plan(list, 2, 0, false, WINDOW, &place), PLACE_ERROR_OVERLAP);
    assert_int_equal(place_plan(list, 1, 0, false, WINDOW, &place), PLACE_OK);
    /* Behind a bridge that does not pass it on. */
    list[1] = list[0];
    list[1].parent = 0;
    list[0] = device();
    list[0].bridge = true;
    list[0].behind.window[0] = (struct pci_window){0xfe100000, 0xfe1fffff};
    list[0].behind.window[1] = (struct pci_window){1, 0};
    assert_int_equal(place_plan(list, 2, 1, false, WINDOW, &place), PLACE_ERROR_REACH);
    list[0].behind.window[0].first = 0xfe000000;
    assert_int_equal(place_plan(list, 2, 1, false, WINDOW, &place), PLACE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_behind_registers),
        cmocka_unit_test(several_bars),
        cmocka_unit_test(others_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
