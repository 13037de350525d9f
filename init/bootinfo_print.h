/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef INIT_BOOTINFO_PRINT_H
#define INIT_BOOTINFO_PRINT_H

#include <sel4/bootinfo.h>

/* Logs everything the boot information holds, chunks included. */
void bootinfo_print(const seL4_BootInfo *info);

#endif
