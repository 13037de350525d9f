/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The thin layer between the VMM and the kernel.
 */
#ifndef VMM_TARGET_TARGET_H
#define VMM_TARGET_TARGET_H

#include <rt/log.h>
#include <vmconfig.h>

#include "vmm/startup.h"
#include "vmm/vm.h"

/* vCPU operations on a seL4 VCPU; vcpu.context is its struct vmm_startup_vcpu. */
extern const struct vcpu_operations target_operations;

/* Chooses the exit format. */
void target_initialize(const struct vmm_startup *startup);

/* The VM's lock: vm.lock and vm.unlock. */
void target_lock(struct vm *vm);
void target_unlock(struct vm *vm);

/* Puts the configuration's disks on the PCI bus; false: they do not fit. */
bool devices_attach(struct vm *vm, const struct vmm_startup *startup,
                    const struct vmconfig *config);

/*
 * The configuration's network card, on the connection to the switch; false: it does not fit.
 * network_poll does what is to be done after the switch's notification.
 */
bool network_attach(struct vm *vm, const struct vmm_startup *startup,
                    const struct vmconfig *config);
void network_poll(void);

/*
 * Puts the source of random numbers there, if the configuration has one and the entropy service has
 * any; false: it does not fit. Before the guest runs, on vCPU 0's thread. random_poll does what is
 * to be done after the service's notification.
 */
bool random_attach(struct vm *vm, const struct vmm_startup *startup, const struct vmconfig *config);
void random_poll(void);

/* The balloon, if the machine has one; false: it does not fit. balloon_poll does what init wants.
 */
bool balloon_attach(struct vm *vm, const struct vmm_startup *startup);
void balloon_poll(void);

/* The guest's serial output and the VMM's messages: rings of the console service. */
void console_initialize(const struct vmm_startup *startup);
bool console_byte(void *context, uint8_t byte);
/* How many bytes console_write takes, and as many at once. */
uint32_t console_room(void *context);
void console_write(void *context, const uint8_t *bytes, uint32_t length);
void console_log(enum log_level level, const char *text, size_t length);
/* Makes what was written visible at once and wakes the console service. */
void console_flush(void);
/* Moves waiting input into the guest's UART. */
void console_poll(struct vm *vm);

#endif
