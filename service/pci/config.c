/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/pci/config.h"

#include <component/component.h>
#include <rt/log.h>

#define ADDRESS_PORT 0xcf8u
#define DATA_PORT    0xcfcu
#define PORT_SPACE   256u /* what mechanism 1 reaches of a function (PCI 3.0, 3.2.2.3.2) */

#define LARGE_PAGE 0x200000u
#define BUS_BITS   20u

/* Set by the system description. */
microkit_channel config_port_id;
uint64_t ecam_window;

/* Mechanism 1 and its ports, as a range of registers with 4 KiB for each function. */
static void select(uint64_t offset)
{
    uint32_t function = (uint32_t)(offset >> 12) & 0xffff;
    microkit_x86_ioport_write_32(config_port_id, ADDRESS_PORT,
                                 0x80000000u | function << 8 | ((uint32_t)offset & 0xfc));
}

static uint64_t read(void *context, uint64_t offset, unsigned size)
{
    (void)context;
    if ((offset & 0xfff) >= PORT_SPACE)
        return UINT64_MAX;
    select(offset);
    seL4_Word port = DATA_PORT + (offset & 3);
    return size == 1   ? microkit_x86_ioport_read_8(config_port_id, port)
           : size == 2 ? microkit_x86_ioport_read_16(config_port_id, port)
                       : microkit_x86_ioport_read_32(config_port_id, port);
}

static void write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    (void)context;
    if ((offset & 0xfff) >= PORT_SPACE)
        return;
    select(offset);
    seL4_Word port = DATA_PORT + (offset & 3);
    if (size == 1)
        microkit_x86_ioport_write_8(config_port_id, port, (seL4_Uint8)value);
    else if (size == 2)
        microkit_x86_ioport_write_16(config_port_id, port, (seL4_Uint16)value);
    else
        microkit_x86_ioport_write_32(config_port_id, port, (seL4_Uint32)value);
}

static bool open_memory(unsigned id, struct pci_ecam *ecam)
{
    uint64_t address = component_info->ecam_address;
    /* An odd last bus would share its large page with somebody. */
    uint64_t size = ((component_info->ecam_last_bus + 1) << BUS_BITS) & ~(LARGE_PAGE - 1ull);
    if (address == 0 || size == 0 || !component_found(id, 0, address, size))
        return false;
    *ecam = (struct pci_ecam){.space = {.base = (volatile uint8_t *)ecam_window, .size = size},
                              .last_bus = (uint8_t)((size >> BUS_BITS) - 1)};
    return true;
}

void config_open(unsigned id, struct pci_ecam *ecam)
{
    if (open_memory(id, ecam)) {
        log_info("configuration space at %lx, buses 0 to %u", component_info->ecam_address,
                 ecam->last_bus);
        return;
    }
    log_info("configuration space by ports");
    *ecam = (struct pci_ecam){.space = {.size = 256ull << BUS_BITS, .read = read, .write = write},
                              .last_bus = 255};
}
