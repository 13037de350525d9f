/* SPDX-License-Identifier: BSD-2-Clause
 *
 * VT-d's interrupt remapping (VT-d specification 4.1, chapter 5; table entries 9.10). A message
 * names an entry of one table, which says what it becomes; from a device that the entry does not
 * name, or in the old format that names a vector itself, it becomes nothing.
 */
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/iommu/unit.h"
#include "x86/iommu/vtd.h"
#include "x86/percpu.h"

/* A page of entries: IRTA's size field is the exponent of their number less one (11.4.10). */
enum { ENTRIES = PAGE_SIZE / 16, ENTRIES_SIZE = 7 };
#define IRTA_X2APIC        BIT(11)
#define ENTRY_PRESENT      BIT(0)
#define ENTRY_SILENT       BIT(1) /* no fault is recorded */
#define ENTRY_LEVEL        BIT(4)
#define ENTRY_VECTOR_SHIFT 16
#define ENTRY_TARGET_SHIFT 32
#define ENTRY_CHECK_SOURCE (1ull << 18) /* all 16 bits of it */

_Static_assert(IRQ_COUNT <= ENTRIES, "an entry for each user interrupt");
_Static_assert(1 << (ENTRIES_SIZE + 1) == ENTRIES, "VT-d 11.4.10");

static struct entry {
    volatile uint64_t low, high;
} * table; /* null: interrupts are not remapped */
_Static_assert(sizeof(struct entry) == 16, "VT-d 9.10");
static uint32_t target; /* the boot core, as entries name it */
static uint16_t ioapic_sources[CONFIG_MAX_IOAPICS];

bool unit_remaps_interrupts(void)
{
    return table != NULL;
}

uint16_t unit_ioapic_source(unsigned ioapic)
{
    return ioapic_sources[ioapic];
}

/* An entry is never seen with half of another in it: it goes first, and its present half comes
 * last. */
static void write_entry(unsigned index, uint64_t low, uint64_t high)
{
    struct entry *e = &table[index];
    e->low = ENTRY_SILENT;
    vtd_publish((const void *)e, sizeof(*e));
    vtd_flush_interrupt(index);
    e->high = high;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    e->low = low;
    vtd_publish((const void *)e, sizeof(*e));
    vtd_flush_interrupt(index);
}

void unit_set_interrupt(unsigned index, unsigned vector, bool level, bool any_source,
                        uint16_t source)
{
    write_entry(index,
                (uint64_t)target << ENTRY_TARGET_SHIFT | (uint64_t)vector << ENTRY_VECTOR_SHIFT |
                    (level ? ENTRY_LEVEL : 0) | ENTRY_PRESENT,
                any_source ? 0 : ENTRY_CHECK_SOURCE | source);
}

void unit_hold_interrupt(unsigned index, bool hold)
{
    struct entry *e = &table[index];
    e->low =
        hold ? (e->low & ~ENTRY_PRESENT) | ENTRY_SILENT : (e->low & ~ENTRY_SILENT) | ENTRY_PRESENT;
    vtd_publish((const void *)e, sizeof(*e));
    vtd_flush_interrupt(index);
}

void unit_clear_interrupt(unsigned index)
{
    write_entry(index, 0, 0);
}

static bool find_ioapics(const struct acpi_info *acpi, const struct dmar_info *dmar)
{
    for (unsigned i = 0; i < acpi->ioapic_count; i++) {
        bool found = false;
        for (unsigned j = 0; j < dmar->ioapic_count && !found; j++) {
            found = dmar->ioapics[j].id == acpi->ioapics[i].id;
            ioapic_sources[i] = dmar->ioapics[j].source;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

void vtd_interrupt_init(const struct acpi_info *acpi, const struct dmar_info *dmar)
{
    uint64_t can = VTD_ECAP_INTERRUPTS | VTD_ECAP_X2APIC;
    for (unsigned i = 0; i < vtd_unit_count; i++) {
        can &= vtd_read64(&vtd_units[i], VTD_ECAP);
    }
    bool x2apic = cpu.x2apic && (can & VTD_ECAP_X2APIC);
    if (!dmar->remaps_interrupts || !(can & VTD_ECAP_INTERRUPTS) || !find_ioapics(acpi, dmar) ||
        (!x2apic && cores[0].apic_id >= 0xff)) {
        console_printf("quoin: interrupts are not remapped: a device may raise any\n");
        return;
    }
    target = x2apic ? cores[0].apic_id : cores[0].apic_id << 8;
    table = boot_alloc_pages(1, true);
    vtd_publish((const void *)table, PAGE_SIZE);
    for (unsigned i = 0; i < vtd_unit_count; i++) {
        vtd_write64(&vtd_units[i], VTD_IRTA,
                    arch_paddr((const void *)table).v | (x2apic ? IRTA_X2APIC : 0) | ENTRIES_SIZE);
        vtd_command(&vtd_units[i], VTD_SIRTP, 0, VTD_SIRTP, VTD_SIRTP);
    }
    vtd_flush_interrupts();
    for (unsigned i = 0; i < vtd_unit_count; i++) {
        vtd_command(&vtd_units[i], VTD_IRE, VTD_CFI, VTD_IRE, VTD_IRE);
    }
}
