/* SPDX-License-Identifier: BSD-2-Clause */
#include "sel4/bootinfo.h"

#include "sel4/quoin.h"
#include "x86/arch.h"
#include "x86/boot.h"
#include "x86/root.h"
#include "x86/virt.h"

/* VBE chunk, ABI section 4: the two blocks and four words. */
struct vbe_chunk {
    seL4_BootInfoHeader header;
    uint8_t control[512], mode_info[256];
    uint32_t mode, segment, offset, length;
};
_Static_assert(sizeof(struct vbe_chunk) == 800, "ABI section 4");

struct extensions_chunk {
    seL4_BootInfoHeader header;
    struct quoin_extensions extensions;
};

struct mcfg_chunk {
    seL4_BootInfoHeader header;
    uint8_t table[QUOIN_MCFG_BYTES];
};

static seL4_SlotRegion region(struct slot_range r)
{
    return (seL4_SlotRegion){r.start, r.end};
}

void bootinfo_write(void *frame, const struct root_layout *layout,
                    const struct untyped_piece *untypeds)
{
    seL4_BootInfo *info = frame;
    info->extraLen = bootinfo_extra_bytes();
    info->nodeID = 0;
    info->numNodes = core_count;
    info->numIOPTLevels = iommu_levels();
    info->ipcBuffer = (seL4_IPCBuffer *)(uintptr_t)layout->ipc_buffer;
    info->empty = (seL4_SlotRegion){layout->next_slot, BIT(layout->cnode_bits)};
    info->userImageFrames = region(layout->image);
    info->userImagePaging = region(layout->paging);
    info->extraBIPages = region(layout->extra);
    info->initThreadCNodeSizeBits = layout->cnode_bits;
    info->initThreadDomain = 0;
    info->schedcontrol = region(layout->sched_control);
    info->untyped = region(layout->untyped);
    for (unsigned i = 0; i < layout->untyped.end - layout->untyped.start; i++) {
        info->untypedList[i] = (seL4_UntypedDesc){
            .paddr = untypeds[i].base,
            .sizeBits = untypeds[i].bits,
            .isDevice = untypeds[i].device,
        };
    }
}

uint64_t bootinfo_extra_bytes(void)
{
    uint64_t bytes = sizeof(seL4_X86_BootInfo_mmap_t) + sizeof(seL4_X86_BootInfo_tsc_t) +
                     sizeof(struct extensions_chunk);
    bytes += boot_info.vbe ? sizeof(struct vbe_chunk) : 0;
    bytes += boot_info.rsdp_length != 0 ? sizeof(seL4_X86_BootInfo_acpi_rsdp_t) : 0;
    bytes += boot_info.framebuffer.present ? sizeof(seL4_X86_BootInfo_fb_t) : 0;
    bytes += boot_info.mcfg_length != 0 ? sizeof(seL4_BootInfoHeader) + boot_info.mcfg_length : 0;
    return bytes;
}

static uint8_t *put(uint8_t *to, const void *chunk, uint64_t bytes)
{
    memory_copy(to, chunk, bytes);
    return to + bytes;
}

static uint8_t *put_vbe(uint8_t *to)
{
    struct vbe_chunk chunk = {
        .header = {SEL4_BOOTINFO_HEADER_X86_VBE, sizeof(chunk)},
        .mode = boot_info.vbe_mode,
        .segment = boot_info.vbe_segment,
        .offset = boot_info.vbe_offset,
        .length = boot_info.vbe_length,
    };
    memory_copy(chunk.control, boot_info.vbe_control, sizeof(chunk.control));
    memory_copy(chunk.mode_info, boot_info.vbe_mode_info, sizeof(chunk.mode_info));
    return put(to, &chunk, sizeof(chunk));
}

static uint8_t *put_rsdp(uint8_t *to)
{
    seL4_X86_BootInfo_acpi_rsdp_t chunk = {
        .header = {SEL4_BOOTINFO_HEADER_X86_ACPI_RSDP, sizeof(chunk)},
    };
    memory_copy(&chunk.rsdp, boot_info.rsdp, boot_info.rsdp_length);
    return put(to, &chunk, sizeof(chunk));
}

static uint8_t *put_framebuffer(uint8_t *to)
{
    const struct boot_framebuffer *fb = &boot_info.framebuffer;
    seL4_X86_BootInfo_fb_t chunk = {
        .header = {SEL4_BOOTINFO_HEADER_X86_FRAMEBUFFER, sizeof(chunk)},
        .addr = fb->address,
        .pitch = fb->pitch,
        .width = fb->width,
        .height = fb->height,
        .bpp = fb->bpp,
        .type = fb->type,
    };
    return put(to, &chunk, sizeof(chunk));
}

static uint8_t *put_mmap(uint8_t *to)
{
    seL4_X86_BootInfo_mmap_t chunk = {
        .header = {SEL4_BOOTINFO_HEADER_X86_MBMMAP, sizeof(chunk)},
        .mmap_length = boot_info.mmap_count * (uint32_t)sizeof(struct multiboot1_mmap),
    };
    _Static_assert(sizeof(chunk.mmap) == sizeof(boot_info.mmap), "the same structure");
    memory_copy(chunk.mmap, boot_info.mmap, sizeof(chunk.mmap));
    return put(to, &chunk, sizeof(chunk));
}

void bootinfo_write_extra(uint8_t *to)
{
    to = boot_info.vbe ? put_vbe(to) : to;
    to = boot_info.rsdp_length != 0 ? put_rsdp(to) : to;
    to = boot_info.framebuffer.present ? put_framebuffer(to) : to;
    to = put_mmap(to);
    seL4_X86_BootInfo_tsc_t tsc = {
        .header = {SEL4_BOOTINFO_HEADER_X86_TSC_FREQ, sizeof(tsc)},
        .freq_mhz = (uint32_t)(arch_tsc_hz() / 1000000),
    };
    to = put(to, &tsc, sizeof(tsc));
    struct extensions_chunk extensions = {
        .header = {QUOIN_BOOTINFO_EXTENSIONS, sizeof(extensions)},
        .extensions =
            {
                .features = virt_features() | iommu_features() | QUOIN_FEATURE_TIMER,
                .tsc_hz = arch_tsc_hz(),
                .xcr0 = virt_max_xcr0(),
            },
    };
    to = put(to, &extensions, sizeof(extensions));
    if (boot_info.mcfg_length != 0) {
        struct mcfg_chunk mcfg = {
            .header = {QUOIN_BOOTINFO_MCFG, sizeof(mcfg.header) + boot_info.mcfg_length},
        };
        memory_copy(mcfg.table, boot_info.mcfg, boot_info.mcfg_length);
        put(to, &mcfg, mcfg.header.len);
    }
}
