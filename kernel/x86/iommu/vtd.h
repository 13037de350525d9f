/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of the VT-d driver share: the units and their registers (VT-d specification 4.1,
 * chapter 11). Lock held, or booting.
 */
#ifndef KERNEL_X86_IOMMU_VTD_H
#define KERNEL_X86_IOMMU_VTD_H

#include "x86/arch.h"
#include "x86/iommu/dmar.h"

/* Offsets in bytes. */
enum {
    VTD_CAP = 0x08,
    VTD_ECAP = 0x10,
    VTD_GCMD = 0x18,
    VTD_GSTS = 0x1c,
    VTD_RTADDR = 0x20,
    VTD_FSTS = 0x34,
    VTD_FECTL = 0x38,
    VTD_FEDATA = 0x3c,
    VTD_FEADDR = 0x40,
    VTD_FEUADDR = 0x44,
    VTD_IQT = 0x88,
    VTD_IQA = 0x90,
    VTD_IRTA = 0xb8,
    VTD_SPACE = 0x4000, /* the largest offset that CAP and ECAP can name, and more */
};
#define VTD_ECAP_COHERENT    BIT(0)
#define VTD_ECAP_QUEUE       BIT(1)
#define VTD_ECAP_INTERRUPTS  BIT(3)
#define VTD_ECAP_X2APIC      BIT(4)
#define VTD_TE               BIT(31) /* of GCMD and GSTS */
#define VTD_SRTP             BIT(30)
#define VTD_WBF              BIT(27)
#define VTD_QIE              BIT(26)
#define VTD_IRE              BIT(25)
#define VTD_SIRTP            BIT(24)
#define VTD_CFI              BIT(23)
#define VTD_FSTS_RECORDS     0x7full /* write 1 to clear */
#define VTD_FSTS_QUEUE_ERROR BIT(4)
#define VTD_PATIENCE         BIT(28) /* turns; a unit that takes longer is broken */

struct vtd_unit {
    volatile uint8_t *registers;
    volatile uint8_t *faults;
    unsigned fault_count;
    bool needs_write_buffer_flush;
    volatile uint64_t *queue;        /* a page of descriptors of two words */
    volatile uint32_t *queue_status; /* the last wait descriptor that the unit came to */
    unsigned queue_tail;             /* descriptor */
    uint32_t queue_turn;
};

extern struct vtd_unit vtd_units[DMAR_MAX_UNITS];
extern unsigned vtd_unit_count;

static inline uint32_t vtd_read32(const struct vtd_unit *u, unsigned offset)
{
    return *(volatile uint32_t *)(u->registers + offset);
}
static inline void vtd_write32(const struct vtd_unit *u, unsigned offset, uint64_t value)
{
    *(volatile uint32_t *)(u->registers + offset) = (uint32_t)value;
}
static inline uint64_t vtd_read64(const struct vtd_unit *u, unsigned offset)
{
    return *(volatile uint64_t *)(u->registers + offset);
}
static inline void vtd_write64(const struct vtd_unit *u, unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(u->registers + offset) = value;
}

/* One command in GCMD: bits to set and to clear; it has ended when GSTS & mask is status. */
void vtd_command(const struct vtd_unit *u, uint64_t set, uint64_t clear, uint64_t mask,
                 uint64_t status);
/* What the processor wrote is in memory, where units that do not snoop see it. */
void vtd_publish(const void *start, uint64_t bytes);

/* --- Invalidation (vtd_queue.c) ----------------------------------------------------------------
 */

/* Booting, nothing else of the unit switched on: makes its queue. */
void vtd_queue_init(struct vtd_unit *u);
/* All units forget, and have forgotten on return: what they know of which device has which space;
 * every translation; those of one domain; one entry of the interrupt table, or all. */
void vtd_flush_contexts(void);
void vtd_flush_translations(void);
void vtd_flush_domain(unsigned domain);
void vtd_flush_interrupt(unsigned index);
void vtd_flush_interrupts(void);

/* --- Interrupts (vtd_interrupt.c) --------------------------------------------------------------
 */

/* Booting: from here on only interrupts in the table come through, if all units and the platform
 * can do that and every I/O APIC is known; else nothing is changed. */
void vtd_interrupt_init(const struct acpi_info *acpi, const struct dmar_info *dmar);

#endif
