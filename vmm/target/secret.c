/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/target/secret.h"

#include <connection/connection.h>
#include <machines/machines.h>
#include <rt/format.h>
#include <rt/log.h>
#include <secret/secret.h>
#include <string.h>

#include "vmm/target/call.h"
#include "vmm/target/target.h"

static struct connection_client connection;
static const struct vmm_startup *startup;
static const struct vmm_startup_connection *given;
static uint8_t secret[SECRET_MAX];
static char file_name[FWCFG_NAME_SIZE];

static void wipe(volatile uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = 0;
}

static void join(volatile struct secret_box *box)
{
    wipe((volatile uint8_t *)box, sizeof(*box)); /* what an earlier machine left */
    connection_join(&connection);
    call_send(given->notification, 0, 0);
}

/* Takes the secret out of the box, whole or not at all; its size, or 0. */
static uint32_t take(volatile struct secret_box *box)
{
    uint32_t size = box->size;
    if (size == 0 || size > SECRET_MAX)
        return 0;
    for (uint32_t i = 0; i < size; i++)
        secret[i] = box->bytes[i];
    wipe(box->bytes, sizeof(box->bytes));
    __atomic_store_n(&box->state, SECRET_TAKEN, __ATOMIC_RELEASE);
    call_send(given->notification, 0, 0);
    return size;
}

static void set_waits(bool waits)
{
    if (startup->counts != 0) /* for the console's status page */
        ((volatile struct machine_counts *)startup->counts)->waits = waits;
}

static bool switched_off(void)
{
    const volatile uint64_t *control = (const volatile uint64_t *)startup->control;
    return control != NULL && *control % VMM_CONTROL_COUNT == VMM_CONTROL_POWER_BUTTON;
}

/* On the machine's own console, where its guest would speak by now. */
static void tell(const char *name)
{
    char text[160];
    size_t length = format_text(text, sizeof(text),
                                "[quoin: this machine waits for its secret %s: a verifier must "
                                "release it]\r\n",
                                name);
    for (size_t i = 0; i < length && console_byte(NULL, (uint8_t)text[i]); i++) {
    }
    console_flush();
}

/* Until the box says something final. */
static enum secret_result await(volatile struct secret_box *box, const struct vmconfig *config)
{
    bool told = false;
    for (;;) {
        enum connection_state state = connection_state(&connection);
        if (state == CONNECTION_OVER) {
            log_error("the service that has the secret %s has failed", config->secret);
            return SECRET_FAILED;
        }
        if (state == CONNECTION_OPEN) {
            join(box);
            continue;
        }
        uint32_t said = __atomic_load_n(&box->state, __ATOMIC_ACQUIRE);
        if (state == CONNECTION_JOINT && said == SECRET_THERE)
            return SECRET_READY;
        if (state == CONNECTION_JOINT && said == SECRET_ABSENT) {
            if (config->secret_or_fail) {
                log_error("its secret %s is not there: a verifier must release it first",
                          config->secret);
                return SECRET_FAILED;
            }
            if (!told) {
                log_info("it waits for its secret %s: a verifier must release it", config->secret);
                tell(config->secret);
                set_waits(true);
                told = true;
            }
        }
        if (switched_off())
            return SECRET_OFF;
        call_wait(startup->vcpu[0].notification);
    }
}

enum secret_result secret_open(struct vm *vm, const struct vmm_startup *page,
                               const struct vmconfig *config)
{
    if (config->secret[0] == 0)
        return SECRET_READY;
    startup = page;
    given = &startup->connection[CONNECTION_SECRET];
    if (given->size < CONNECTION_AT_CONTENT + sizeof(struct secret_box)) {
        log_error("there is no service that has secrets");
        return SECRET_FAILED;
    }
    volatile struct secret_box *box =
        (volatile struct secret_box *)(given->address + CONNECTION_AT_CONTENT);
    connection_client_initialize(&connection, (void *)given->address,
                                 (const volatile uint64_t *)given->epoch,
                                 (uint32_t)given->generation);
    enum secret_result result = await(box, config);
    set_waits(false);
    if (result != SECRET_READY)
        return result;
    uint32_t size = take(box);
    format_text(file_name, sizeof(file_name), "opt/quoin/secret/%s", config->secret);
    if (size == 0 || !fwcfg_add_secret(&vm->fwcfg, file_name, secret, size)) {
        log_error("its secret %s is none", config->secret);
        return SECRET_FAILED;
    }
    log_info("it has its secret %s, of %u bytes", config->secret, size);
    return SECRET_READY;
}
