/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a component defines and what lib/rt offers at its start.
 */
#ifndef RT_COMPONENT_H
#define RT_COMPONENT_H

#include <sel4/bootinfo.h>

/*
 * The component's entry, on the first thread, with thread-local data and IPC buffer set up. info is
 * what the kernel gave the root task; a component that init starts gets a seL4_BootInfo too, of
 * which only the fields init fills are meaningful. Returning is a panic.
 */
void component_main(const seL4_BootInfo *info);

/* First address behind the component's image, page aligned (from the linker script). */
extern char rt_image_end[];

#endif
