/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Watching the virtual machines: a VMM's fault or a VM's ending arrives as a message.
 */
#ifndef INIT_WATCH_H
#define INIT_WATCH_H

#include "vm.h"

struct watch {
    seL4_CPtr endpoint, reply;
    struct vm *vms; /* VM_MAX */
    const struct vm_host *host;
    const struct archive_file *vmm;
};

/* Never returns. */
_Noreturn void watch_run(struct watch *watch);

#endif
