/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/ioapic.h"

#include "config.h"
#include "object/sched.h"
#include "x86/acpi.h"
#include "x86/asm.h"
#include "x86/kspace.h"

/* 82093AA, section 3: two windows, indirect registers. */
enum { WINDOW_SELECT = 0, WINDOW_DATA = 0x10 / 4, REGISTER_VERSION = 1, REGISTER_TABLE = 0x10 };
#define ENTRY_MASKED     BIT(16)
#define ENTRY_LEVEL      BIT(15)
#define ENTRY_ACTIVE_LOW BIT(13)

enum { PIC1_COMMAND = 0x20, PIC1_DATA = 0x21, PIC2_COMMAND = 0xa0, PIC2_DATA = 0xa1 };

static struct {
    volatile uint32_t *window;
    unsigned pins;
} ioapics[CONFIG_MAX_IOAPICS];
static unsigned count;

static uint32_t ioapic_read(unsigned i, unsigned index)
{
    ioapics[i].window[WINDOW_SELECT] = index;
    return ioapics[i].window[WINDOW_DATA];
}

static void ioapic_write(unsigned i, unsigned index, uint32_t value)
{
    ioapics[i].window[WINDOW_SELECT] = index;
    ioapics[i].window[WINDOW_DATA] = value;
}

/* Both PICs initialised, so that a stray interrupt has a vector of ours (0x20..0x2f), and masked.
 */
void pic_disable(void)
{
    asm_out8(PIC1_COMMAND, 0x11);
    asm_out8(PIC2_COMMAND, 0x11);
    asm_out8(PIC1_DATA, VECTOR_ISA_FIRST);
    asm_out8(PIC2_DATA, VECTOR_ISA_FIRST + 8);
    asm_out8(PIC1_DATA, 4);
    asm_out8(PIC2_DATA, 2);
    asm_out8(PIC1_DATA, 1);
    asm_out8(PIC2_DATA, 1);
    asm_out8(PIC1_DATA, 0xff);
    asm_out8(PIC2_DATA, 0xff);
}

void ioapic_init(const struct acpi_info *acpi)
{
    count = acpi->ioapic_count;
    for (unsigned i = 0; i < count; i++) {
        struct paddr base = {acpi->ioapics[i].address};
        boot_reserve(base, PAGE_SIZE);
        ioapics[i].window = (volatile uint32_t *)kspace_map_device(base, 0x20);
        ioapics[i].pins = (ioapic_read(i, REGISTER_VERSION) >> 16 & 0xff) + 1;
        for (unsigned pin = 0; pin < ioapics[i].pins; pin++) {
            ioapic_write(i, REGISTER_TABLE + 2 * pin, (uint32_t)ENTRY_MASKED);
            ioapic_write(i, REGISTER_TABLE + 2 * pin + 1, 0);
        }
    }
}

unsigned ioapic_count(void)
{
    return count;
}

unsigned ioapic_pins(unsigned ioapic)
{
    return ioapics[ioapic].pins;
}

/* Remapped (VT-d specification 4.1, 5.1.5.1): bit 48 says so, bits 63:49 are the entry's number;
 * the vector is that of the end of a level interrupt. */
void ioapic_route(unsigned ioapic, unsigned pin, bool level, bool active_low, unsigned vector,
                  bool remapped)
{
    uint32_t high =
        remapped ? (vector - VECTOR_USER_FIRST) << 17 | 1u << 16 : cores[0].apic_id << 24;
    uint32_t low = (uint32_t)ENTRY_MASKED | vector;
    low |= level ? (uint32_t)ENTRY_LEVEL : 0;
    low |= active_low ? (uint32_t)ENTRY_ACTIVE_LOW : 0;
    ioapic_write(ioapic, REGISTER_TABLE + 2 * pin, low);
    ioapic_write(ioapic, REGISTER_TABLE + 2 * pin + 1, high);
}

void ioapic_mask(unsigned ioapic, unsigned pin, bool mask)
{
    uint32_t low = ioapic_read(ioapic, REGISTER_TABLE + 2 * pin);
    low = mask ? low | (uint32_t)ENTRY_MASKED : low & ~(uint32_t)ENTRY_MASKED;
    ioapic_write(ioapic, REGISTER_TABLE + 2 * pin, low);
}
