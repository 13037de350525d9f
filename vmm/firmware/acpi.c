/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/firmware/acpi.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "vmm/device/hpet.h"
#include "vmm/device/pci.h"
#include "vmm/device/power.h"

/* Made by iasl from dsdt.asl: `unsigned char dsdt_aml_code[]`. */
#include "dsdt.hex"

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} __attribute__((packed));

/* Generic address structure (ACPI 5.2.3.2). */
struct acpi_address {
    uint8_t space; /* 0 memory, 1 port */
    uint8_t width;
    uint8_t offset;
    uint8_t access; /* 1 byte, 2 word, 3 dword */
    uint64_t address;
} __attribute__((packed));

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
} __attribute__((packed));

struct acpi_fadt {
    struct acpi_header header;
    uint32_t firmware_control;
    uint32_t dsdt;
    uint8_t reserved0;
    uint8_t preferred_profile;
    uint16_t sci_interrupt;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4bios_request, pstate_control;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
    uint32_t gpe0, gpe1;
    uint8_t pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length;
    uint8_t gpe0_length, gpe1_length, gpe1_base, cst_control;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_architecture;
    uint8_t reserved1;
    uint32_t flags;
    struct acpi_address reset_register;
    uint8_t reset_value;
    uint16_t arm_boot_architecture;
    uint8_t minor_revision;
    uint64_t x_firmware_control;
    uint64_t x_dsdt;
    struct acpi_address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control;
    struct acpi_address x_pm2_control, x_pm_timer, x_gpe0, x_gpe1;
    struct acpi_address sleep_control, sleep_status;
    uint64_t hypervisor_vendor;
} __attribute__((packed));

struct acpi_facs {
    char signature[4];
    uint32_t length;
    uint32_t hardware_signature;
    uint32_t waking_vector;
    uint32_t global_lock;
    uint32_t flags;
    uint64_t x_waking_vector;
    uint8_t version;
    uint8_t reserved[31];
} __attribute__((packed));

struct acpi_mcfg {
    struct acpi_header header;
    uint64_t reserved;
    uint64_t base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved1;
} __attribute__((packed));

struct acpi_hpet {
    struct acpi_header header;
    uint32_t block_id;
    struct acpi_address address;
    uint8_t number;
    uint16_t minimum_tick;
    uint8_t protection;
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 6.4 table 5.4");
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 6.4 table 5.3");
_Static_assert(sizeof(struct acpi_fadt) == 276, "ACPI 6.4 table 5.9");
_Static_assert(offsetof(struct acpi_fadt, flags) == 112, "ACPI 6.4 table 5.9");
_Static_assert(offsetof(struct acpi_fadt, x_pm1a_event) == 148, "ACPI 6.4 table 5.9");
_Static_assert(sizeof(struct acpi_facs) == 64, "ACPI 6.4 table 5.13");
_Static_assert(sizeof(struct acpi_mcfg) == 60, "PCI Firmware 3.3, 4.1.2");
_Static_assert(sizeof(struct acpi_hpet) == 56, "IA-PC HPET 1.0a, 3.2.4");

/* FADT flags (ACPI 6.4 table 5.10). */
#define FADT_WBINVD       (1u << 0)
#define FADT_PROC_C1      (1u << 2)
#define FADT_SLEEP_BUTTON (1u << 5) /* not a fixed feature: there is none */
#define FADT_RTC_WAKE     (1u << 6) /* likewise */
#define FADT_RESET        (1u << 10)

/* Boot architecture (table 5.11): legacy devices on LPC; no 8042, no VGA, no ASPM. */
#define FADT_BOOT_LEGACY  (1u << 0)
#define FADT_BOOT_NO_VGA  (1u << 2)
#define FADT_BOOT_NO_ASPM (1u << 4)

#define MAX_TABLES 6

struct builder {
    uint8_t *buffer;
    uint64_t size;
    uint64_t base;
    uint64_t used;
    bool full;
    uint64_t table[MAX_TABLES];
    unsigned count;
};

static void put(uint8_t *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (i * 8));
}

static uint8_t checksum(const uint8_t *bytes, uint64_t size)
{
    uint8_t sum = 0;
    for (uint64_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return (uint8_t)(0 - sum);
}

/* Reserves size bytes, 64-byte aligned; NULL when there is no room. */
static uint8_t *reserve(struct builder *builder, uint64_t size, uint64_t *address)
{
    uint64_t at = (builder->used + 63) & ~63ull;
    if (at > builder->size || size > builder->size - at) {
        builder->full = true;
        return NULL;
    }
    builder->used = at + size;
    *address = builder->base + at;
    memset(builder->buffer + at, 0, size);
    return builder->buffer + at;
}

static struct acpi_header header(const char *signature, uint64_t length, uint8_t revision)
{
    struct acpi_header header = {.length = (uint32_t)length, .revision = revision};
    memcpy(header.signature, signature, 4);
    memcpy(header.oem_id, "QUOIN ", 6);
    memcpy(header.oem_table_id, "QUOINVM ", 8);
    header.oem_revision = 1;
    memcpy(header.creator_id, "QUOI", 4);
    header.creator_revision = 1;
    return header;
}

/* Puts a finished table down with its checksum; returns its guest-physical address. */
static uint64_t place(struct builder *builder, const void *table, uint64_t length)
{
    uint64_t address = 0;
    uint8_t *bytes = reserve(builder, length, &address);
    if (bytes == NULL)
        return 0;
    memcpy(bytes, table, length);
    bytes[offsetof(struct acpi_header, checksum)] = 0;
    bytes[offsetof(struct acpi_header, checksum)] = checksum(bytes, length);
    return address;
}

/* The same for a table that the XSDT lists. */
static void list(struct builder *builder, const void *table, uint64_t length)
{
    uint64_t address = place(builder, table, length);
    if (builder->count < MAX_TABLES)
        builder->table[builder->count++] = address;
}

static struct acpi_address port(uint32_t number, uint8_t width, uint8_t access)
{
    return (struct acpi_address){.space = 1, .width = width, .access = access, .address = number};
}

static void add_fadt(struct builder *builder, uint64_t facs, uint64_t dsdt)
{
    struct acpi_fadt fadt = {
        .header = header("FACP", sizeof(fadt), 6),
        .firmware_control = (uint32_t)facs,
        .dsdt = (uint32_t)dsdt,
        .sci_interrupt = POWER_SCI,
        .pm1a_event = POWER_PM1_EVENT,
        .pm1a_control = POWER_PM1_CTRL,
        .pm_timer = POWER_TIMER,
        .gpe0 = POWER_GPE0,
        .pm1_event_length = 4,
        .pm1_control_length = 2,
        .pm_timer_length = 4,
        .gpe0_length = POWER_GPE0_SIZE,
        .c2_latency = 0xfff, /* above 100: no C2 */
        .c3_latency = 0xfff, /* above 1000: no C3 */
        .century = 0x32,
        .boot_architecture = FADT_BOOT_LEGACY | FADT_BOOT_NO_VGA | FADT_BOOT_NO_ASPM,
        .flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLEEP_BUTTON | FADT_RTC_WAKE | FADT_RESET,
        .reset_register = port(POWER_RESET, 8, 1),
        .reset_value = 6,
        .x_dsdt = dsdt,
        .x_pm1a_event = port(POWER_PM1_EVENT, 32, 2),
        .x_pm1a_control = port(POWER_PM1_CTRL, 16, 2),
        .x_pm_timer = port(POWER_TIMER, 32, 3),
        .x_gpe0 = port(POWER_GPE0, POWER_GPE0_SIZE * 8, 1),
    };
    list(builder, &fadt, sizeof(fadt));
}

/* MADT (ACPI 5.2.12): local APICs, the I/O APIC, IRQ 0 on pin 2, the SCI level-triggered, NMI on
 * LINT1. */
static void add_madt(struct builder *builder, unsigned vcpu_count)
{
    uint8_t table[sizeof(struct acpi_header) + 8 + APIC_MAX * 8 + 12 + 2 * 10 + 6];
    struct acpi_header head;
    uint64_t at = sizeof(struct acpi_header);
    memset(table, 0, sizeof(table));
    put(table + at, APIC_BASE, 4);
    put(table + at + 4, 1, 4); /* PCAT_COMPAT: there are 8259s */
    at += 8;
    for (unsigned i = 0; i < vcpu_count; i++) {
        const uint8_t entry[8] = {0, 8, (uint8_t)i, (uint8_t)i, 1, 0, 0, 0};
        memcpy(table + at, entry, 8);
        at += 8;
    }
    const uint8_t ioapic[8] = {1, 12, 0, 0};
    memcpy(table + at, ioapic, 8);
    put(table + at + 4, IOAPIC_BASE, 4);
    at += 12;
    const uint8_t timer[10] = {2, 10, 0, 0, 2, 0, 0, 0, 0, 0};
    memcpy(table + at, timer, 10);
    at += 10;
    const uint8_t sci[10] = {2, 10, 0, POWER_SCI, POWER_SCI, 0, 0, 0, 0x0d, 0};
    memcpy(table + at, sci, 10);
    at += 10;
    const uint8_t nmi[6] = {4, 6, 0xff, 0, 0, 1};
    memcpy(table + at, nmi, 6);
    at += 6;
    head = header("APIC", at, 5);
    memcpy(table, &head, sizeof(head));
    list(builder, table, at);
}

static void add_mcfg(struct builder *builder)
{
    struct acpi_mcfg mcfg = {
        .header = header("MCFG", sizeof(mcfg), 1),
        .base = PCI_ECAM_BASE,
        .last_bus = PCI_LAST_BUS,
    };
    list(builder, &mcfg, sizeof(mcfg));
}

static void add_hpet(struct builder *builder)
{
    struct acpi_hpet hpet = {
        .header = header("HPET", sizeof(hpet), 1),
        .block_id = 0x80860000u | 1u << 15 | 1u << 13 | (HPET_TIMERS - 1) << 8 | 1,
        .address = {.space = 0, .width = 64, .address = HPET_BASE},
        .minimum_tick = 100,
    };
    list(builder, &hpet, sizeof(hpet));
}

static uint64_t add_facs(struct builder *builder)
{
    uint64_t address = 0;
    struct acpi_facs facs = {
        .signature = {'F', 'A', 'C', 'S'}, .length = sizeof(facs), .version = 2};
    uint8_t *bytes = reserve(builder, sizeof(facs), &address);
    if (bytes != NULL)
        memcpy(bytes, &facs, sizeof(facs));
    return address;
}

static uint64_t add_xsdt(struct builder *builder)
{
    uint8_t table[sizeof(struct acpi_header) + MAX_TABLES * 8];
    uint64_t length = sizeof(struct acpi_header) + builder->count * 8;
    struct acpi_header head = header("XSDT", length, 1);
    memcpy(table, &head, sizeof(head));
    for (unsigned i = 0; i < builder->count; i++)
        put(table + sizeof(head) + i * 8, builder->table[i], 8);
    return place(builder, table, length);
}

static void finish_rsdp(uint8_t *bytes, uint64_t xsdt)
{
    struct acpi_rsdp rsdp = {.revision = 2, .length = sizeof(rsdp), .xsdt = xsdt};
    memcpy(rsdp.signature, "RSD PTR ", 8);
    memcpy(rsdp.oem_id, "QUOIN ", 6);
    memcpy(bytes, &rsdp, sizeof(rsdp));
    bytes[offsetof(struct acpi_rsdp, checksum)] = checksum(bytes, 20);
    bytes[offsetof(struct acpi_rsdp, extended_checksum)] = checksum(bytes, sizeof(rsdp));
}

int64_t acpi_build(uint8_t *buffer, uint64_t size, uint64_t base, unsigned vcpu_count,
                   bool has_hpet)
{
    struct builder builder = {.buffer = buffer, .size = size, .base = base};
    uint64_t rsdp_address = 0;
    if (vcpu_count > APIC_MAX)
        return ACPI_ERROR_SPACE;
    uint8_t *rsdp = reserve(&builder, sizeof(struct acpi_rsdp), &rsdp_address);
    uint64_t facs = add_facs(&builder);
    uint64_t dsdt = place(&builder, dsdt_aml_code, sizeof(dsdt_aml_code));
    add_fadt(&builder, facs, dsdt);
    add_madt(&builder, vcpu_count);
    add_mcfg(&builder);
    if (has_hpet)
        add_hpet(&builder);
    uint64_t xsdt = add_xsdt(&builder);
    if (builder.full)
        return ACPI_ERROR_SPACE;
    finish_rsdp(rsdp, xsdt);
    return (int64_t)builder.used;
}
