/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions in entry code that depend on the processor.
 */
#ifndef KERNEL_X86_PATCH_H
#define KERNEL_X86_PATCH_H

/* Boot core, after cpu_detect and while the text is still writable. */
void patch_entry_code(void);

#endif
