/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

#include <string.h>

#include "vmm/device/apic_internal.h"

#define DMA_START 0x100000u
#define DMA_SIZE  0x1000000u

static uint64_t bus_register_read(void *context, uint64_t offset, unsigned size)
{
    struct machine *machine = context;
    return bus_read(&machine->vm.mmio, offset, size);
}

static void bus_register_write(void *context, uint64_t offset, unsigned size, uint64_t value)
{
    struct machine *machine = context;
    bus_write(&machine->vm.mmio, offset, size, value);
}

static struct registers range(struct machine *machine, uint64_t start, uint64_t size)
{
    return (struct registers){.size = size,
                              .read = bus_register_read,
                              .write = bus_register_write,
                              .context = machine,
                              .origin = start};
}

void guest_attach(struct guest *guest, struct machine *machine, uint16_t id)
{
    memset(guest, 0, sizeof(*guest));
    guest->machine = machine;
    guest->dma =
        (struct dma){.memory = machine->memory + DMA_START, .address = DMA_START, .size = DMA_SIZE};
    pci_assign(&machine->vm.pci);
    const struct pci_ecam ecam = {.space = range(machine, PCI_ECAM_BASE, PCI_ECAM_SIZE),
                                  .last_bus = 255};
    struct pci_info list[32];
    unsigned count = pci_scan(&ecam, list, 32);
    for (unsigned i = 0; i < count; i++) {
        if (list[i].id == id)
            guest->info = list[i];
    }
    guest->config = pci_config(&ecam, id);
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        const struct pci_bar_info *bar = &guest->info.bar[i];
        if (bar->kind == PCI_BAR_MEMORY)
            guest->bar[i] = range(machine, bar->address, bar->size);
    }
    apic_write(&machine->vm.vcpu[0].apic, APIC_REG_SVR, 0x1ff);
    if (guest->info.msix.capability != 0) {
        pci_enable_msix(&guest->config, &guest->info);
        for (unsigned i = 0; i < guest->info.msix.vectors; i++)
            pci_set_msix(&guest->bar[guest->info.msix.table_bar], &guest->info, i, 0xfee00000,
                         GUEST_VECTOR);
    } else {
        pci_enable_msi(&guest->config, &guest->info, 0xfee00000, GUEST_VECTOR);
    }
}

bool guest_interrupted(struct guest *guest)
{
    struct apic *apic = &guest->machine->vm.vcpu[0].apic;
    if (apic_pending(apic) != GUEST_VECTOR)
        return false;
    apic_accept(apic, GUEST_VECTOR);
    apic_write(apic, APIC_REG_EOI, 0);
    return true;
}
