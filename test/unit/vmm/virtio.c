/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The virtio transport and the console, driven as a driver does through configuration space, BARs
 * and rings in guest memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "machine.h"
#include "vmm/device/apic_internal.h"

#define SLOT        (PCI_ECAM_BASE + (1u << 15))
#define DESCRIPTORS 0x10000u
#define AVAILABLE   0x11000u
#define USED        0x12000u
#define QUEUE_BYTES 0x4000u
#define BUFFER      0x20000u
#define SIZE        8u

static uint64_t bar;

static uint32_t config(struct machine *m, unsigned offset, unsigned size)
{
    return (uint32_t)bus_read(&m->vm.mmio, SLOT + offset, size);
}

static void set(struct machine *m, unsigned offset, unsigned size, uint64_t value)
{
    bus_write(&m->vm.mmio, bar + offset, size, value);
}

static uint32_t get(struct machine *m, unsigned offset, unsigned size)
{
    return (uint32_t)bus_read(&m->vm.mmio, bar + offset, size);
}

static void put(struct machine *m, uint64_t at, uint64_t value, unsigned size)
{
    memcpy(m->memory + at, &value, size);
}

static void descriptor(struct machine *m, uint64_t table, unsigned index, uint64_t address,
                       uint32_t length, unsigned flags, unsigned next)
{
    put(m, table + index * 16, address, 8);
    put(m, table + index * 16 + 8, length, 4);
    put(m, table + index * 16 + 12, flags, 2);
    put(m, table + index * 16 + 14, next, 2);
}

/* Makes descriptor `head` available in queue `queue` and notifies. */
static void submit(struct machine *m, unsigned queue, unsigned head)
{
    uint16_t index;
    uint64_t available = AVAILABLE + queue * QUEUE_BYTES;
    memcpy(&index, m->memory + available + 2, 2);
    put(m, available + 4 + 2 * (index % SIZE), head, 2);
    put(m, available + 2, index + 1u, 2);
    set(m, 0x3010 + 4 * queue, 2, queue);
}

static uint16_t used(struct machine *m, unsigned queue)
{
    uint16_t index;
    memcpy(&index, m->memory + USED + queue * QUEUE_BYTES + 2, 2);
    return index;
}

static struct machine *driver(uint64_t features)
{
    struct machine *m = machine_create(1, VM_VENDOR_AMD);
    apic_write(&m->vm.vcpu[0].apic, APIC_REG_SVR, 0x1ff);
    pci_assign(&m->vm.pci);
    assert_int_equal(config(m, 0, 4), 0x10431af4);
    bar = config(m, 0x10, 4);
    assert_true(bar >= PCI_WINDOW_BASE);
    uint64_t msix = config(m, 0x14, 4);
    bus_write(&m->vm.mmio, SLOT + 0x42, 2, 0x8000);
    bus_write(&m->vm.mmio, msix + 16, 4, 0xfee00000); /* vector 1 */
    bus_write(&m->vm.mmio, msix + 24, 4, 0x71);
    bus_write(&m->vm.mmio, msix + 28, 4, 0);
    set(m, 0x14, 1, 0);
    set(m, 0x14, 1, 3);
    set(m, 0x08, 4, 0);
    set(m, 0x0c, 4, (uint32_t)features);
    set(m, 0x08, 4, 1);
    set(m, 0x0c, 4, features >> 32);
    set(m, 0x14, 1, 11);
    for (unsigned queue = 0; queue < 2; queue++) {
        set(m, 0x16, 2, queue);
        set(m, 0x18, 2, SIZE);
        set(m, 0x1a, 2, 1);
        set(m, 0x20, 4, DESCRIPTORS + queue * QUEUE_BYTES);
        set(m, 0x28, 4, AVAILABLE + queue * QUEUE_BYTES);
        set(m, 0x30, 4, USED + queue * QUEUE_BYTES);
        set(m, 0x1c, 2, 1);
    }
    set(m, 0x14, 1, 15);
    return m;
}

static void features_are_checked(void **state)
{
    (void)state;
    struct machine *m = driver(VIRTIO_F_VERSION_1);
    assert_int_equal(get(m, 0x14, 1), 15);
    machine_destroy(m);
    m = driver(0); /* a legacy driver */
    assert_int_equal(get(m, 0x14, 1) & VIRTIO_FEATURES_OK, 0);
    machine_destroy(m);
    m = driver(VIRTIO_F_VERSION_1 | 1ull << 40);
    assert_int_equal(get(m, 0x14, 1) & VIRTIO_FEATURES_OK, 0);
    machine_destroy(m);
}

static void transmits(void **state)
{
    (void)state;
    struct machine *m = driver(VIRTIO_F_VERSION_1);
    uint64_t table = DESCRIPTORS + QUEUE_BYTES;
    memcpy(m->memory + BUFFER, "hello world", 11);
    descriptor(m, table, 0, BUFFER, 6, 1, 3);
    descriptor(m, table, 3, BUFFER + 6, 5, 0, 0);
    submit(m, 1, 0);
    assert_string_equal(m->output, "hello world");
    assert_int_equal(used(m, 1), 1);
    assert_int_equal(apic_pending(&m->vm.vcpu[0].apic), 0x71);
    machine_destroy(m);
}

static void receives(void **state)
{
    (void)state;
    struct machine *m = driver(VIRTIO_F_VERSION_1);
    descriptor(m, DESCRIPTORS, 0, BUFFER, 4, 3, 1);
    descriptor(m, DESCRIPTORS, 1, BUFFER + 0x100, 16, 2, 0);
    submit(m, 0, 0);
    assert_int_equal(virtio_console_receive(&m->vm.virtio_console, (const uint8_t *)"abcdef", 6),
                     6);
    assert_memory_equal(m->memory + BUFFER, "abcd", 4);
    assert_memory_equal(m->memory + BUFFER + 0x100, "ef", 2);
    uint32_t written;
    memcpy(&written, m->memory + USED + 8, 4);
    assert_int_equal(written, 6);
    /* No buffer: nothing is taken, nothing lost. */
    assert_int_equal(virtio_console_receive(&m->vm.virtio_console, (const uint8_t *)"x", 1), 0);
    machine_destroy(m);
}

/* A request for which the console has no room stays in the queue and goes on where it stopped. */
static void transmission_waits(void **state)
{
    (void)state;
    struct machine *m = driver(VIRTIO_F_VERSION_1);
    uint64_t table = DESCRIPTORS + QUEUE_BYTES;
    uint16_t used;
    memcpy(m->memory + BUFFER, "first second", 12);
    descriptor(m, table, 0, BUFFER, 4, 1, 1);
    descriptor(m, table, 1, BUFFER + 4, 8, 0, 0);
    m->output_full = true;
    submit(m, 1, 0);
    memcpy(&used, m->memory + USED + QUEUE_BYTES + 2, 2);
    assert_int_equal(used, 0);
    m->output_room = 6;
    machine_advance(m, 1000000);
    assert_string_equal(m->output, "first ");
    memcpy(&used, m->memory + USED + QUEUE_BYTES + 2, 2);
    assert_int_equal(used, 0);
    m->output_full = false;
    machine_advance(m, 1000000);
    assert_string_equal(m->output, "first second");
    memcpy(&used, m->memory + USED + QUEUE_BYTES + 2, 2);
    assert_int_equal(used, 1);
    machine_destroy(m);
}

static void indirect_and_event_index(void **state)
{
    (void)state;
    struct machine *m = driver(VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
    uint64_t table = DESCRIPTORS + QUEUE_BYTES;
    struct apic *apic = &m->vm.vcpu[0].apic;
    memcpy(m->memory + BUFFER, "ok", 2);
    descriptor(m, 0x30000, 0, BUFFER, 1, 1, 1);
    descriptor(m, 0x30000, 1, BUFFER + 1, 1, 0, 0);
    descriptor(m, table, 2, 0x30000, 32, 4, 0);
    put(m, AVAILABLE + QUEUE_BYTES + 4 + 2 * SIZE, 1, 2); /* used_event: tell me at the second */
    submit(m, 1, 2);
    assert_string_equal(m->output, "ok");
    assert_int_equal(apic_pending(apic), -1);
    submit(m, 1, 2);
    assert_int_equal(apic_pending(apic), 0x71);
    uint16_t event;
    memcpy(&event, m->memory + USED + QUEUE_BYTES + 4 + 8 * SIZE, 2);
    assert_int_equal(event, 2);
    machine_destroy(m);
}

/* Each way to break the rules stops the device, and a reset brings it back. */
static void broken_rings(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct machine *m = driver(VIRTIO_F_VERSION_1);
        uint64_t table = DESCRIPTORS + QUEUE_BYTES;
        descriptor(m, table, 0, BUFFER, 4, 0, 0);
        unsigned head = 0;
        switch (i) {
        case 0:
            head = SIZE; /* no such descriptor */
            break;
        case 1:
            descriptor(m, table, 0, BUFFER, 4, 1, 0); /* a loop */
            break;
        case 2:
            descriptor(m, table, 0, 0xfee00000, 4, 0, 0); /* not RAM */
            break;
        case 3:
            descriptor(m, table, 0, MACHINE_MEMORY - 2, 4, 0, 0); /* over its end */
            break;
        case 4:
            descriptor(m, table, 0, 0x30000, 16, 4, 0); /* indirect was not negotiated */
            break;
        default:
            put(m, AVAILABLE + QUEUE_BYTES + 2, 100, 2); /* more requests than entries */
            break;
        }
        submit(m, 1, head);
        assert_int_equal(get(m, 0x14, 1) & VIRTIO_NEEDS_RESET, VIRTIO_NEEDS_RESET);
        assert_int_equal(m->output_length, 0);
        set(m, 0x14, 1, 0);
        assert_int_equal(get(m, 0x14, 1), 0);
        machine_destroy(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_checked),
        cmocka_unit_test(transmits),
        cmocka_unit_test(receives),
        cmocka_unit_test(transmission_waits),
        cmocka_unit_test(indirect_and_event_index),
        cmocka_unit_test(broken_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
