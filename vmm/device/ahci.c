/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/ahci.h"

#include <string.h>

#include "vmm/device/ahci_internal.h"

#define GSI 23u /* pin A of device 0x1f, as dsdt.asl says */

/* Generic host control (3.1). */
#define CAP     0x00u
#define GHC     0x04u
#define IS      0x08u
#define PI      0x0cu
#define VS      0x10u
#define PORT    0x100u
#define PORT_SZ 0x80u

#define GHC_RESET  (1u << 0)
#define GHC_IE     (1u << 1)
#define GHC_ENABLE (1u << 31)

/* 64-bit addresses, NCQ, AHCI only, 3 Gbit/s, 32 slots. */
#define CAP_VALUE \
    (1u << 31 | 1u << 30 | 1u << 18 | 2u << 20 | (AHCI_SLOTS - 1) << 8 | (AHCI_PORTS - 1))

#define CAP_MSI          0x80u
#define MSI_ENABLE       1u
#define COMMAND_INTX_OFF 0x400u

static bool msi_enabled(const struct ahci *ahci)
{
    return (pci_get16(&ahci->function, CAP_MSI + 2) & MSI_ENABLE) != 0;
}

static void update_line(struct ahci *ahci)
{
    bool pending = ahci->status != 0 && (ahci->control & GHC_IE) != 0;
    bool off = msi_enabled(ahci) || (pci_get16(&ahci->function, 4) & COMMAND_INTX_OFF) != 0;
    irq_set_gsi(ahci->irq, GSI, pending && !off);
}

static void send_message(struct ahci *ahci)
{
    if (msi_enabled(ahci) && (ahci->control & GHC_IE) != 0 && ahci->status != 0)
        apic_msi(ahci->apics,
                 (uint64_t)pci_get32(&ahci->function, CAP_MSI + 8) << 32 |
                     pci_get32(&ahci->function, CAP_MSI + 4),
                 pci_get16(&ahci->function, CAP_MSI + 12));
}

void ahci_port_interrupts(struct ahci_port *port)
{
    struct ahci *ahci = port->ahci;
    if ((port->interrupt_status & port->interrupt_enable) == 0)
        return;
    ahci->status |= 1u << port->index;
    update_line(ahci);
    send_message(ahci);
}

void ahci_reset(struct ahci *ahci)
{
    ahci->control = GHC_ENABLE;
    ahci->status = 0;
    for (unsigned i = 0; i < AHCI_PORTS; i++)
        ahci_port_reset(&ahci->port[i]);
    update_line(ahci);
}

static uint32_t read_global(const struct ahci *ahci, unsigned offset)
{
    switch (offset) {
    case CAP:
        return CAP_VALUE;
    case GHC:
        return ahci->control;
    case IS:
        return ahci->status;
    case PI:
        return (1u << AHCI_PORTS) - 1;
    case VS:
        return 0x00010300;
    default:
        return 0;
    }
}

static void write_global(struct ahci *ahci, unsigned offset, uint32_t value)
{
    if (offset == GHC && (value & GHC_RESET) != 0) {
        ahci_reset(ahci);
    } else if (offset == GHC) {
        ahci->control = (value & GHC_IE) | GHC_ENABLE;
        update_line(ahci);
    } else if (offset == IS) {
        ahci->status &= ~value;
        /* A port whose own status still stands sets its bit again. */
        for (unsigned i = 0; i < AHCI_PORTS; i++) {
            if ((ahci->port[i].interrupt_status & ahci->port[i].interrupt_enable) != 0)
                ahci->status |= 1u << i;
        }
        update_line(ahci);
        send_message(ahci);
    }
}

static uint64_t read(void *context, uint64_t offset, unsigned size)
{
    const struct ahci *ahci = context;
    unsigned shift = (unsigned)(offset & 3) * 8;
    unsigned at = (unsigned)offset & ~3u;
    (void)size;
    if (at < PORT)
        return read_global(ahci, at) >> shift;
    unsigned port = (at - PORT) / PORT_SZ;
    if (port >= AHCI_PORTS)
        return 0;
    return ahci_port_read(&ahci->port[port], (at - PORT) % PORT_SZ) >> shift;
}

static void write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct ahci *ahci = context;
    /* 3: registers are written as whole words. */
    if (size != 4 || (offset & 3) != 0)
        return;
    if (offset < PORT) {
        write_global(ahci, (unsigned)offset, (uint32_t)value);
        return;
    }
    unsigned port = (unsigned)(offset - PORT) / PORT_SZ;
    if (port < AHCI_PORTS)
        ahci_port_write(&ahci->port[port], (unsigned)(offset - PORT) % PORT_SZ, (uint32_t)value);
}

static const struct bus_operations operations = {read, write, 4};

static void config_written(void *context, unsigned offset, unsigned size)
{
    (void)offset;
    (void)size;
    update_line(context);
}

void ahci_initialize(struct ahci *ahci, const struct memory *memory, struct apic_bus *apics,
                     struct irq *irq)
{
    memset(ahci, 0, sizeof(*ahci));
    ahci->memory = memory;
    ahci->apics = apics;
    ahci->irq = irq;
    struct pci_function *function = &ahci->function;
    function->devfn = AHCI_DEVFN;
    pci_header(function, 0x8086, 0x2922, 0x010601, 0x02); /* ICH9, SATA, AHCI 1.0 */
    pci_set16(function->config, 0x2c, 0x1af4);
    pci_set16(function->config, 0x2e, 0x1100);
    function->config[0x3d] = 1;    /* pin A */
    function->config[0x06] = 0x10; /* there is a capability list */
    function->config[0x34] = CAP_MSI;
    function->config[CAP_MSI] = 0x05;
    pci_set16(function->config, CAP_MSI + 2, 0x0080); /* one message, 64-bit address */
    pci_set16(function->writable, CAP_MSI + 2, MSI_ENABLE);
    pci_set32(function->writable, CAP_MSI + 4, 0xfffffffc);
    pci_set32(function->writable, CAP_MSI + 8, 0xffffffff);
    pci_set16(function->writable, CAP_MSI + 12, 0xffff);
    pci_memory_bar(function, 5, AHCI_BAR_SIZE, &operations, ahci);
    function->config_written = config_written;
    function->context = ahci;
    for (unsigned i = 0; i < AHCI_PORTS; i++) {
        struct ahci_port *port = &ahci->port[i];
        port->ahci = ahci;
        port->index = i;
        for (unsigned slot = 0; slot < AHCI_SLOTS; slot++) {
            port->slot[slot].port = port;
            port->slot[slot].slot = slot;
        }
    }
    ahci_reset(ahci);
}

bool ahci_attach(struct ahci *ahci, unsigned index, enum ahci_kind kind, struct block_device *block)
{
    uint32_t block_size = kind == AHCI_CDROM ? 2048 : BLOCK_SECTOR;
    if (index >= AHCI_PORTS || block->block_size > block_size ||
        block->sectors % (block_size / BLOCK_SECTOR) != 0 || block->sectors == 0 ||
        block->max_segments < AHCI_SEGMENTS)
        return false;
    ahci->port[index].kind = kind;
    ahci->port[index].block = block;
    ahci_port_reset(&ahci->port[index]);
    return true;
}
