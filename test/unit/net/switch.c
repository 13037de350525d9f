/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The switch: who receives what, and who does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "service/net/switch.h"

#define SECOND 1000000000ull

enum { VM_A, VM_B, VM_C, UPLINK, PORTS };

struct bench {
    struct network_switch sw;
    unsigned got[PORTS];
    uint8_t data[PORTS][NET_FRAME_MAX];
    struct net_frame last[PORTS];
    bool full[PORTS];
};

struct end {
    struct bench *bench;
    unsigned port;
};

static struct end ends[PORTS];

static bool sink(void *context, const struct net_frame *frame)
{
    const struct end *end = context;
    struct bench *b = end->bench;
    if (b->full[end->port])
        return false;
    b->got[end->port]++;
    memcpy(b->data[end->port], frame->data, frame->length);
    b->last[end->port] = *frame;
    return true;
}

static struct switch_config machine(unsigned number, uint16_t vlan, uint32_t peers)
{
    struct switch_config config = {.vlan = vlan, .peers = peers, .mac = {2, 0, 0, 0, 0, 0}};
    config.mac[5] = (uint8_t)number;
    return config;
}

static void open_port(struct bench *b, unsigned port, const struct switch_config *config)
{
    ends[port] = (struct end){b, port};
    const struct net_sink to = {sink, &ends[port], NULL};
    assert_true(switch_open(&b->sw, port, config, &to));
}

/* A and B are joined with each other and the uplink, C with the uplink alone, in VLAN 1. */
static struct bench *create(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    switch_initialize(&b->sw, 0x1234567890abcdefull);
    struct switch_config config = machine(VM_A, 1, 1u << VM_B | 1u << UPLINK);
    open_port(b, VM_A, &config);
    config = machine(VM_B, 1, 1u << VM_A | 1u << UPLINK);
    open_port(b, VM_B, &config);
    config = machine(VM_C, 1, 1u << VM_A | 1u << UPLINK); /* A does not agree */
    open_port(b, VM_C, &config);
    config = (struct switch_config){.uplink = true, .vlan = 1, .peers = UINT32_MAX};
    open_port(b, UPLINK, &config);
    return b;
}

static void send(struct bench *b, unsigned from, const uint8_t *target, const uint8_t *source,
                 int tag, uint64_t now)
{
    uint8_t data[64] = {0};
    memcpy(data, target, 6);
    memcpy(data + 6, source, 6);
    net_put16(data + 12, 0x0800);
    if (tag >= 0) {
        net_put16(data + 12, 0x8100);
        net_put16(data + 14, (uint16_t)tag);
        net_put16(data + 16, 0x0800);
    }
    data[30] = 0x5a;
    memset(b->got, 0, sizeof(b->got));
    const struct net_frame frame = {.data = data, .length = sizeof(data)};
    switch_receive(&b->sw, from, &frame, now);
}

static void expect(const struct bench *b, unsigned a, unsigned second, unsigned c, unsigned uplink)
{
    assert_int_equal(b->got[VM_A], a);
    assert_int_equal(b->got[VM_B], second);
    assert_int_equal(b->got[VM_C], c);
    assert_int_equal(b->got[UPLINK], uplink);
}

static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t a[6] = {2, 0, 0, 0, 0, VM_A};
static const uint8_t second[6] = {2, 0, 0, 0, 0, VM_B};
static const uint8_t c[6] = {2, 0, 0, 0, 0, VM_C};
static const uint8_t outside[6] = {0x52, 0x54, 0, 1, 2, 3};

static void forwards(void **state)
{
    (void)state;
    struct bench *b = create();
    send(b, VM_A, second, a, -1, 0);
    expect(b, 0, 1, 0, 0);
    send(b, VM_A, all, a, -1, 0);
    expect(b, 0, 1, 0, 1);
    send(b, UPLINK, all, outside, -1, 0);
    expect(b, 1, 1, 1, 0);
    send(b, UPLINK, c, outside, -1, 0);
    expect(b, 0, 0, 1, 0);
    send(b, UPLINK, (const uint8_t *)"\x02QQQQQ", outside, -1, 0);
    expect(b, 0, 0, 0, 0); /* an unknown address never reaches a VM */
    send(b, VM_A, (const uint8_t *)"\x02QQQQQ", a, -1, 0);
    expect(b, 0, 0, 0, 1);
    b->full[VM_B] = true;
    send(b, VM_A, second, a, -1, 0);
    expect(b, 0, 0, 0, 0);
    assert_int_equal(b->sw.port[VM_B].counters.full, 1);
    free(b);
}

static void isolates(void **state)
{
    (void)state;
    struct bench *b = create();
    send(b, VM_A, c, a, -1, 0);
    expect(b, 0, 0, 0, 0);
    send(b, VM_C, a, c, -1, 0);
    expect(b, 0, 0, 0, 0);
    send(b, VM_C, all, c, -1, 0);
    expect(b, 0, 0, 0, 1);
    free(b);
}

static void spoofing(void **state)
{
    (void)state;
    struct bench *b = create();
    send(b, VM_A, all, second, -1, 0);
    expect(b, 0, 0, 0, 0);
    send(b, VM_A, all, all, -1, 0);
    expect(b, 0, 0, 0, 0);
    assert_int_equal(b->sw.port[VM_A].counters.spoofed, 2);
    /* A VM's address from outside neither passes nor moves the VM. */
    send(b, UPLINK, all, second, -1, 0);
    expect(b, 0, 0, 0, 0);
    send(b, VM_A, second, a, -1, 0);
    expect(b, 0, 1, 0, 0);
    free(b);
}

static void vlan_hopping(void **state)
{
    (void)state;
    struct bench *b = create();
    struct switch_config config = machine(VM_C, 42, 1u << UPLINK);
    open_port(b, VM_C, &config);
    config = (struct switch_config){.uplink = true, .vlan = 1, .peers = UINT32_MAX};
    config.tagged[42 / 8] |= 1u << (42 & 7);
    open_port(b, UPLINK, &config);
    /* A tag of one's own: dropped, the right number as well as double tags. */
    send(b, VM_A, all, a, 42, 0);
    expect(b, 0, 0, 0, 0);
    send(b, VM_A, all, a, 1, 0);
    expect(b, 0, 0, 0, 0);
    send(b, VM_A, all, a, 0, 0);
    expect(b, 0, 0, 0, 0);
    assert_int_equal(b->sw.port[VM_A].counters.vlan, 3);
    /* Tags come off and go on at the VM's border. */
    send(b, UPLINK, all, outside, 42, 0);
    expect(b, 0, 0, 1, 0);
    assert_int_equal(b->last[VM_C].length, 60);
    assert_int_equal(b->data[VM_C][26], 0x5a);
    send(b, VM_C, all, c, -1, 0);
    expect(b, 0, 0, 0, 1);
    assert_int_equal(b->last[UPLINK].length, 68);
    assert_int_equal(net_get16(b->data[UPLINK] + 12), 0x8100);
    assert_int_equal(net_get16(b->data[UPLINK] + 14), 42);
    assert_int_equal(b->data[UPLINK][34], 0x5a);
    /* The other VLAN's machines see nothing of it; a VLAN that nobody has goes nowhere. */
    send(b, UPLINK, a, outside, 42, 0);
    expect(b, 0, 0, 0, 0);
    send(b, UPLINK, all, outside, 43, 0);
    expect(b, 0, 0, 0, 0);
    send(b, UPLINK, all, outside, 4095, 0);
    expect(b, 0, 0, 0, 0);
    free(b);
}

static void storms(void **state)
{
    (void)state;
    struct bench *b = create();
    struct switch_config config = machine(VM_A, 1, 1u << VM_B | 1u << UPLINK);
    config.storm_rate = 100;
    open_port(b, VM_A, &config);
    unsigned passed = 0;
    for (unsigned i = 0; i < 100000; i++) {
        send(b, VM_A, all, a, -1, i * (SECOND / 100000));
        passed += b->got[VM_B];
    }
    assert_in_range(passed, 100, 100 + SWITCH_BURST + 1);
    /* What goes to one machine passes all the while. */
    send(b, VM_A, second, a, -1, SECOND);
    expect(b, 0, 1, 0, 0);
    /* And after a while broadcasts do as well. */
    send(b, VM_A, all, a, -1, 2 * SECOND);
    expect(b, 0, 1, 0, 1);
    free(b);
}

static void learns_and_forgets(void **state)
{
    (void)state;
    struct bench *b = create();
    const unsigned other = 4;
    struct switch_config config = {.uplink = true, .vlan = 1, .peers = UINT32_MAX};
    struct end end = {b, UPLINK};
    ends[UPLINK] = end;
    const struct net_sink to = {sink, &ends[UPLINK], NULL};
    assert_true(switch_open(&b->sw, other, &config, &to)); /* both count for the uplink */
    config = machine(VM_A, 1, 1u << UPLINK | 1u << other);
    open_port(b, VM_A, &config);
    send(b, UPLINK, all, outside, -1, 0);
    send(b, VM_A, outside, a, -1, SECOND);
    expect(b, 0, 0, 0, 1); /* where it was learned */
    send(b, VM_A, outside, a, -1, 301 * SECOND);
    expect(b, 0, 0, 0, 2); /* forgotten: both */
    send(b, other, all, outside, -1, 302 * SECOND);
    send(b, VM_A, outside, a, -1, 303 * SECOND);
    expect(b, 0, 0, 0, 1); /* it has moved */
    switch_close(&b->sw, other);
    send(b, VM_A, outside, a, -1, 304 * SECOND);
    expect(b, 0, 0, 0, 1); /* forgotten with its port: flooded to the one that is left */
    /* A flood of addresses displaces addresses, and nothing else. */
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t source[6] = {0x06};
        memcpy(source + 2, &i, 4);
        send(b, UPLINK, second, source, -1, 305 * SECOND);
        expect(b, 0, 1, 0, 0);
    }
    free(b);
}

/* Addresses that follow each other do not meet in few buckets: of 512 hardly one is forgotten for
 * another, where there is room for 1024; and an address in one VLAN says nothing of another. */
static void remembers_many(void **state)
{
    (void)state;
    struct bench *b = create();
    const unsigned other = 4;
    struct switch_config config = {.uplink = true, .vlan = 1, .peers = UINT32_MAX};
    open_port(b, UPLINK, &config);
    const struct net_sink to = {sink, &ends[UPLINK], NULL};
    assert_true(switch_open(&b->sw, other, &config, &to)); /* both count for the uplink */
    switch_carry(&b->sw, UPLINK, 7);
    switch_carry(&b->sw, other, 7);
    config = machine(VM_A, 1, 1u << UPLINK | 1u << other);
    open_port(b, VM_A, &config);
    config = machine(VM_B, 7, 1u << UPLINK | 1u << other);
    open_port(b, VM_B, &config);
    unsigned known = 0;
    uint8_t station[6] = {0x52, 0x54, 0, 0, 0, 0};
    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned i = 0; i < 512; i++) {
            net_put16(station + 4, (uint16_t)i);
            if (turn == 0)
                send(b, UPLINK, all, station, -1, i);
            else
                send(b, VM_A, station, a, -1, SECOND);
            known += turn == 1 && b->got[UPLINK] == 1;
        }
    }
    assert_in_range(known, 480, 512);
    send(b, VM_B, station, second, -1, SECOND);
    expect(b, 0, 0, 0, 2);
    free(b);
}

static void joins(void **state)
{
    (void)state;
    struct bench *b = create();
    struct switch_config config = machine(VM_A, 7, 0);
    open_port(b, VM_A, &config);
    config = machine(VM_B, 7, 0);
    open_port(b, VM_B, &config);
    switch_close(&b->sw, VM_C);
    config = (struct switch_config){.uplink = true, .vlan = 1};
    open_port(b, UPLINK, &config);
    send(b, VM_A, all, a, -1, 0);
    expect(b, 0, 0, 0, 0); /* nobody is joined */
    switch_join(&b->sw, VM_A, VM_B);
    switch_join(&b->sw, VM_A, VM_C); /* not open */
    switch_join(&b->sw, VM_A, UPLINK);
    send(b, VM_A, all, a, -1, 0);
    expect(b, 0, 1, 0, 0); /* the uplink does not carry the VLAN yet */
    switch_carry(&b->sw, UPLINK, 7);
    send(b, VM_A, all, a, -1, 0);
    expect(b, 0, 1, 0, 1);
    assert_int_equal(net_get16(b->data[UPLINK] + 14), 7);
    send(b, UPLINK, a, outside, 7, 0);
    expect(b, 1, 0, 0, 0);
    send(b, UPLINK, second, outside, 7, 0);
    expect(b, 0, 0, 0, 0);
    /* Whoever comes to a port that was closed is joined with nobody. */
    switch_close(&b->sw, VM_B);
    config = machine(VM_B, 7, 0);
    open_port(b, VM_B, &config);
    send(b, VM_A, all, a, -1, 0);
    expect(b, 0, 0, 0, 1);
    /* An address is had once in a VLAN. */
    const struct net_sink to = {sink, &ends[VM_C], NULL};
    config = machine(VM_A, 7, 0);
    assert_false(switch_open(&b->sw, VM_C, &config, &to));
    config = machine(VM_A, 8, 0);
    assert_true(switch_open(&b->sw, VM_C, &config, &to));
    free(b);
}

static void odd_frames(void **state)
{
    (void)state;
    struct bench *b = create();
    uint8_t data[64] = {0};
    const struct net_frame tiny = {.data = data, .length = 13};
    switch_receive(&b->sw, VM_A, &tiny, 0);
    assert_int_equal(b->sw.port[VM_A].counters.invalid, 1);
    send(b, VM_A, (const uint8_t *)"\x01\x80\xc2\x00\x00\x0e", a, -1, 0);
    expect(b, 0, 0, 0, 0);
    net_put16(data + 12, 0x8100);
    memcpy(data + 6, outside, 6);
    const struct net_frame cut = {.data = data, .length = 16}; /* a tag that is cut off */
    switch_receive(&b->sw, UPLINK, &cut, 0);
    switch_receive(&b->sw, 17, &tiny, 0);
    switch_receive(&b->sw, 1000, &tiny, 0);
    const struct net_sink to = {sink, &ends[0], NULL};
    struct switch_config config = machine(0, 0, 0);
    assert_false(switch_open(&b->sw, 0, &config, &to));
    config = machine(0, 4095, 0);
    assert_false(switch_open(&b->sw, 0, &config, &to));
    config = machine(0, 1, 0);
    config.mac[0] = 3;
    assert_false(switch_open(&b->sw, 0, &config, &to));
    assert_false(switch_open(&b->sw, SWITCH_PORTS, &config, &to));
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forwards),
        cmocka_unit_test(isolates),
        cmocka_unit_test(spoofing),
        cmocka_unit_test(vlan_hopping),
        cmocka_unit_test(storms),
        cmocka_unit_test(remembers_many),
        cmocka_unit_test(learns_and_forgets),
        cmocka_unit_test(joins),
        cmocka_unit_test(odd_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
