/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The e1000e driver on a small model of the card.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "service/net/e1000e.h"

struct card {
    uint32_t file[0x6000 / 4]; /* registers */
    const struct dma *dma;
    bool stuck; /* does not come out of reset */
    bool lazy;  /* does not send */
    uint8_t sent[2048];
    uint32_t sent_length;
    unsigned sent_count;
    unsigned outside; /* DMA to where it must not go */
};

struct bench {
    struct card card;
    struct registers config;
    struct registers bar;
    struct dma dma;
    struct e1000e_driver driver;
    uint8_t received[2048];
    uint32_t received_length;
    unsigned received_count;
};

static uint8_t *reach(struct card *card, uint64_t address, uint64_t size)
{
    const struct dma *dma = card->dma;
    if (address < dma->address || address - dma->address > dma->size ||
        size > dma->size - (address - dma->address)) {
        card->outside++;
        return NULL;
    }
    return dma->memory + (address - dma->address);
}

static uint64_t base(const struct card *card, unsigned offset)
{
    return card->file[offset / 4] | (uint64_t)card->file[offset / 4 + 1] << 32;
}

static void send_all(struct card *card)
{
    uint32_t count = card->file[0x3808 / 4] / 16;
    uint32_t *head = &card->file[0x3810 / 4];
    while (!card->lazy && count != 0 && *head != card->file[0x3818 / 4]) {
        uint8_t *descriptor = reach(card, base(card, 0x3800) + *head * 16, 16);
        if (descriptor == NULL)
            return;
        uint64_t address;
        uint16_t length;
        memcpy(&address, descriptor, 8);
        memcpy(&length, descriptor + 8, 2);
        const uint8_t *data = reach(card, address, length);
        if (data == NULL || (descriptor[11] & 0x0b) != 0x0b)
            return;
        memcpy(card->sent, data, length);
        card->sent_length = length;
        card->sent_count++;
        descriptor[12] |= 1;
        *head = (*head + 1) % count;
        card->file[0xc0 / 4] |= 1;
    }
}

/* A frame from the wire into `buffers` descriptors. */
static void arrive(struct card *card, const uint8_t *data, uint16_t length, uint8_t errors,
                   unsigned buffers)
{
    uint32_t count = card->file[0x2808 / 4] / 16;
    uint32_t *head = &card->file[0x2810 / 4];
    for (unsigned i = 0; i < buffers && *head != card->file[0x2818 / 4]; i++) {
        uint8_t *descriptor = reach(card, base(card, 0x2800) + *head * 16, 16);
        uint64_t address;
        if (descriptor == NULL)
            return;
        memcpy(&address, descriptor, 8);
        uint8_t *to = reach(card, address, length > 2048 ? 2048 : length);
        if (to == NULL)
            return;
        memcpy(to, data, length > 2048 ? 2048 : length);
        memcpy(descriptor + 8, &length, 2);
        descriptor[12] = i + 1 == buffers ? 3 : 1;
        descriptor[13] = errors;
        *head = (*head + 1) % count;
    }
    card->file[0xc0 / 4] |= 0x80;
}

static uint64_t read(void *context, uint64_t offset, unsigned size)
{
    struct card *card = context;
    (void)size;
    uint32_t value = card->file[offset / 4];
    if (offset == 0xc0)
        card->file[0xc0 / 4] = 0;
    return value;
}

static void write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct card *card = context;
    (void)size;
    if (offset == 0 && (value & 1u << 26) != 0 && !card->stuck) {
        memset(card->file, 0, sizeof(card->file));
        card->file[8 / 4] = 2;
        card->file[0x5400 / 4] = 0x12005452;
        card->file[0x5404 / 4] = 0x80005634;
        return;
    }
    card->file[offset / 4] = (uint32_t)value;
    if (offset == 0x3818)
        send_all(card);
}

static uint64_t config_read(void *context, uint64_t offset, unsigned size)
{
    (void)context;
    (void)size;
    return offset == 0 ? 0x8086 : offset == 2 ? 0x10d3 : 0;
}

static void config_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    (void)context;
    (void)offset;
    (void)size;
    (void)value;
}

static bool input(void *context, const struct net_frame *frame)
{
    struct bench *b = context;
    memcpy(b->received, frame->data, frame->length);
    b->received_length = frame->length;
    b->received_count++;
    return true;
}

static struct bench *create(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->dma = (struct dma){.memory = aligned_alloc(4096, E1000E_DMA_SIZE),
                          .address = 0x10000000,
                          .size = E1000E_DMA_SIZE};
    b->card.dma = &b->dma;
    b->config = (struct registers){.size = 4096, .read = config_read, .write = config_write};
    b->bar = (struct registers){.size = 0x6000, .read = read, .write = write, .context = &b->card};
    return b;
}

static int start(struct bench *b)
{
    const struct net_sink sink = {input, b, NULL};
    b->dma.used = 0;
    return e1000e_start(&b->driver, &b->config, &b->bar, &b->dma, &sink);
}

static void destroy(struct bench *b)
{
    assert_int_equal(b->card.outside, 0);
    free(b->dma.memory);
    free(b);
}

static bool send(struct bench *b, const uint8_t *data, uint32_t length)
{
    const struct net_frame frame = {.data = data, .length = length};
    return b->driver.output.deliver(b->driver.output.context, &frame);
}

static void frames_pass(void **state)
{
    (void)state;
    const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    struct bench *b = create();
    uint8_t data[1514];
    assert_int_equal(start(b), E1000E_OK);
    assert_memory_equal(b->driver.mac, mac, 6);
    assert_true(e1000e_link_is_up(&b->driver));
    for (unsigned i = 0; i < 2000; i++) {
        uint16_t length = (uint16_t)(14 + i * 7 % 1500);
        memset(data, (int)i, sizeof(data));
        assert_true(send(b, data, length));
        assert_int_equal(b->card.sent_count, i + 1);
        assert_int_equal(b->card.sent_length, length);
        assert_memory_equal(b->card.sent, data, length);
        memset(data, (int)i + 1, sizeof(data));
        arrive(&b->card, data, length, 0, 1);
        e1000e_interrupt(&b->driver);
        assert_int_equal(b->received_count, i + 1);
        assert_int_equal(b->received_length, length);
        assert_memory_equal(b->received, data, length);
    }
    destroy(b);
}

static void a_full_ring(void **state)
{
    (void)state;
    struct bench *b = create();
    uint8_t data[64] = {0};
    assert_int_equal(start(b), E1000E_OK);
    b->card.lazy = true;
    unsigned accepted = 0;
    while (send(b, data, 64))
        accepted++;
    assert_int_equal(accepted, E1000E_DESCRIPTORS - 1);
    assert_false(e1000e_interrupt(&b->driver));
    b->card.lazy = false;
    send_all(&b->card);
    assert_true(e1000e_interrupt(&b->driver));
    assert_int_equal(b->card.sent_count, accepted);
    assert_true(send(b, data, 64));
    /* Too long for the wire: dropped, not refused. */
    uint8_t large[2000] = {0};
    assert_true(send(b, large, sizeof(large)));
    assert_int_equal(b->driver.dropped, 1);
    destroy(b);
}

/* A frame of more packets than there are descriptors goes out in turns, and nothing is lost. */
static void cut_frames_wait(void **state)
{
    (void)state;
    enum { HEADERS = 54, SIZE = 100, PACKETS = 600 };
    static uint8_t data[HEADERS + SIZE * PACKETS];
    struct bench *b = create();
    assert_int_equal(start(b), E1000E_OK);
    for (unsigned i = HEADERS; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 3);
    net_put16(data + 12, 0x0800);
    data[14] = 0x45;
    data[23] = 6;
    data[46] = 5 << 4;
    const struct net_frame frame = {.data = data,
                                    .length = sizeof(data),
                                    .offload = {.flags = NET_NEEDS_CHECKSUM,
                                                .gso = NET_GSO_TCP4,
                                                .gso_size = SIZE,
                                                .checksum_start = 34,
                                                .checksum_offset = 16}};
    unsigned turns = 0;
    b->card.lazy = true;
    while (!b->driver.output.deliver(b->driver.output.context, &frame)) {
        b->card.lazy = false;
        send_all(&b->card);
        b->card.lazy = true;
        turns++;
        assert_int_equal(b->card.sent_count, turns * (E1000E_DESCRIPTORS - 1));
        assert_int_equal(b->card.sent_length, HEADERS + SIZE);
        assert_memory_equal(b->card.sent + HEADERS,
                            data + HEADERS + (b->card.sent_count - 1) * SIZE, SIZE);
        assert_true(e1000e_interrupt(&b->driver));
    }
    b->card.lazy = false;
    send_all(&b->card);
    assert_int_equal(b->card.sent_count, PACKETS);
    assert_memory_equal(b->card.sent + HEADERS, data + sizeof(data) - SIZE, SIZE);
    assert_int_equal(b->driver.dropped, 0);
    destroy(b);
}

/* Errors, parts and lengths that cannot be are left out, and the ring goes on. */
static void odd_receptions(void **state)
{
    (void)state;
    struct bench *b = create();
    uint8_t data[4096] = {0};
    assert_int_equal(start(b), E1000E_OK);
    arrive(&b->card, data, 100, 0x80, 1);
    arrive(&b->card, data, 13, 0, 1);
    arrive(&b->card, data, 0xffff, 0, 1);
    arrive(&b->card, data, 2048, 0, 3);
    e1000e_interrupt(&b->driver);
    assert_int_equal(b->received_count, 0);
    assert_int_equal(b->driver.dropped, 6);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 300; i++)
            arrive(&b->card, data, 60, 0, 1);
        e1000e_interrupt(&b->driver);
    }
    assert_int_equal(b->received_count, 5 * (E1000E_DESCRIPTORS - 1));
    b->card.stuck = true;
    assert_int_equal(start(b), E1000E_ERROR_RESET);
    destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_pass),
        cmocka_unit_test(a_full_ring),
        cmocka_unit_test(cut_frames_wait),
        cmocka_unit_test(odd_receptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
