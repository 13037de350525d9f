/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/firmware/boot.h"

#include <string.h>

#include "vmm/firmware/acpi.h"

#define LOW_END  0x9fc00ull
#define LEGACY   0xa0000ull
#define ONE_MIB  0x100000ull
#define FOUR_GIB 0x100000000ull

const char *boot_error_text(int error)
{
    switch (error) {
    case BOOT_OK:
        return "no error";
    case BOOT_ERROR_FORMAT:
        return "the kernel is no bzImage, and no ELF with a PVH entry or a Multiboot header";
    case BOOT_ERROR_OLD:
        return "the kernel's boot protocol is older than 2.06";
    case BOOT_ERROR_TRUNCATED:
        return "the kernel file is shorter than its headers say";
    case BOOT_ERROR_MEMORY:
        return "kernel and initrd do not fit into the guest's memory";
    case BOOT_ERROR_COMMAND_LINE:
        return "the command line is too long";
    default:
        return "unknown error";
    }
}

unsigned boot_memory_map(const struct vm *vm, struct boot_range *ranges)
{
    uint64_t low = memory_low_size(&vm->memory);
    uint64_t high = memory_high_size(&vm->memory);
    unsigned count = 0;
    ranges[count++] = (struct boot_range){0, LOW_END, 1};
    ranges[count++] = (struct boot_range){LOW_END, LEGACY - LOW_END, 2}; /* EBDA */
    ranges[count++] =
        (struct boot_range){ACPI_TABLES_BASE, ONE_MIB - ACPI_TABLES_BASE, 2}; /* ACPI tables */
    if (low > ONE_MIB)
        ranges[count++] = (struct boot_range){ONE_MIB, low - ONE_MIB, 1};
    ranges[count++] = (struct boot_range){PCI_ECAM_BASE, PCI_ECAM_SIZE, 2};
    if (high != 0)
        ranges[count++] = (struct boot_range){FOUR_GIB, high, 1};
    return count;
}

uint64_t boot_place_initrd(struct vm *vm, const struct boot_blob *initrd, uint64_t floor,
                           uint64_t limit)
{
    uint64_t end = memory_low_size(&vm->memory);
    if (end > limit)
        end = limit;
    if (initrd->size > end)
        return 0;
    uint64_t start = (end - initrd->size) & ~0xfffull;
    if (start < floor || start == 0)
        return 0;
    if (memory_write(&vm->memory, gpa(start), initrd->data, initrd->size) != MEMORY_OK)
        return 0;
    return start;
}

int boot_place_command_line(struct vm *vm, const char *text, uint64_t limit)
{
    uint64_t length = strlen(text);
    if (length > limit || length >= BOOT_COMMAND_LINE_SIZE)
        return BOOT_ERROR_COMMAND_LINE;
    if (memory_write(&vm->memory, gpa(BOOT_COMMAND_LINE), text, length + 1) != MEMORY_OK)
        return BOOT_ERROR_MEMORY;
    return BOOT_OK;
}

/* Descriptors 0x10 code, 0x18 data, 0x20 TSS, as both boot protocols name them. */
static void load_gdt(struct vm *vm, bool long_mode)
{
    struct vcpu *vcpu = &vm->vcpu[0];
    const uint64_t gdt[6] = {0,
                             0,
                             long_mode ? 0x00af9b000000ffffull : 0x00cf9b000000ffffull,
                             0x00cf93000000ffffull,
                             0x00008b000000ffffull,
                             0};
    memory_write(&vm->memory, gpa(BOOT_GDT), gdt, sizeof(gdt));
    vcpu->operations->write(vcpu, FIELD_GDTR_BASE, BOOT_GDT);
    vcpu->operations->write(vcpu, FIELD_GDTR_LIMIT, sizeof(gdt) - 1);
    vcpu_set_flat_segments(vcpu, long_mode);
}

void boot_enter_32(struct vm *vm, uint64_t entry)
{
    struct vcpu *vcpu = &vm->vcpu[0];
    load_gdt(vm, false);
    vcpu_set_control_registers(vcpu, 0x11, 0, 0, 0); /* PE, ET */
    vcpu->mr[QUOIN_VM_RIP] = entry;
}

int boot_enter_64(struct vm *vm, uint64_t entry)
{
    struct vcpu *vcpu = &vm->vcpu[0];
    uint64_t *tables = (uint64_t *)(void *)memory_at(&vm->memory, gpa(BOOT_PAGE_TABLES), 6 * 4096);
    if (tables == NULL)
        return BOOT_ERROR_MEMORY;
    memset(tables, 0, 2 * 4096);
    tables[0] = (BOOT_PAGE_TABLES + 0x1000) | 3;
    for (uint64_t i = 0; i < 4; i++)
        tables[512 + i] = (BOOT_PAGE_TABLES + 0x2000 + i * 0x1000) | 3;
    for (uint64_t i = 0; i < 4 * 512; i++)
        tables[1024 + i] = i << 21 | 0x83;
    load_gdt(vm, true);
    /* PE, ET, NE, PG; PAE; LME, LMA */
    vcpu_set_control_registers(vcpu, 0x80000031, BOOT_PAGE_TABLES, 0x20, 0x500);
    vcpu->mr[QUOIN_VM_RIP] = entry;
    return BOOT_OK;
}

int boot_load(struct vm *vm, const struct boot_image *image)
{
    uint8_t *tables = memory_at(&vm->memory, gpa(ACPI_TABLES_BASE), ACPI_TABLES_SIZE);
    if (tables == NULL)
        return BOOT_ERROR_MEMORY;
    if (acpi_build(tables, ACPI_TABLES_SIZE, ACPI_TABLES_BASE, vm->vcpu_count, vm->has_hpet) < 0)
        return BOOT_ERROR_MEMORY;
    pci_assign(&vm->pci);
    if (image->kernel.size >= 4 && memcmp(image->kernel.data, "\177ELF", 4) == 0)
        return boot_is_multiboot(&image->kernel) ? boot_multiboot(vm, image)
                                                 : boot_pvh(vm, image, ACPI_TABLES_BASE);
    return boot_linux(vm, image, ACPI_TABLES_BASE);
}
