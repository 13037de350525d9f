/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a virtual machine is made of: the address spaces of its VMM and its guest, their memory, the
 * vCPUs' objects, and the VMM's capabilities.
 */
#ifndef INIT_VM_BUILD_H
#define INIT_VM_BUILD_H

#include "vm.h"

/* Words of the control page: requests first, then the epoch of each service, then the balloon's. */
enum { CONTROL_EPOCHS = 1, CONTROL_BALLOON = CONTROL_EPOCHS + CONNECTION_KINDS };

/*
 * Makes all of it, for vm->settings in vm->slot. The threads do not run yet, and the services are
 * not told. On an error what there is of it is in vm->arena and vm->ram, and *step names what could
 * not be made.
 */
seL4_Error vm_build(struct vm *vm, const struct vm_host *host, const struct archive_file *vmm,
                    const char **step);

#endif
