/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Intel VT-d in legacy mode with register based invalidation (VT-d specification 4.1: tables in
 * chapter 9, registers in chapter 11). One root table for all units; a device without a context
 * entry reaches nothing.
 */
#include "x86/arch.h"
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/iommu/dmar.h"
#include "x86/iommu/unit.h"
#include "x86/kspace.h"

/* Offsets in bytes. */
enum {
    REG_CAP = 0x08,
    REG_ECAP = 0x10,
    REG_GCMD = 0x18,
    REG_GSTS = 0x1c,
    REG_RTADDR = 0x20,
    REG_CCMD = 0x28,
    REG_FSTS = 0x34,
    REG_FECTL = 0x38,
    REG_FEDATA = 0x3c,
    REG_FEADDR = 0x40,
    REG_FEUADDR = 0x44,
    REG_SPACE = 0x4000, /* the largest offset that CAP and ECAP can name, and more */
};
#define GCMD_TE           BIT(31)
#define GCMD_SRTP         BIT(30)
#define GCMD_WBF          BIT(27)
#define GCMD_QIE          BIT(26)
#define GCMD_IRE          BIT(25)
#define GSTS_KEPT         0x96ffffffull /* what is a state and not a command, 11.4.4.1 */
#define SAGAW_39          2u            /* three levels; CAP bits 12:8 */
#define SAGAW_48          4u            /* four */
#define CCMD_GLOBAL       (BIT(63) | 1ull << 61)
#define CCMD_PENDING      BIT(63)
#define IOTLB_GLOBAL      (BIT(63) | 1ull << 60 | BIT(49) | BIT(48))
#define IOTLB_DOMAIN      (BIT(63) | 2ull << 60 | BIT(49) | BIT(48))
#define IOTLB_PENDING     BIT(63)
#define FECTL_MASKED      BIT(31)
#define FSTS_RECORDS      0x7full /* write 1 to clear */
#define FAULT_PRESENT     BIT(63) /* of a record's upper half */
#define MSI_ADDRESS       0xfee00000u
#define CONTEXT_PRESENT   BIT(0)
#define ENTRY_READ        BIT(0)
#define ENTRY_WRITE       BIT(1)
#define ENTRY_ADDRESS     0x000ffffffffff000ull
#define PATIENCE          BIT(28) /* turns; a unit that takes longer is broken */
#define FAULTS_TOLD       16u
#define DOMAIN_COUNT      256u
#define BUSES             256u
#define CONTEXTS_OF_A_BUS 256u

struct context_entry {
    uint64_t low, high;
};
_Static_assert(sizeof(struct context_entry) == 16, "VT-d 9.3");

struct unit {
    volatile uint8_t *registers;
    volatile uint8_t *iotlb; /* IOTLB_REG */
    volatile uint8_t *faults;
    unsigned fault_count;
    bool needs_write_buffer_flush;
};

static struct unit units[DMAR_MAX_UNITS];
static unsigned unit_count;
static unsigned widths = SAGAW_48 | SAGAW_39; /* of addresses, that all units know */
static unsigned levels;
static bool coherent = true;           /* units snoop the caches when they read tables */
static struct context_entry *contexts; /* by bus, device and function */
static struct dmar_info dmar;
static unsigned domain_limit;
static uint64_t domains_used[DOMAIN_COUNT / 64];
static unsigned faults_told;

/* --- Registers -------------------------------------------------------------------------------- */

static uint32_t read32(const struct unit *u, unsigned offset)
{
    return *(volatile uint32_t *)(u->registers + offset);
}
static void write32(const struct unit *u, unsigned offset, uint64_t value)
{
    *(volatile uint32_t *)(u->registers + offset) = (uint32_t)value;
}
static uint64_t read64(const struct unit *u, unsigned offset)
{
    return *(volatile uint64_t *)(u->registers + offset);
}
static void write64(const struct unit *u, unsigned offset, uint64_t value)
{
    *(volatile uint64_t *)(u->registers + offset) = value;
}

static void wait_clear(volatile uint64_t *reg, uint64_t bit)
{
    for (uint64_t i = 0; *reg & bit; i++) {
        if (i == PATIENCE) {
            kernel_panic("an IOMMU does not finish an invalidation");
        }
        asm_pause();
    }
}

/* One command; status is what its end looks like. */
static void command(const struct unit *u, uint64_t set, uint64_t clear, uint64_t mask,
                    uint64_t status)
{
    write32(u, REG_GCMD, ((read32(u, REG_GSTS) & GSTS_KEPT) & ~clear) | set);
    for (uint64_t i = 0; (read32(u, REG_GSTS) & mask) != status; i++) {
        if (i == PATIENCE) {
            kernel_panic("an IOMMU does not obey");
        }
        asm_pause();
    }
}

/* --- Invalidation ----------------------------------------------------------------------------- */

/* What the processor wrote is in memory, where units that do not snoop see it. */
static void publish(const void *start, uint64_t bytes)
{
    if (!coherent) {
        for (uint64_t offset = 0; offset < bytes; offset += 64) {
            asm_clflush((const uint8_t *)start + offset);
        }
    }
    asm_mfence();
    for (unsigned i = 0; i < unit_count; i++) {
        if (units[i].needs_write_buffer_flush) {
            command(&units[i], GCMD_WBF, 0, GCMD_WBF, 0);
        }
    }
}

static void flush_contexts(void)
{
    for (unsigned i = 0; i < unit_count; i++) {
        const struct unit *u = &units[i];
        write64(u, REG_CCMD, CCMD_GLOBAL);
        wait_clear((volatile uint64_t *)(u->registers + REG_CCMD), CCMD_PENDING);
    }
}

static void flush_translations(uint64_t request)
{
    for (unsigned i = 0; i < unit_count; i++) {
        volatile uint64_t *iotlb = (volatile uint64_t *)units[i].iotlb;
        *iotlb = request;
        wait_clear(iotlb, IOTLB_PENDING);
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
    publish(at, sizeof(*at));
    flush_contexts();
    flush_translations(IOTLB_GLOBAL);
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

uint64_t unit_entry_for_frame(struct paddr frame, bool read, bool write)
{
    return frame.v | (read ? ENTRY_READ : 0) | (write ? ENTRY_WRITE : 0);
}

struct paddr unit_entry_target(uint64_t entry)
{
    return (struct paddr){entry & ENTRY_ADDRESS};
}

void unit_write_entry(uint16_t device, uint64_t *entry, uint64_t value)
{
    *(volatile uint64_t *)entry = value;
    publish(entry, sizeof(*entry));
    if (unit_root(device) != NULL) {
        flush_translations(IOTLB_DOMAIN | (uint64_t)domain_of(device) << 32);
    }
}

void unit_publish_table(const uint64_t *table)
{
    publish(table, PAGE_SIZE);
}

/* --- Faults ----------------------------------------------------------------------------------- */

void unit_interrupt(void)
{
    for (unsigned i = 0; i < unit_count; i++) {
        const struct unit *u = &units[i];
        for (unsigned j = 0; j < u->fault_count; j++) {
            volatile uint64_t *record = (volatile uint64_t *)(u->faults + j * 16);
            uint64_t upper = record[1];
            if (!(upper & FAULT_PRESENT)) {
                continue;
            }
            if (faults_told < FAULTS_TOLD) {
                faults_told++;
                console_printf("kernel: device %x was kept from memory at %lx (reason %u)\n",
                               (unsigned)(upper & MASK(16)), (uint64_t)(record[0] & ENTRY_ADDRESS),
                               (unsigned)(upper >> 32 & MASK(8)));
            }
            record[1] = FAULT_PRESENT;
        }
        write32(u, REG_FSTS, FSTS_RECORDS);
    }
}

/* Faults interrupt in a debug kernel only: a device could make any number of them. */
static void set_fault_interrupt(const struct unit *u)
{
    write32(u, REG_FECTL, FECTL_MASKED);
    write32(u, REG_FEDATA, VECTOR_IOMMU);
    write32(u, REG_FEADDR, MSI_ADDRESS | (cores[0].apic_id & 0xff) << 12);
    write32(u, REG_FEUADDR, 0);
    if (QUOIN_DEBUG && cores[0].apic_id < 0xff) {
        write32(u, REG_FECTL, 0);
    }
}

/* --- Booting ---------------------------------------------------------------------------------- */

/* Finds out what the unit can do and takes what all can. False: it cannot do what is needed. */
static bool add_unit(uint64_t base)
{
    struct unit *u = &units[unit_count];
    u->registers = kspace_map_device((struct paddr){base}, REG_SPACE);
    uint64_t cap = read64(u, REG_CAP);
    uint64_t ecap = read64(u, REG_ECAP);
    unsigned iotlb = (unsigned)(ecap >> 8 & MASK(10)) * 16 + 8;
    unsigned faults = (unsigned)(cap >> 24 & MASK(10)) * 16;
    u->fault_count = (unsigned)(cap >> 40 & MASK(8)) + 1;
    unsigned end = faults + u->fault_count * 16;
    if (end > REG_SPACE || iotlb + 8 > REG_SPACE) {
        return false;
    }
    u->iotlb = u->registers + iotlb;
    u->faults = u->registers + faults;
    u->needs_write_buffer_flush = (cap & BIT(4)) != 0;
    coherent = coherent && (ecap & 1) != 0;
    widths &= (unsigned)(cap >> 8);
    levels = widths & SAGAW_48 ? 4 : widths & SAGAW_39 ? 3 : 0;
    /* ND, bits 2:0: 2^(4 + 2 ND) domains. */
    unsigned domains = 1u << (4 + 2 * (cap & 7));
    domain_limit = domains < domain_limit ? domains : domain_limit;
    boot_reserve((struct paddr){base}, end > iotlb + 8 ? end : iotlb + 8);
    unit_count++;
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
                publish(entry, sizeof(*entry));
            }
            table = arch_window(unit_entry_target(*entry));
        }
        table[address >> 12 & MASK(9)] = unit_entry_for_frame((struct paddr){address}, true, true);
        publish(&table[address >> 12 & MASK(9)], 8);
    }
}

static void switch_on(const struct unit *u, const void *root_table)
{
    command(u, 0, GCMD_QIE, GCMD_QIE, 0);
    command(u, 0, GCMD_IRE, GCMD_IRE, 0);
    set_fault_interrupt(u);
    write64(u, REG_RTADDR, arch_paddr(root_table).v);
    command(u, GCMD_SRTP, 0, GCMD_SRTP, GCMD_SRTP);
}

unsigned unit_init(const struct acpi_info *acpi)
{
    if (acpi->dmar.data == NULL) {
        return 0;
    }
    const char *wrong = dmar_parse(acpi->dmar.data, acpi->dmar.length, &dmar);
    if (wrong != NULL) {
        boot_fail(wrong); /* without isolation it would not be the system that was asked for */
    }
    domain_limit = DOMAIN_COUNT;
    for (unsigned i = 0; i < dmar.unit_count; i++) {
        if (!add_unit(dmar.units[i])) {
            boot_fail("an IOMMU lacks tables of three or four levels");
        }
    }
    if (unit_count == 0) {
        return 0;
    }
    struct context_entry *root_table = boot_alloc_pages(1, true);
    contexts = boot_alloc_pages(BUSES, true);
    for (unsigned bus = 0; bus < BUSES; bus++) {
        root_table[bus].low = arch_paddr(&contexts[bus * CONTEXTS_OF_A_BUS]).v | CONTEXT_PRESENT;
    }
    publish(root_table, PAGE_SIZE);
    publish(contexts, BUSES * PAGE_SIZE);
    for (unsigned i = 0; i < unit_count; i++) {
        switch_on(&units[i], root_table);
    }
    flush_contexts();
    flush_translations(IOTLB_GLOBAL);
    for (unsigned i = 0; i < dmar.reserved_count; i++) {
        map_identity(&dmar.reserved[i]);
    }
    for (unsigned i = 0; i < unit_count; i++) {
        command(&units[i], GCMD_TE, 0, GCMD_TE, GCMD_TE);
    }
    if (dmar.left_out != 0) {
        console_printf("quoin: %u entries of the DMAR table are not used\n", dmar.left_out);
    }
    return levels;
}
