/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A vCPU's accesses to its memory as its own instructions make them: segments, paging, RAM or
 * device.
 */
#ifndef VMM_VCPU_ACCESS_H
#define VMM_VCPU_ACCESS_H

#include "vmm/decode/insn.h"
#include "vmm/decode/walk.h"
#include "vmm/vcpu/vcpu.h"

/* Default size of the code segment: 2, 4, or 8 in 64-bit mode. */
unsigned access_mode(const struct vcpu *vcpu);

/* Paging state; the privilege level comes from SS. */
void access_walk_state(struct vcpu *vcpu, struct walk_state *state);

/* Linear address of an offset in a segment (enum segment). */
uint64_t access_linear(struct vcpu *vcpu, unsigned segment, uint64_t offset);

/* Cuts an offset to the address size. */
uint64_t access_mask(uint64_t offset, unsigned address_size);

enum access_result {
    ACCESS_OK = 0,
    ACCESS_FAULT = -1,  /* an exception has been queued: the instruction is over */
    ACCESS_FAILED = -2, /* cannot be carried out: the guest's tables are not in RAM */
};

/* Accesses of 1, 2, 4 or 8 bytes at a guest-physical address: RAM or a device. */
uint64_t access_read_physical(struct vcpu *vcpu, uint64_t address, unsigned size);
void access_write_physical(struct vcpu *vcpu, uint64_t address, unsigned size, uint64_t value);

/* The same at a linear address; queues #PF for the guest. */
int access_read(struct vcpu *vcpu, uint64_t linear, unsigned size, uint64_t *value);
int access_write(struct vcpu *vcpu, uint64_t linear, unsigned size, uint64_t value);

/* Checks that a linear address can be written, without writing. */
int access_probe_write(struct vcpu *vcpu, uint64_t linear, unsigned size);

/* The instruction at RIP, fetched and decoded where it is not known; from the bytes that the
 * processor reported, if it did, where fetching is not simple (known.h). Good until the next exit.
 */
int access_fetch(struct vcpu *vcpu, const struct exit *exit, const struct insn **insn);

#endif
