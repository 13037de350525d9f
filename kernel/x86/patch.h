/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instructions that depend on the processor.
 */
#ifndef KERNEL_X86_PATCH_H
#define KERNEL_X86_PATCH_H

/* Boot core, after cpu_detect and while the text is still writable. */
void patch_code(void);

#endif
