/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Intel VT-d in legacy mode (VT-d specification 4.1: tables in chapter 9, registers in chapter 11).
 * One root table for all units; a device without a context entry reaches nothing.
 */
#include "x86/iommu/vtd.h"

#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/iommu/unit.h"
#include "x86/kspace.h"

#define GSTS_KEPT         0x96ffffffull /* what is a state and not a command, 11.4.4.1 */
#define SAGAW_39          2u            /* three levels; CAP bits 12:8 */
#define SAGAW_48          4u            /* four */
#define FECTL_MASKED      BIT(31)
#define FAULT_PRESENT     BIT(63) /* of a record's upper half */
#define MSI_ADDRESS       0xfee00000u
#define CONTEXT_PRESENT   BIT(0)
#define ENTRY_READ        BIT(0)
#define ENTRY_WRITE       BIT(1)
#define ENTRY_LARGE       BIT(7)
#define ENTRY_ADDRESS     0x000ffffffffff000ull
#define FAULTS_TOLD       16u
#define DOMAIN_COUNT      256u
#define BUSES             256u
#define CONTEXTS_OF_A_BUS 256u

struct context_entry {
    uint64_t low, high;
};
_Static_assert(sizeof(struct context_entry) == 16, "VT-d 9.3");

struct vtd_unit vtd_units[DMAR_MAX_UNITS];
unsigned vtd_unit_count;
static unsigned widths = SAGAW_48 | SAGAW_39; /* of addresses, that all units know */
static unsigned levels;
static unsigned frame_level = 2;
static bool coherent = true;           /* units snoop the caches when they read tables */
static struct context_entry *contexts; /* by bus, device and function */
static struct dmar_info dmar;
static unsigned domain_limit;
static uint64_t domains_used[DOMAIN_COUNT / 64];
static unsigned faults_told;

/* --- Registers -------------------------------------------------------------------------------- */

void vtd_command(const struct vtd_unit *u, uint64_t set, uint64_t clear, uint64_t mask,
                 uint64_t status)
{
    vtd_write32(u, VTD_GCMD, ((vtd_read32(u, VTD_GSTS) & GSTS_KEPT) & ~clear) | set);
    for (uint64_t i = 0; (vtd_read32(u, VTD_GSTS) & mask) != status; i++) {
        if (i == VTD_PATIENCE) {
            kernel_panic("an IOMMU does not obey");
        }
        asm_pause();
    }
}

void vtd_publish(const void *start, uint64_t bytes)
{
    if (!coherent) {
        for (uint64_t offset = 0; offset < bytes; offset += 64) {
            asm_clflush((const uint8_t *)start + offset);
        }
    }
    asm_mfence();
    for (unsigned i = 0; i < vtd_unit_count; i++) {
        if (vtd_units[i].needs_write_buffer_flush) {
            vtd_command(&vtd_units[i], VTD_WBF, 0, VTD_WBF, 0);
        }
    }
}

/* --- Context entries -------------------------------------------------------------------------- */

static unsigned domain_of(uint16_t device)
{
    return (unsigned)(contexts[device].high >> 8 & MASK(16));
}

static void write_context(uint16_t device, struct context_entry entry)
{
    struct context_entry *at = &contexts[device];
    /* Never a valid entry with half of another: first off, the present bit last. */
    *(volatile uint64_t *)&at->low = 0;
    *(volatile uint64_t *)&at->high = entry.high;
    *(volatile uint64_t *)&at->low = entry.low;
    vtd_publish(at, sizeof(*at));
    vtd_flush_contexts();
    vtd_flush_translations();
}

uint64_t *unit_root(uint16_t device)
{
    uint64_t low = contexts[device].low;
    return low & CONTEXT_PRESENT ? arch_window((struct paddr){low & ENTRY_ADDRESS}) : NULL;
}

bool unit_set_root(uint16_t device, const uint64_t *root)
{
    unsigned domain = 1; /* 0 is what caching mode tags absent entries with (6.1) */
    while (domain < domain_limit && domains_used[domain / 64] & BIT(domain % 64)) {
        domain++;
    }
    if (domain == domain_limit) {
        return false;
    }
    domains_used[domain / 64] |= BIT(domain % 64);
    write_context(device, (struct context_entry){arch_paddr(root).v | CONTEXT_PRESENT,
                                                 (uint64_t)domain << 8 | (levels - 2)});
    return true;
}

void unit_clear_root(uint16_t device)
{
    if (unit_root(device) != NULL) {
        unsigned domain = domain_of(device);
        write_context(device, (struct context_entry){0, 0});
        domains_used[domain / 64] &= ~BIT(domain % 64);
    }
}

bool unit_is_reserved(uint16_t device)
{
    for (unsigned i = 0; i < dmar.reserved_count; i++) {
        if (dmar.reserved[i].device == device) {
            return true;
        }
    }
    return false;
}

/* --- Entries of tables (9.8) ------------------------------------------------------------------ */

uint64_t unit_entry_for_table(struct paddr table)
{
    return table.v | ENTRY_READ | ENTRY_WRITE;
}

unsigned unit_frame_level(void)
{
    return frame_level;
}

uint64_t unit_entry_for_frame(struct paddr frame, unsigned level, bool read, bool write)
{
    return frame.v | (level > 0 ? ENTRY_LARGE : 0) | (read ? ENTRY_READ : 0) |
           (write ? ENTRY_WRITE : 0);
}

bool unit_entry_is_frame(uint64_t entry, unsigned level)
{
    return level == 0 || (entry & ENTRY_LARGE) != 0;
}

struct paddr unit_entry_target(uint64_t entry)
{
    return (struct paddr){entry & ENTRY_ADDRESS};
}

void unit_write_entries(uint16_t device, uint64_t *entry, unsigned count, uint64_t value,
                        uint64_t step)
{
    for (unsigned i = 0; i < count; i++) {
        ((volatile uint64_t *)entry)[i] = value + i * step;
    }
    vtd_publish(entry, count * sizeof(*entry));
    if (unit_root(device) != NULL) {
        vtd_flush_domain(domain_of(device));
    }
}

void unit_publish_table(const uint64_t *table)
{
    vtd_publish(table, PAGE_SIZE);
}

/* --- Faults ----------------------------------------------------------------------------------- */

/* Of a record: the reason in bits 39:32 of the upper half, 0x20 to 0x27 for interrupts, which have
 * their index in bits 63:48 of the lower (11.4.7.6 and table 26). */
static void tell_fault(uint64_t lower, uint64_t upper)
{
    unsigned device = (unsigned)(upper & MASK(16));
    unsigned reason = (unsigned)(upper >> 32 & MASK(8));
    if (reason >= 0x20 && reason < 0x28) {
        console_printf("kernel: device %x was kept from raising interrupt %u (reason %u)\n", device,
                       (unsigned)(lower >> 48), reason);
    } else {
        console_printf("kernel: device %x was kept from memory at %lx (reason %u)\n", device,
                       (uint64_t)(lower & ENTRY_ADDRESS), reason);
    }
}

void unit_interrupt(void)
{
    for (unsigned i = 0; i < vtd_unit_count; i++) {
        const struct vtd_unit *u = &vtd_units[i];
        for (unsigned j = 0; j < u->fault_count; j++) {
            volatile uint64_t *record = (volatile uint64_t *)(u->faults + j * 16);
            uint64_t upper = record[1];
            if (!(upper & FAULT_PRESENT)) {
                continue;
            }
            if (faults_told < FAULTS_TOLD) {
                faults_told++;
                tell_fault(record[0], upper);
            }
            record[1] = FAULT_PRESENT;
        }
        vtd_write32(u, VTD_FSTS, VTD_FSTS_RECORDS);
    }
}

/* Faults interrupt in a debug kernel only: a device could make any number of them. */
static void set_fault_interrupt(const struct vtd_unit *u)
{
    vtd_write32(u, VTD_FECTL, FECTL_MASKED);
    vtd_write32(u, VTD_FEDATA, VECTOR_IOMMU);
    vtd_write32(u, VTD_FEADDR, MSI_ADDRESS | (cores[0].apic_id & 0xff) << 12);
    vtd_write32(u, VTD_FEUADDR, 0);
    if (QUOIN_DEBUG && cores[0].apic_id < 0xff) {
        vtd_write32(u, VTD_FECTL, 0);
    }
}

/* --- Booting ---------------------------------------------------------------------------------- */

/* Finds out what the unit can do and takes what all can. False: it cannot do what is needed. */
static bool add_unit(uint64_t base)
{
    struct vtd_unit *u = &vtd_units[vtd_unit_count];
    u->registers = kspace_map_device((struct paddr){base}, VTD_SPACE);
    uint64_t cap = vtd_read64(u, VTD_CAP);
    uint64_t ecap = vtd_read64(u, VTD_ECAP);
    unsigned faults = (unsigned)(cap >> 24 & MASK(10)) * 16;
    u->fault_count = (unsigned)(cap >> 40 & MASK(8)) + 1;
    unsigned end = faults + u->fault_count * 16;
    if (end > VTD_SPACE || !(ecap & VTD_ECAP_QUEUE)) {
        return false;
    }
    u->faults = u->registers + faults;
    u->needs_write_buffer_flush = (cap & BIT(4)) != 0;
    coherent = coherent && (ecap & VTD_ECAP_COHERENT) != 0;
    widths &= (unsigned)(cap >> 8);
    levels = widths & SAGAW_48 ? 4 : widths & SAGAW_39 ? 3 : 0;
    /* SLLPS, bits 37:34: 2 MiB, 1 GiB (11.4.2). */
    unsigned large = cap & BIT(34) ? cap & BIT(35) ? 2 : 1 : 0;
    frame_level = large < frame_level ? large : frame_level;
    /* ND, bits 2:0: 2^(4 + 2 ND) domains. */
    unsigned domains = 1u << (4 + 2 * (cap & 7));
    domain_limit = domains < domain_limit ? domains : domain_limit;
    boot_reserve((struct paddr){base}, end);
    vtd_unit_count++;
    return levels != 0;
}

/* The device sees these pages where they are. */
static void map_identity(const struct dmar_reserved *r)
{
    uint64_t *root = unit_root(r->device);
    if (root == NULL) {
        root = boot_alloc_pages(1, true);
        if (!unit_set_root(r->device, root)) {
            return;
        }
    }
    for (uint64_t address = r->start; address < r->end; address += PAGE_SIZE) {
        uint64_t *table = root;
        for (unsigned level = levels - 1; level > 0; level--) {
            uint64_t *entry = &table[address >> (12 + 9 * level) & MASK(9)];
            if (*entry == 0) {
                *entry = unit_entry_for_table(arch_paddr(boot_alloc_pages(1, true)));
                vtd_publish(entry, sizeof(*entry));
            }
            table = arch_window(unit_entry_target(*entry));
        }
        table[address >> 12 & MASK(9)] =
            unit_entry_for_frame((struct paddr){address}, 0, true, true);
        vtd_publish(&table[address >> 12 & MASK(9)], 8);
    }
}

/* Whatever firmware had switched on but translation goes off; that stays until ours replaces it. */
static void switch_on(struct vtd_unit *u, const void *root_table)
{
    vtd_command(u, 0, VTD_IRE, VTD_IRE, 0);
    vtd_command(u, 0, VTD_QIE, VTD_QIE, 0);
    vtd_queue_init(u);
    set_fault_interrupt(u);
    vtd_write64(u, VTD_RTADDR, arch_paddr(root_table).v);
    vtd_command(u, VTD_SRTP, 0, VTD_SRTP, VTD_SRTP);
}

/* A word of configuration space by mechanism 1 (PCI 3.0, 3.2.2.3.2): nobody else uses its ports
 * yet. */
static uint32_t read_config(uint16_t device, unsigned offset)
{
    asm_out32(0xcf8, 0x80000000u | (uint32_t)device << 8 | offset);
    return asm_in32(0xcfc);
}

/* Header type 1, and the secondary bus number (PCIe 5.0, 7.5.1.3). */
static int bus_behind(uint16_t bridge)
{
    bool is_bridge = (read_config(bridge, 0x0c) >> 16 & 0x7f) == 1;
    return is_bridge ? (int)(read_config(bridge, 0x18) >> 8 & 0xff) : -1;
}

unsigned unit_init(const struct acpi_info *acpi, unsigned most)
{
    if (acpi->dmar.data == NULL) {
        return 0;
    }
    frame_level = most < frame_level ? most : frame_level;
    const char *wrong = dmar_parse(acpi->dmar.data, acpi->dmar.length, bus_behind, &dmar);
    if (wrong != NULL) {
        boot_fail(wrong); /* without isolation it would not be the system that was asked for */
    }
    domain_limit = DOMAIN_COUNT;
    for (unsigned i = 0; i < dmar.unit_count; i++) {
        if (!add_unit(dmar.units[i])) {
            boot_fail("an IOMMU lacks tables of three or four levels, or a queue");
        }
    }
    if (vtd_unit_count == 0) {
        return 0;
    }
    struct context_entry *root_table = boot_alloc_pages(1, true);
    contexts = boot_alloc_pages(BUSES, true);
    for (unsigned bus = 0; bus < BUSES; bus++) {
        root_table[bus].low = arch_paddr(&contexts[bus * CONTEXTS_OF_A_BUS]).v | CONTEXT_PRESENT;
    }
    vtd_publish(root_table, PAGE_SIZE);
    vtd_publish(contexts, BUSES * PAGE_SIZE);
    for (unsigned i = 0; i < vtd_unit_count; i++) {
        switch_on(&vtd_units[i], root_table);
    }
    vtd_flush_contexts();
    vtd_flush_translations();
    for (unsigned i = 0; i < dmar.reserved_count; i++) {
        map_identity(&dmar.reserved[i]);
    }
    for (unsigned i = 0; i < vtd_unit_count; i++) {
        vtd_command(&vtd_units[i], VTD_TE, 0, VTD_TE, VTD_TE);
    }
    vtd_interrupt_init(acpi, &dmar);
    if (dmar.left_out != 0) {
        console_printf("quoin: %u entries of the DMAR table are not used\n", dmar.left_out);
    }
    return levels;
}
