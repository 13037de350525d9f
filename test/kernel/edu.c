/* SPDX-License-Identifier: BSD-2-Clause */
#include "edu.h"

enum {
    EDU_ID = 0x11e81234,
    PCI_ADDRESS = 0xcf8,
    PCI_DATA = 0xcfc,
    PCI_COMMAND = 4, /* memory space on, bus master on: bits 1 and 2 */
    PCI_BAR0 = 0x10,
    EDU_DMA_FROM = 0x80 / 8,
    EDU_DMA_TO = 0x88 / 8,
    EDU_DMA_COUNT = 0x90 / 8,
    EDU_DMA_COMMAND = 0x98 / 8,
    EDU_BUFFER = 0x40000,
    DMA_START = 1,
    DMA_TO_MEMORY = 2,
    DMA_BYTES = 64,
};

static seL4_CPtr pci; /* the configuration ports */

static seL4_Word pci_select(seL4_Word device, seL4_Word reg)
{
    return seL4_X86_IOPort_Out32(pci, PCI_ADDRESS, (uint32_t)(1u << 31 | device << 8 | reg));
}

uint32_t pci_read(seL4_Word device, seL4_Word reg)
{
    CHECK_OK(pci_select(device, reg));
    return seL4_X86_IOPort_In32(pci, PCI_DATA).result;
}

void pci_write(seL4_Word device, seL4_Word reg, uint32_t value)
{
    CHECK_OK(pci_select(device, reg));
    CHECK_OK(seL4_X86_IOPort_Out32(pci, PCI_DATA, value));
}

/* The frame of device memory at address: untypeds are halved until its page begins one. */
static seL4_CPtr device_frame(seL4_Word address)
{
    seL4_CPtr untyped = 0, frame = slot_new();
    seL4_Word base = 0, bits = 0;

    for (seL4_Word i = 0; i < boot_info->untyped.end - boot_info->untyped.start; i++) {
        const seL4_UntypedDesc *desc = &boot_info->untypedList[i];

        if (desc->isDevice && address - desc->paddr < 1ull << desc->sizeBits) {
            untyped = boot_info->untyped.start + i;
            base = desc->paddr;
            bits = desc->sizeBits;
        }
    }
    CHECK(untyped != 0);
    CHECK_OK(cap_revoke(untyped));
    while (base != address) {
        seL4_CPtr halves = slot_new_range(2);

        bits--;
        CHECK_OK(seL4_Untyped_Retype(untyped, seL4_UntypedObject, bits, ROOT, 0, 0, halves, 2));
        untyped = address & 1ull << bits ? halves + 1 : halves;
        base |= address & 1ull << bits;
    }
    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_X86_4K, 0, ROOT, 0, 0, frame, 1));
    return frame;
}

void map_page(seL4_CPtr frame, volatile seL4_Word *address)
{
    CHECK_OK(seL4_X86_Page_Map(frame, VSPACE, (seL4_Word)(uintptr_t)address, seL4_AllRights, 0));
}

void map_page_table(volatile seL4_Word *address)
{
    CHECK_OK(seL4_X86_PageTable_Map(object_new(seL4_X86_PageTableObject, 0), VSPACE,
                                    (seL4_Word)(uintptr_t)address, 0));
}

seL4_Word edu_open(void)
{
    pci = slot_new();
    CHECK_OK(seL4_X86_IOPortControl_Issue(seL4_CapIOPortControl, PCI_ADDRESS, PCI_DATA + 3, ROOT,
                                          pci, ROOT_DEPTH));
    for (seL4_Word device = 0; device < 32 << 3; device += 8) {
        if (pci_read(device, 0) != EDU_ID) {
            continue;
        }
        uint32_t bar = pci_read(device, PCI_BAR0) & ~15u;

        pci_write(device, PCI_COMMAND, pci_read(device, PCI_COMMAND) | 6);
        map_page_table((volatile seL4_Word *)EDU_REGISTERS);
        map_page(device_frame(bar), (volatile seL4_Word *)EDU_REGISTERS);
        return device;
    }
    test_skip("no device \"edu\"");
}

void edu_copy(seL4_Word address, bool to_memory)
{
    volatile seL4_Word *registers = (volatile seL4_Word *)EDU_REGISTERS;

    registers[EDU_DMA_FROM] = to_memory ? EDU_BUFFER : address;
    registers[EDU_DMA_TO] = to_memory ? address : EDU_BUFFER;
    registers[EDU_DMA_COUNT] = DMA_BYTES;
    registers[EDU_DMA_COMMAND] = DMA_START | (to_memory ? DMA_TO_MEMORY : 0);
    while (registers[EDU_DMA_COMMAND] & DMA_START) {
        sleep_us(10000);
    }
}
