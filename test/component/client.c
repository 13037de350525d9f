/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a system description gives a component: each part is used and checked.
 */
#include <component/component.h>
#include <ring/ring.h>
#include <rt/log.h>
#include <timer/timer.h>

#include "protocol.h"

/* Set by the system description. */
uintptr_t shared_address, hpet_address, large_address;
uint64_t shared_size, hpet_physical;
uint16_t port_address;
uint8_t port_id, own_timer = 99;
microkit_channel server_channel, timer_channel, mute_channel, faulty_channel;

enum step { STEP_NOTIFY, STEP_OWN_TIMER, STEP_SERVICE, STEP_RING, STEP_DONE };

static enum step step;
static unsigned passed, failed;
static uint64_t started;
static struct ring ring;
static unsigned sent;

static void check(const char *what, bool good)
{
    if (good) {
        passed++;
    } else {
        failed++;
        log_error("%s", what);
    }
}

static void check_variables(void)
{
    check("setvar_vaddr", shared_address == 0x20000000 && large_address == 0x40000000);
    check("setvar_size", shared_size == 0x4000);
    check("setvar_id", port_id == 5 && own_timer == 30 && server_channel == 7);
    check("setvar_addr", port_address == 0x61);
    check("setvar region_paddr", hpet_physical == 0xfed00000);
    check("the name", microkit_name[0] == 'c' && microkit_name[5] == 't' && microkit_name[6] == 0);
}

static void check_memory(void)
{
    volatile uint64_t *large = (volatile uint64_t *)large_address;
    volatile uint64_t *shared = (volatile uint64_t *)shared_address;
    bool zero = true;

    for (unsigned i = 0; i < 0x200000 / 8; i += 512) {
        zero = zero && large[i] == 0;
        large[i] = i;
    }
    check("a large page is zeroed", zero);
    check("a large page keeps what is written", large[512 * 100] == 512 * 100);
    /* HPET specification 1.0a, 2.3.4: the vendor's id in the upper half of the first register. */
    check("device memory", *(volatile uint32_t *)hpet_address >> 16 == 0x8086);
    shared[0x1000 / 8] = 0x1234567890;
    (void)microkit_ppcall(server_channel, microkit_msginfo_new(CALL_PART, 0));
    check("a part of a region", microkit_mr_get(0) == 0x1234567890);
}

static void check_calls(void)
{
    microkit_mr_set(0, 1);
    for (seL4_Uint8 i = 1; i < 20; i++) {
        microkit_mr_set(i, i);
    }
    microkit_msginfo answer = microkit_ppcall(server_channel, microkit_msginfo_new(CALL_SUM, 20));
    check("a call's answer", microkit_msginfo_get_label(answer) == CALL_SUM + 1 &&
                                 microkit_msginfo_get_count(answer) == 2);
    check("a call's words", microkit_mr_get(0) == 191);
    check("a call's channel", microkit_mr_get(1) == 9);
}

static void check_ports(void)
{
    /* Port 0x61, bit 4 toggles with each refresh: any value will do, an error gives 0 without it.
     */
    seL4_X86_IOPort_In8_t in = seL4_X86_IOPort_In8(COMPONENT_SLOT_PORT + port_id, port_address);
    check("a port", in.error == seL4_NoError);
    in = seL4_X86_IOPort_In8(COMPONENT_SLOT_PORT + port_id, 0x70);
    check("a port that was not given", in.error != seL4_NoError);
}

void init(void)
{
    check_variables();
    check_memory();
    check_calls();
    check_ports();
    /* Nothing comes of a notification without the right to it. */
    microkit_notify(mute_channel);
    step = STEP_NOTIFY;
    (void)microkit_ppcall(server_channel, microkit_msginfo_new(CALL_NOTIFY, 0));
}

static void send(void)
{
    uint8_t bytes[97];

    while (sent < RING_BYTES) {
        uint32_t count = sizeof(bytes) < RING_BYTES - sent ? sizeof(bytes) : RING_BYTES - sent;
        for (uint32_t i = 0; i < count; i++) {
            bytes[i] = ring_byte(sent + i);
        }
        int64_t written = ring_write(&ring, bytes, count);
        if (written <= 0) {
            break;
        }
        sent += (unsigned)written;
    }
    if (ring_must_wake(&ring)) {
        microkit_notify(server_channel);
    }
}

static void finish(void)
{
    step = STEP_DONE;
    log_info("components: %u passed, %u failed", passed, failed);
    microkit_notify(faulty_channel);
}

void notified(microkit_channel ch)
{
    uint64_t now = component_tsc();
    uint64_t hz = component_info->tsc_hz;

    switch (step) {
    case STEP_NOTIFY:
        check("a notification's channel", ch == server_channel);
        started = now;
        component_timer_arm(own_timer, now + hz / 100);
        step = STEP_OWN_TIMER;
        break;
    case STEP_OWN_TIMER:
        check("a timer of its own", ch == own_timer && now - started >= hz / 100);
        started = timer_time(timer_channel);
        timer_set_timeout(timer_channel, 20000000);
        step = STEP_SERVICE;
        break;
    case STEP_SERVICE:
        check("the timer service",
              ch == timer_channel && timer_time(timer_channel) - started >= 20000000);
        check("a ring", ring_attach(&ring, (void *)(shared_address + 0x2000), 0x2000, true) == 0);
        step = STEP_RING;
        send();
        break;
    case STEP_RING:
        if (sent < RING_BYTES) {
            send();
        } else {
            finish();
        }
        break;
    default:
        break;
    }
}
