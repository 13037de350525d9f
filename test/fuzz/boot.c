/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The boot loaders on any kernel file.
 */
#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "vmm/firmware/boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct machine *machine;
    if (machine == NULL)
        machine = machine_create(1, VM_VENDOR_AMD);
    struct boot_image image = {
        .kernel = {data, size}, .initrd = {data, size / 2}, .command_line = "console=ttyS0"};
    boot_linux(&machine->vm, &image, 0xe0000);
    boot_pvh(&machine->vm, &image, 0xe0000);
    if (boot_is_multiboot(&image.kernel))
        boot_multiboot(&machine->vm, &image);
    return 0;
}
