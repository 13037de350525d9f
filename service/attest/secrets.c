/* SPDX-License-Identifier: BSD-2-Clause */
#include "secrets.h"

#include <stdbool.h>
#include <string.h>
#include <tpm_seal.h>

#include "chip.h"

/* What they are sealed to: the firmware's code (0), option ROMs (2), what firmware started (4), its
 * keys for Secure Boot (7), and all that our loader measures (11 to 13). Not the firmware's
 * settings (1, 3, 5, 6): they change from boot to boot on good machines. */
enum { PCRS = 1 << 0 | 1 << 2 | 1 << 4 | 1 << 7 | 1 << 11 | 1 << 12 | 1 << 13 };

/* Persistent handles for them, in the owner's range (registry of reserved handles, 2.3). */
#define FIRST_HANDLE 0x81515100u
enum { HANDLES = SECRETS_AT_ONCE, HELD = SECRETS_AT_ONCE };

/* Sealed is the name with zeros behind it, and then the secret. */
_Static_assert(SECRET_NAME_SIZE + SECRET_MAX <= TPM_SEALED_MAX, "a TPM seals that much");

struct held {
    char name[SECRET_NAME_SIZE]; /* "": free */
    uint32_t size;
    uint8_t bytes[SECRET_MAX];
};

static struct held held[HELD];
static uint32_t code;

enum found { FOUND_IT, FOUND_OTHER, FOUND_CLOSED, FOUND_NOTHING, FOUND_ERROR };

/* What is at a handle; text: TPM_SEALED_MAX bytes, to be wiped. size: of the secret, with FOUND_IT.
 */
static enum found look(struct tpm *tpm, unsigned number, const char *name, uint8_t *text,
                       uint32_t *size)
{
    int got = tpm_unseal(tpm, chip_bank(), PCRS, FIRST_HANDLE + number, text);

    if (got == TPM_ERROR_CODE) {
        return tpm_is_absent(tpm) ? FOUND_NOTHING : FOUND_CLOSED;
    }
    if (got <= SECRET_NAME_SIZE) {
        return got < 0 ? FOUND_ERROR : FOUND_OTHER;
    }
    if (strncmp((const char *)text, name, SECRET_NAME_SIZE) != 0) {
        return FOUND_OTHER;
    }
    *size = (uint32_t)got - SECRET_NAME_SIZE;
    return *size <= SECRET_MAX ? FOUND_IT : FOUND_OTHER;
}

/* The handle for a name: its own; else a free one; else one that cannot be opened any more. */
static int choose_handle(struct tpm *tpm, const char *name, bool *taken)
{
    uint8_t text[TPM_SEALED_MAX];
    uint32_t size;
    int empty = -1;
    int closed = -1;

    for (int i = 0; i < HANDLES; i++) {
        enum found found = look(tpm, (unsigned)i, name, text, &size);
        pq_wipe(text, sizeof(text));
        if (found == FOUND_IT) {
            *taken = true;
            return i;
        }
        if (found == FOUND_NOTHING && empty < 0) {
            empty = i;
        } else if (found == FOUND_CLOSED && closed < 0) {
            closed = i;
        }
    }
    *taken = empty < 0;
    return empty >= 0 ? empty : closed;
}

static bool seal(const char *name, struct pq_bytes secret)
{
    struct tpm *tpm = chip_find();
    uint8_t text[TPM_SEALED_MAX] = {0};
    bool taken = false;
    int number = tpm ? choose_handle(tpm, name, &taken) : -1;

    code = 0;
    if (number < 0) {
        return false;
    }
    if (taken) {
        (void)tpm_evict(tpm, FIRST_HANDLE + (unsigned)number);
    }
    memcpy(text, name, strlen(name));
    memcpy(text + SECRET_NAME_SIZE, secret.data, secret.size);
    int error = tpm_seal(tpm, chip_bank(), PCRS, FIRST_HANDLE + (unsigned)number, text,
                         SECRET_NAME_SIZE + secret.size);
    code = tpm->code;
    pq_wipe(text, sizeof(text));
    return error == TPM_OK;
}

static struct held *find_held(const char *name)
{
    for (unsigned i = 0; i < HELD; i++) {
        if (strncmp(held[i].name, name, SECRET_NAME_SIZE) == 0) {
            return &held[i];
        }
    }
    return NULL;
}

enum secrets_kept secrets_keep(const char *name, struct pq_bytes secret)
{
    struct held *h = find_held(name);

    if (secret.size == 0 || secret.size > SECRET_MAX) {
        return SECRETS_REFUSED;
    }
    if (h) {
        pq_wipe(h, sizeof(*h));
    }
    if (seal(name, secret)) {
        return SECRETS_SEALED;
    }
    h = find_held("");
    if (!h) {
        return SECRETS_REFUSED;
    }
    memcpy(h->name, name, strlen(name));
    memcpy(h->bytes, secret.data, secret.size);
    h->size = (uint32_t)secret.size;
    return SECRETS_IN_MEMORY;
}

uint32_t secrets_find(const char *name, uint8_t *out)
{
    const struct held *h = find_held(name);
    struct tpm *tpm = chip_find();
    uint8_t text[TPM_SEALED_MAX];
    uint32_t size = 0;

    if (h) {
        memcpy(out, h->bytes, h->size);
        return h->size;
    }
    for (unsigned i = 0; tpm && i < HANDLES && size == 0; i++) {
        if (look(tpm, i, name, text, &size) == FOUND_IT) {
            memcpy(out, text + SECRET_NAME_SIZE, size);
        } else {
            size = 0;
        }
        pq_wipe(text, sizeof(text));
    }
    return size;
}

uint32_t secrets_code(void)
{
    return code;
}
