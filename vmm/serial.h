/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A guest that writes its serial line one byte at a time, as kernels do until they have a driver,
 * costs two exits a byte: a look at the line status, and the byte. The kernel can do both in the
 * VMM's stead (QUOIN_LABEL_VCPU_SERVE_PORT). With one vCPU alone: the bytes of several would not
 * keep their order.
 */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include "vmm/vm.h"

/* Has the kernel answer for the line status while that is constant. Before the first entry, with
 * the UART in the state after power-up; nothing where the layer below cannot serve ports. */
void serial_initialize(struct vm *vm);

/* The guest has sent a byte: those that follow may be collected in the next entry. */
void serial_offer(struct vm *vm);

/* After an entry that brought collected bytes, before anything else that it reports. */
void serial_take(struct vcpu *vcpu);

#endif
