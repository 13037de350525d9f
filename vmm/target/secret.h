/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The secret that a verifier releases to this machine, from the attestation service to the guest's
 * fw_cfg file opt/quoin/secret/NAME.
 */
#ifndef VMM_TARGET_SECRET_H
#define VMM_TARGET_SECRET_H

#include <vmconfig.h>

#include "vmm/startup.h"
#include "vmm/vm.h"

enum secret_result {
    SECRET_READY,  /* or the machine has none */
    SECRET_FAILED, /* it is not there; the log says so */
    SECRET_OFF,    /* the machine was switched off while it waited */
};

/* Waits for it as the configuration says. On vCPU 0's thread, before the guest runs. */
enum secret_result secret_open(struct vm *vm, const struct vmm_startup *startup,
                               const struct vmconfig *config);

#endif
