/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The memory between console and attestation service, by which a verifier sees the console from
 * afar: a page of the attestation service's, and a ring (lib/ring) each way. Neither side trusts
 * what stands there; who may see the console is the attestation service's to decide.
 */
#ifndef REMOTE_REMOTE_H
#define REMOTE_REMOTE_H

#include <stdint.h>

enum {
    REMOTE_AT_KEYS = 0x1000, /* to the console: what is typed */
    REMOTE_KEYS_SIZE = 0x1000,
    REMOTE_AT_SCREEN = 0x2000, /* from the console: what its screen shows */
    REMOTE_SCREEN_SIZE = 0x2000,
    REMOTE_SIZE = 0x4000,
};

/* Written by the attestation service. */
struct remote_page {
    uint32_t session; /* another number for each session that has the console; 0: none has */
};

#endif
