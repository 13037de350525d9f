/* SPDX-License-Identifier: BSD-2-Clause */
#include "remote.h"

#include <remote/remote.h>
#include <ring/ring.h>
#include <stdbool.h>

/* Set by the system description. */
uintptr_t remote_address;
microkit_channel remote_channel;

static struct ring keys;
static struct ring screen;
static bool usable;
static bool is_open;
static uint32_t sessions;

static volatile struct remote_page *page(void)
{
    return (volatile struct remote_page *)remote_address;
}

void remote_start(void)
{
    usable = ring_attach(&keys, (void *)(remote_address + REMOTE_AT_KEYS), REMOTE_KEYS_SIZE,
                         true) == RING_OK &&
             ring_attach(&screen, (void *)(remote_address + REMOTE_AT_SCREEN), REMOTE_SCREEN_SIZE,
                         false) == RING_OK;
    if (!usable) {
        return;
    }
    /* Whoever had the console when this service was started anew has it no more. */
    sessions = __atomic_load_n(&page()->session, __ATOMIC_RELAXED);
    if (sessions != 0) {
        __atomic_store_n(&page()->session, 0, __ATOMIC_RELEASE);
        microkit_notify(remote_channel);
    }
}

void remote_open(void)
{
    if (usable) {
        ring_drop(&screen); /* what was for another */
        sessions = sessions == UINT32_MAX ? 1 : sessions + 1;
        is_open = true;
        __atomic_store_n(&page()->session, sessions, __ATOMIC_RELEASE);
        microkit_notify(remote_channel);
    }
}

void remote_close(void)
{
    if (is_open) {
        is_open = false;
        __atomic_store_n(&page()->session, 0, __ATOMIC_RELEASE);
        microkit_notify(remote_channel);
    }
}

size_t remote_read(uint8_t *to, size_t room)
{
    if (!is_open) {
        return 0;
    }
    for (;;) {
        int64_t got = ring_read(&screen, to, (uint32_t)room);
        if (got < 0) {
            ring_drop(&screen);
        }
        if (got > 0) {
            if (ring_must_tell(&screen)) {
                microkit_notify(remote_channel);
            }
            return (size_t)got;
        }
        if (ring_prepare_sleep(&screen)) {
            return 0;
        }
    }
}

void remote_type(struct pq_bytes typed)
{
    if (is_open && ring_write(&keys, typed.data, (uint32_t)typed.size) > 0) {
        microkit_notify(remote_channel);
    }
}
