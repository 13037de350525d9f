/* SPDX-License-Identifier: BSD-2-Clause */
#include "machines.h"

#include <connection/connection.h>
#include <rt/log.h>
#include <string.h>
#include <vmconfig.h>

#include "secrets.h"

/* Set by the system description. */
microkit_channel machines_first_id;
uint64_t machines_slots;
uint64_t machines_slice;
uint64_t machines_memory;
uint64_t machines_rows;

static struct connection_service connections;
static struct {
    char name[VMCONFIG_NAME_SIZE];
    char secret[VMCONFIG_SECRET_SIZE]; /* "": it has none, or no configuration that is one */
    bool waits;
} machines[CONNECTION_SLOTS];

static volatile struct secret_box *box_of(unsigned slot)
{
    return (volatile struct secret_box *)(connection_slice(&connections, slot) +
                                          CONNECTION_AT_CONTENT);
}

static void wipe(volatile uint8_t *bytes)
{
    for (unsigned i = 0; i < SECRET_MAX; i++) {
        bytes[i] = 0;
    }
}

static void say(unsigned slot, enum secret_state state)
{
    __atomic_store_n(&box_of(slot)->state, (uint32_t)state, __ATOMIC_RELEASE);
    microkit_notify(machines_first_id + slot);
}

/* Puts the secret into the machine's box, or tells it that it is not there. */
static bool serve(unsigned slot)
{
    volatile struct secret_box *box = box_of(slot);
    uint8_t bytes[SECRET_MAX];
    uint32_t size = machines[slot].secret[0] == 0 ? 0 : secrets_find(machines[slot].secret, bytes);

    machines[slot].waits = size == 0;
    for (uint32_t i = 0; i < size; i++) {
        box->bytes[i] = bytes[i];
    }
    pq_wipe(bytes, sizeof(bytes));
    box->size = size;
    say(slot, size == 0 ? SECRET_ABSENT : SECRET_THERE);
    if (size != 0) {
        log_info("%s has got its secret %s", machines[slot].name, machines[slot].secret);
    } else {
        log_info("%s asks for its secret %s, which is not there", machines[slot].name,
                 machines[slot].secret);
    }
    return size != 0;
}

/* Reads which secret the machine names; init has checked its configuration. */
static void admit(unsigned slot)
{
    static char text[sizeof(((struct connection_row *)0)->config)];
    static struct vmconfig config;
    struct vmconfig_error error;
    uint32_t size = connection_config(&connections, slot, text);

    memset(&machines[slot], 0, sizeof(machines[slot]));
    if (vmconfig_parse(text, size, &config, &error) == 0) {
        memcpy(machines[slot].name, config.name, sizeof(config.name));
        memcpy(machines[slot].secret, config.secret, sizeof(config.secret));
    }
    connection_admit(&connections, slot);
    microkit_notify(machines_first_id + slot);
}

static void look(unsigned slot)
{
    for (;;) {
        switch (connection_look(&connections, slot)) {
        case CONNECTION_WANTED:
            admit(slot);
            break;
        case CONNECTION_JOINED:
            (void)serve(slot);
            break;
        case CONNECTION_ENDED:
            wipe(box_of(slot)->bytes);
            memset(&machines[slot], 0, sizeof(machines[slot]));
            connection_release(&connections, slot);
            break;
        default:
            return;
        }
    }
}

/* What stands in a box since before this service was started anew, and nobody will take. */
static void wipe_left(unsigned slot)
{
    const volatile struct connection_row *row = &connections.rows[slot];

    if (row->live == 0) {
        wipe(box_of(slot)->bytes);
    }
}

void machines_start(void)
{
    connection_service_initialize(&connections, (const void *)machines_rows,
                                  (void *)machines_memory, machines_slice,
                                  (unsigned)machines_slots);
    for (unsigned slot = 0; slot < connections.slots; slot++) {
        wipe_left(slot);
        look(slot);
    }
}

bool machines_notified(microkit_channel channel)
{
    if (channel < machines_first_id || channel - machines_first_id >= connections.slots) {
        return false;
    }
    look(channel - machines_first_id);
    return true;
}

const char *machines_serve(const char *secret)
{
    for (unsigned slot = 0; slot < connections.slots; slot++) {
        if (machines[slot].waits && strcmp(machines[slot].secret, secret) == 0 && serve(slot)) {
            return machines[slot].name;
        }
    }
    return NULL;
}
