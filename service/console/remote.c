/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote.h"

#include <remote/remote.h>
#include <ring/ring.h>
#include <stdbool.h>

#include "keys.h"
#include "view.h"

/* Set by the system description. */
uintptr_t remote_address;
microkit_channel remote_channel;

enum { PIECE = 256, MAX_KEYS = 4096 };

static struct ring keys;
static struct ring screen;
static bool usable;
static uint32_t session; /* that has the screen; 0: none */

void remote_start(void)
{
    usable = remote_address != 0 &&
             ring_attach(&keys, (void *)(remote_address + REMOTE_AT_KEYS), REMOTE_KEYS_SIZE,
                         false) == RING_OK &&
             ring_attach(&screen, (void *)(remote_address + REMOTE_AT_SCREEN), REMOTE_SCREEN_SIZE,
                         true) == RING_OK;
}

static void take_keys(void)
{
    uint8_t bytes[PIECE];

    /* Bounded: who types without end has its turn, and the rest is lost. */
    for (unsigned taken = 0; taken < MAX_KEYS;) {
        int64_t got = ring_read(&keys, bytes, sizeof(bytes));
        if (got <= 0) {
            if (got < 0) {
                ring_drop(&keys);
            }
            return;
        }
        taken += (unsigned)got;
        for (int64_t i = 0; i < got && session != 0; i++) {
            key_byte(SCREEN_REMOTE, bytes[i]);
        }
    }
    ring_drop(&keys);
}

void remote_notified(void)
{
    if (!usable) {
        return;
    }
    uint32_t now =
        __atomic_load_n(&((struct remote_page *)remote_address)->session, __ATOMIC_ACQUIRE);
    if (now != session) {
        session = now;
        ring_drop(&keys); /* what another has typed */
        view_show_log(SCREEN_REMOTE);
    }
    take_keys();
}

void remote_send(void)
{
    uint8_t bytes[PIECE];
    bool sent = false;

    if (!usable || session == 0) {
        return;
    }
    while (view_pending(SCREEN_REMOTE)) {
        uint32_t room = ring_room(&screen);
        uint32_t count = 0;
        if (room == 0 && ring_prepare_wait(&screen, 1)) {
            break;
        }
        for (int byte; count < room && count < PIECE && (byte = view_next(SCREEN_REMOTE)) >= 0;) {
            bytes[count++] = (uint8_t)byte;
        }
        (void)ring_write(&screen, bytes, count);
        sent = true;
    }
    if (sent && ring_must_wake(&screen)) {
        microkit_notify(remote_channel);
    }
}
