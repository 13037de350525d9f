/* SPDX-License-Identifier: BSD-2-Clause
 *
 * virtio-rng and virtio-balloon, and what the transport does with a driver that breaks the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <virtio/transport.h>

#include "guest.h"
#include "service/entropy/virtio_rng.h"
#include "vmm/virtio/balloon.h"
#include "vmm/virtio/rng.h"

#define SLOT 2u

struct bench {
    struct machine *machine;
    struct virtio_rng rng;
    struct virtio_balloon balloon;
    struct guest guest;
    struct virtio_transport transport;
    struct virtio_queue queue[3];
    uint8_t *page;
    uint64_t address;
    uint32_t available; /* bytes of the source */
    uint8_t next;
    uint8_t map[MACHINE_MEMORY / VIRTIO_BALLOON_PAGE / 8];
    unsigned taken;
    unsigned returned;
    uint64_t last;
    bool none; /* no page can be had again */
};

static uint32_t source(void *context, uint8_t *to, uint32_t length)
{
    struct bench *b = context;
    uint32_t have = length < b->available ? length : b->available;
    for (uint32_t i = 0; i < have; i++)
        to[i] = ++b->next;
    b->available -= have;
    return have;
}

static bool page(void *context, struct gpa address, bool taken)
{
    struct bench *b = context;
    if (b->none && !taken)
        return false;
    b->taken += taken;
    b->returned += !taken;
    b->last = address.value;
    return true;
}

static struct bench *create(bool balloon, uint64_t features, unsigned queues)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->machine = machine_create(1, VM_VENDOR_AMD);
    struct vm *vm = &b->machine->vm;
    virtio_rng_initialize(&b->rng, SLOT, &vm->memory, &vm->apics, &vm->irq, source, b);
    virtio_balloon_initialize(&b->balloon, SLOT, &vm->memory, &vm->apics, &vm->irq, b->map,
                              sizeof(b->map), page, b);
    assert_true(pci_add(&vm->pci, balloon ? &b->balloon.device.function : &b->rng.device.function));
    guest_attach(&b->guest, b->machine, pci_id(0, SLOT, 0));
    pci_enable(&b->guest.config, true);
    assert_int_equal(virtio_find(&b->transport, &b->guest.config, b->guest.bar), VIRTIO_OK);
    assert_int_equal(virtio_negotiate(&b->transport, features, features), VIRTIO_OK);
    for (unsigned i = 0; i < queues; i++)
        assert_int_equal(virtio_start_queue(&b->transport, &b->guest.dma, i, 16, 0, &b->queue[i]),
                         VIRTIO_OK);
    virtio_set_config_vector(&b->transport, 0);
    virtio_ready(&b->transport);
    b->page = dma_allocate(&b->guest.dma, 8192, 4096);
    b->address = dma_address(&b->guest.dma, b->page);
    return b;
}

static void destroy(struct bench *b)
{
    machine_destroy(b->machine);
    free(b);
}

static void random_bytes(void **state)
{
    (void)state;
    struct bench *b = create(false, VIRTIO_FEATURE_PACKED, 1);
    const struct virtio_buffer buffer = {b->address, 8192};
    uint32_t cookie;
    uint32_t written;
    b->available = 300;
    assert_int_equal(virtio_queue_add(&b->queue[0], &buffer, 0, 1, 0), VIRTIO_QUEUE_OK);
    virtio_notify(&b->transport, &b->queue[0]);
    assert_true(guest_interrupted(&b->guest));
    assert_int_equal(virtio_queue_take(&b->queue[0], &cookie, &written), 1);
    assert_int_equal(written, 300); /* as many as there were */
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(b->page[i], (uint8_t)(i + 1));
    /* A dry source: the request waits. */
    assert_int_equal(virtio_queue_add(&b->queue[0], &buffer, 0, 1, 0), VIRTIO_QUEUE_OK);
    virtio_notify(&b->transport, &b->queue[0]);
    assert_int_equal(virtio_queue_take(&b->queue[0], &cookie, &written), 0);
    b->available = 100000;
    virtio_rng_poll(&b->rng);
    assert_true(guest_interrupted(&b->guest));
    assert_int_equal(virtio_queue_take(&b->queue[0], &cookie, &written), 1);
    assert_int_equal(written, VIRTIO_RNG_PART); /* and no more than that at once */
    destroy(b);
}

/* Our driver of such a device as a noise source. */
static void rng_driver(void **state)
{
    (void)state;
    struct bench *b = create(false, 0, 0);
    struct virtio_rng_driver driver;
    uint8_t noise[8];
    assert_int_equal(virtio_rng_start(&driver, &b->guest.config, b->guest.bar, &b->guest.dma, 1000),
                     VIRTIO_OK);
    b->available = 512 + 20;
    for (unsigned i = 0; i < 64 + 2; i++) {
        assert_true(virtio_rng_read(&driver, noise));
        for (unsigned j = 0; j < 8; j++)
            assert_int_equal(noise[j], (uint8_t)(8 * i + j + 1));
    }
    assert_int_equal(b->available, 0);
    b->available = 7; /* less than was asked for is no noise, and the next answer is */
    assert_false(virtio_rng_read(&driver, noise));
    assert_false(driver.broken);
    b->available = 8;
    assert_true(virtio_rng_read(&driver, noise));
    /* It does not answer: it is stopped, and not asked again. */
    assert_false(virtio_rng_read(&driver, noise));
    assert_true(driver.broken);
    assert_int_equal(b->rng.device.status, 0);
    b->available = 100;
    assert_false(virtio_rng_read(&driver, noise));
    assert_int_equal(b->available, 100);
    destroy(b);
}

static void rng_rejects_readable(void **state)
{
    (void)state;
    struct bench *b = create(false, 0, 1);
    const struct virtio_buffer buffer = {b->address, 64};
    b->available = 100;
    assert_int_equal(virtio_queue_add(&b->queue[0], &buffer, 1, 0, 0), VIRTIO_QUEUE_OK);
    virtio_notify(&b->transport, &b->queue[0]);
    assert_true(virtio_is_broken(&b->transport));
    assert_int_equal(b->available, 100);
    destroy(b);
}

static void inflate(struct bench *b, unsigned queue, unsigned count)
{
    const struct virtio_buffer buffer = {b->address, count * 4};
    uint32_t cookie;
    uint32_t written;
    assert_int_equal(virtio_queue_add(&b->queue[queue], &buffer, 1, 0, 0), VIRTIO_QUEUE_OK);
    virtio_notify(&b->transport, &b->queue[queue]);
    assert_int_equal(virtio_queue_take(&b->queue[queue], &cookie, &written), 1);
}

static struct bench *racing; /* its driver adds a request whenever the device is about to ask */
static unsigned races;

void __real_virtqueue_enable_notification(struct virtqueue *queue);
void __wrap_virtqueue_enable_notification(struct virtqueue *queue);

/* Linked in place of the device's: another processor of the guest is just a moment faster. */
void __wrap_virtqueue_enable_notification(struct virtqueue *queue)
{
    if (racing != NULL && races > 0) {
        const struct virtio_buffer buffer = {racing->address, 4};
        races--;
        assert_int_equal(virtio_queue_add(&racing->queue[0], &buffer, 1, 0, 0), VIRTIO_QUEUE_OK);
        (void)virtio_queue_must_notify(&racing->queue[0]);
    }
    __real_virtqueue_enable_notification(queue);
}

/* Requests that come while the device looks at its queue: it is told of the next one after them. */
static void balloon_misses_no_request(void **state)
{
    const uint64_t features[] = {VIRTIO_FEATURE_EVENT,
                                 VIRTIO_FEATURE_EVENT | VIRTIO_FEATURE_PACKED};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct bench *b = create(true, features[i & 1], 2);
        const struct virtio_buffer buffer = {b->address, 4};
        uint32_t cookie;
        uint32_t written;
        racing = b;
        races = i < 2 ? 1 : 2;
        inflate(b, 0, 1);
        for (unsigned j = 0; j < (i < 2 ? 1 : 2); j++)
            assert_int_equal(virtio_queue_take(&b->queue[0], &cookie, &written), 1);
        assert_int_equal(races, 0);
        racing = NULL;
        assert_int_equal(virtio_queue_add(&b->queue[0], &buffer, 1, 0, 0), VIRTIO_QUEUE_OK);
        assert_true(virtio_queue_must_notify(&b->queue[0]));
        destroy(b);
    }
}

static void balloon_moves_pages(void **state)
{
    (void)state;
    struct bench *b = create(true, 0, 2);
    virtio_balloon_set_target(&b->balloon, 100);
    assert_true(guest_interrupted(&b->guest)); /* configuration change */
    assert_int_equal(registers_read32(&b->transport.device, 0), 100);
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t number = 0x1000 + i;
        memcpy(b->page + 4 * i, &number, 4);
    }
    inflate(b, 0, 100);
    assert_int_equal(b->taken, 100);
    assert_int_equal(b->balloon.taken, 100);
    inflate(b, 0, 100); /* the same again: nothing */
    assert_int_equal(b->taken, 100);
    registers_write32(&b->transport.device, 4, 100);
    assert_int_equal(b->balloon.config.actual, 100);
    inflate(b, 1, 40);
    assert_int_equal(b->returned, 40);
    /* Pages that there are not. */
    const uint32_t odd[4] = {UINT32_MAX, 0x2000, 0x100000, 0x1fff};
    memcpy(b->page, odd, sizeof(odd));
    inflate(b, 0, 4);
    assert_int_equal(b->taken, 101);
    assert_int_equal(b->last, 0x1fff000);
    assert_int_equal(virtio_stop(&b->transport), VIRTIO_OK);
    assert_int_equal(b->returned, 101); /* a new driver has everything */
    assert_int_equal(b->balloon.taken, 0);
    destroy(b);
}

/* A driver that wants pages back waits until they are there; what it asked for twice it gets once.
 */
static void balloon_waits_for_pages(void **state)
{
    (void)state;
    struct bench *b = create(true, 1, 2);
    const struct virtio_buffer buffer = {b->address, 4 * 40};
    uint32_t cookie;
    uint32_t written;
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t number = 0x1000 + i;
        memcpy(b->page + 4 * i, &number, 4);
    }
    inflate(b, 0, 40);
    b->none = true;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(virtio_queue_add(&b->queue[1], &buffer, 1, 0, i), VIRTIO_QUEUE_OK);
        virtio_notify(&b->transport, &b->queue[1]);
        virtio_balloon_retry(&b->balloon);
        assert_int_equal(virtio_queue_take(&b->queue[1], &cookie, &written), 0);
    }
    assert_int_equal(b->balloon.taken, 40);
    b->none = false;
    guest_interrupted(&b->guest);
    virtio_balloon_retry(&b->balloon);
    assert_true(guest_interrupted(&b->guest));
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(virtio_queue_take(&b->queue[1], &cookie, &written), 1);
    assert_int_equal(b->returned, 40);
    assert_int_equal(b->balloon.taken, 0);
    /* What cannot be had at a reset stays in the balloon, and can be asked for later. */
    inflate(b, 0, 40);
    b->none = true;
    assert_int_equal(virtio_stop(&b->transport), VIRTIO_OK);
    assert_int_equal(b->balloon.taken, 40);
    b->none = false;
    virtio_balloon_retry(&b->balloon); /* no driver: nothing */
    assert_int_equal(b->returned, 40);
    destroy(b);
}

static void balloon_statistics(void **state)
{
    (void)state;
    struct bench *b = create(true, 1ull << 1, 3);
    const struct virtio_buffer buffer = {b->address, 25};
    uint32_t cookie;
    uint32_t written;
    b->page[0] = 4; /* free memory */
    b->page[2] = 0x34;
    b->page[3] = 0x12;
    b->page[10] = 200; /* no such tag */
    assert_int_equal(virtio_queue_add(&b->queue[2], &buffer, 1, 0, 0), VIRTIO_QUEUE_OK);
    virtio_notify(&b->transport, &b->queue[2]);
    assert_int_equal(b->balloon.stats[4], 0x1234);
    assert_int_equal(b->balloon.stats[5], UINT64_MAX);
    assert_int_equal(virtio_queue_take(&b->queue[2], &cookie, &written), 0);
    virtio_balloon_ask_stats(&b->balloon);
    assert_true(guest_interrupted(&b->guest));
    assert_int_equal(virtio_queue_take(&b->queue[2], &cookie, &written), 1);
    destroy(b);
}

/* The window into BAR 0 through configuration space (4.1.4.9). */
static void configuration_window(void **state)
{
    (void)state;
    struct bench *b = create(true, 0, 2);
    const struct registers *config = &b->guest.config;
    const unsigned window = 0x94;
    assert_int_equal(registers_read8(config, window + 3), 5);
    virtio_balloon_set_target(&b->balloon, 0x12345678);
    registers_write8(config, window + 4, 0);
    registers_write32(config, window + 8, 0x2000);
    registers_write32(config, window + 12, 4);
    assert_int_equal(registers_read32(config, window + 16), 0x12345678);
    registers_write32(config, window + 8, 0x2004);
    registers_write32(config, window + 16, 77);
    assert_int_equal(b->balloon.config.actual, 77);
    registers_write32(config, window + 8, 0x14);
    registers_write32(config, window + 12, 1);
    registers_write8(config, window + 16, 0); /* reset */
    assert_int_equal(b->balloon.device.status, 0);
    /* What is not an access of the BAR is none here either. */
    registers_write32(config, window + 8, UINT32_MAX - 3);
    registers_write32(config, window + 12, 4);
    registers_write32(config, window + 16, 1);
    registers_write32(config, window + 8, 2);
    registers_write32(config, window + 16, 1);
    registers_write32(config, window + 12, 3);
    registers_write32(config, window + 16, 1);
    destroy(b);
}

static void features_stay(void **state)
{
    (void)state;
    struct bench *b = create(true, 0, 0);
    const struct registers *common = &b->transport.common;
    uint64_t before = b->balloon.device.driver_features;
    registers_write8(common, 0x14, 3); /* the driver steps back behind FEATURES_OK ... */
    registers_write32(common, 0x08, 1);
    registers_write32(common, 0x0c, UINT32_MAX);
    registers_write8(common, 0x14, 15);
    assert_int_equal(b->balloon.device.driver_features, before); /* ... and changes nothing */
    /* A queue outside RAM stops the device. */
    registers_write16(common, 0x16, 0);
    registers_write32(common, 0x20, 0xfffff000);
    registers_write16(common, 0x1c, 1);
    assert_true(virtio_is_broken(&b->transport));
    destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes),        cmocka_unit_test(rng_rejects_readable),
        cmocka_unit_test(rng_driver),          cmocka_unit_test(balloon_misses_no_request),
        cmocka_unit_test(balloon_moves_pages), cmocka_unit_test(balloon_waits_for_pages),
        cmocka_unit_test(balloon_statistics),  cmocka_unit_test(configuration_window),
        cmocka_unit_test(features_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
