/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/acpi.h"

enum { RSDP1_LENGTH = 20, RSDP2_LENGTH = 36, SDT_HEADER = 36, MAX_TABLE = 0x1000000 };

static bool sums_to_zero(const uint8_t *p, uint32_t length)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < length; i++) {
        sum = (uint8_t)(sum + p[i]);
    }
    return sum == 0;
}

static bool has_signature(const uint8_t *p, const char *signature, unsigned length)
{
    for (unsigned i = 0; i < length; i++) {
        if (p[i] != (uint8_t)signature[i]) {
            return false;
        }
    }
    return true;
}

/* The table at address, whole and with a good checksum; data is null if it is not. */
static struct acpi_table table_at(const struct memory_view *view, uint64_t address)
{
    struct acpi_table none = {NULL, 0};
    const uint8_t *header = view->at(view, address, SDT_HEADER);
    if (header == NULL) {
        return none;
    }
    uint32_t length = load32(header + 4);
    if (length < SDT_HEADER || length > MAX_TABLE) {
        return none;
    }
    const uint8_t *table = view->at(view, address, length);
    if (table == NULL || !sums_to_zero(table, length)) {
        return none;
    }
    return (struct acpi_table){table, length};
}

static void add_cpu(struct acpi_info *info, uint32_t apic_id)
{
    for (unsigned i = 0; i < info->cpu_count; i++) {
        if (info->apic_ids[i] == apic_id) {
            return;
        }
    }
    if (info->cpu_count == ACPI_MAX_CPUS) {
        info->cpus_left_out = true;
        return;
    }
    info->apic_ids[info->cpu_count++] = apic_id;
}

/* One MADT structure (5.2.12). */
static void parse_madt_entry(const uint8_t *e, unsigned length, struct acpi_info *info)
{
    switch (e[0]) {
    case 0: /* processor local APIC */
        if (length >= 8 && (e[4] & 1)) {
            add_cpu(info, e[3]);
        }
        break;
    case 1: /* I/O APIC */
        if (length >= 12 && info->ioapic_count < CONFIG_MAX_IOAPICS) {
            info->ioapics[info->ioapic_count++] =
                (struct acpi_ioapic){e[2], load32(e + 4), load32(e + 8)};
        }
        break;
    case 5: /* local APIC address override */
        if (length >= 12) {
            info->lapic_address = load64(e + 4);
        }
        break;
    case 9: /* processor local x2APIC */
        if (length >= 16 && (load32(e + 8) & 1)) {
            add_cpu(info, load32(e + 4));
        }
        break;
    default:
        break;
    }
}

static const char *parse_madt(struct acpi_info *info)
{
    const uint8_t *madt = info->madt.data;
    uint32_t length = info->madt.length;
    if (length < 44) {
        return "the MADT is too short";
    }
    info->lapic_address = load32(madt + 36);
    info->legacy_pic = (load32(madt + 40) & 1) != 0;
    for (uint32_t offset = 44; length - offset >= 2;) {
        unsigned size = madt[offset + 1];
        if (size < 2 || size > length - offset) {
            return "a structure of the MADT has a bad size";
        }
        parse_madt_entry(madt + offset, size, info);
        offset += size;
    }
    return NULL;
}

static void take_table(struct acpi_table table, struct acpi_info *info)
{
    if (has_signature(table.data, "APIC", 4) && info->madt.data == NULL) {
        info->madt = table;
    } else if (has_signature(table.data, "DMAR", 4) && info->dmar.data == NULL) {
        info->dmar = table;
    } else if (has_signature(table.data, "IVRS", 4) && info->ivrs.data == NULL) {
        info->ivrs = table;
    } else if (has_signature(table.data, "MCFG", 4) && info->mcfg.data == NULL) {
        info->mcfg = table;
    } else if (has_signature(table.data, "FACP", 4) && table.length >= 92) {
        uint32_t port = load32(table.data + 76); /* PM_TMR_BLK; PM_TMR_LEN must be 4 */
        info->pm_timer_port = table.data[91] == 4 && port <= 0xfffc ? (uint16_t)port : 0;
    }
}

const char *acpi_parse(const struct memory_view *view, const uint8_t *rsdp, unsigned rsdp_length,
                       struct acpi_info *info)
{
    if (rsdp_length < RSDP1_LENGTH || !has_signature(rsdp, "RSD PTR ", 8) ||
        !sums_to_zero(rsdp, RSDP1_LENGTH)) {
        return "no ACPI root pointer";
    }
    uint64_t root_address = load32(rsdp + 16);
    bool extended = false;
    if (rsdp[15] >= 2 && rsdp_length >= RSDP2_LENGTH && sums_to_zero(rsdp, RSDP2_LENGTH) &&
        load64(rsdp + 24) != 0) {
        root_address = load64(rsdp + 24);
        extended = true;
    }
    struct acpi_table root = table_at(view, root_address);
    if (root.data == NULL || !has_signature(root.data, extended ? "XSDT" : "RSDT", 4)) {
        return "no valid ACPI root table";
    }
    unsigned entry_size = extended ? 8 : 4;
    for (uint32_t offset = SDT_HEADER; root.length - offset >= entry_size; offset += entry_size) {
        const uint8_t *e = root.data + offset;
        struct acpi_table table = table_at(view, extended ? load64(e) : load32(e));
        if (table.data != NULL) {
            take_table(table, info);
        }
    }
    if (info->madt.data == NULL) {
        return "no valid MADT";
    }
    return parse_madt(info);
}

unsigned acpi_find_rsdp(const struct memory_view *view, uint8_t *rsdp)
{
    const uint8_t *ebda_segment = view->at(view, 0x40e, 2);
    uint64_t ebda =
        ebda_segment == NULL ? 0 : (uint64_t)(ebda_segment[0] | ebda_segment[1] << 8) << 4;
    const struct region areas[] = {{ebda, ebda + 1024}, {0xe0000, 0x100000}};
    for (unsigned i = 0; i < ARRAY_SIZE(areas); i++) {
        if (areas[i].start < 0x400) {
            continue;
        }
        for (uint64_t a = areas[i].start; a + RSDP1_LENGTH <= areas[i].end; a += 16) {
            const uint8_t *p = view->at(view, a, RSDP1_LENGTH);
            if (p == NULL || !has_signature(p, "RSD PTR ", 8) || !sums_to_zero(p, RSDP1_LENGTH)) {
                continue;
            }
            const uint8_t *whole = p[15] >= 2 ? view->at(view, a, RSDP2_LENGTH) : NULL;
            unsigned length = whole != NULL ? RSDP2_LENGTH : RSDP1_LENGTH;
            for (unsigned j = 0; j < length; j++) {
                rsdp[j] = (whole != NULL ? whole : p)[j];
            }
            return length;
        }
    }
    return 0;
}
