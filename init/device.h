/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Device memory: the untypeds that the kernel calls devices, cut down to what somebody is given.
 */
#ifndef INIT_DEVICE_H
#define INIT_DEVICE_H

#include <sel4/sel4.h>

void device_init(const seL4_BootInfo *info);

/*
 * The untyped of 2^bits bytes (12 or more) at a physical address, a multiple of them: or 0, when it
 * is no device memory or somebody has a part of it. Never given back.
 */
seL4_Untyped device_untyped(seL4_Word physical, unsigned bits);

#endif
