/* SPDX-License-Identifier: BSD-2-Clause */
#include <component/component.h>
#include <ring/ring.h>
#include <rt/log.h>

#include "protocol.h"

/* Set by the system description. */
uint32_t client_channel, deaf_channel;
uintptr_t part_address, ring_address;
uint64_t ring_size;

static struct ring ring;
static unsigned received;
static bool wrong;

void init(void)
{
    if (ring_attach(&ring, (void *)ring_address, ring_size, false) != RING_OK) {
        log_error("no ring");
    }
    (void)ring_prepare_sleep(&ring);
}

void notified(microkit_channel ch)
{
    uint8_t bytes[64];

    if (ch != client_channel) {
        log_error("notified on channel %u", ch);
        return;
    }
    do {
        int64_t count;
        while ((count = ring_read(&ring, bytes, sizeof(bytes))) > 0) {
            for (int64_t i = 0; i < count; i++) {
                wrong = wrong || bytes[i] != ring_byte(received++);
            }
        }
    } while (!ring_prepare_sleep(&ring));
    microkit_notify(client_channel);
    if (received == RING_BYTES) {
        log_info("%u bytes through the ring, %s", received, wrong ? "wrong" : "right");
    }
}

microkit_msginfo protected(microkit_channel ch, microkit_msginfo msginfo)
{
    seL4_Word count = microkit_msginfo_get_count(msginfo);
    seL4_Word sum = 0;

    switch (microkit_msginfo_get_label(msginfo)) {
    case CALL_SUM:
        for (seL4_Word i = 0; i < count; i++) {
            sum += microkit_mr_get((seL4_Uint8)i);
        }
        microkit_mr_set(0, sum);
        microkit_mr_set(1, ch);
        return microkit_msginfo_new(CALL_SUM + 1, 2);
    case CALL_PART:
        microkit_mr_set(0, *(volatile uint64_t *)part_address);
        return microkit_msginfo_new(0, 1);
    case CALL_NOTIFY:
        microkit_notify(client_channel);
        microkit_notify(deaf_channel);
        return microkit_msginfo_new(0, 0);
    default:
        return microkit_msginfo_new(99, 0);
    }
}
