/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <rt/log.h>
#include <sel4/quoin.h>

#include "bootinfo_print.h"

/* Copies a chunk into a structure; false when the chunk is shorter than that. */
static bool read_chunk(void *to, size_t size, const uint8_t *chunk, uint64_t length)
{
    if (length < size) {
        log_warning("chunk of %lu bytes is too short", length);
        return false;
    }
    memcpy(to, chunk, size);
    return true;
}

static void print_region(const char *name, seL4_SlotRegion region)
{
    log_info("  %-18s slots %lu to %lu (%lu)", name, region.start, region.end,
             region.end - region.start);
}

static void print_untyped(const seL4_BootInfo *info)
{
    seL4_Word count = info->untyped.end - info->untyped.start;
    uint64_t ram = 0;
    seL4_Word device_count = 0;

    for (seL4_Word i = 0; i < count && i < seL4_MaxUntypedCaps; i++) {
        const seL4_UntypedDesc *untyped = &info->untypedList[i];

        log_info("  untyped %-4lu %016lx + 2^%-2u %s", info->untyped.start + i, untyped->paddr,
                 untyped->sizeBits, untyped->isDevice ? "device" : "RAM");
        if (untyped->isDevice) {
            device_count++;
        } else {
            ram += UINT64_C(1) << untyped->sizeBits;
        }
    }
    log_info("%lu untypeds: %lu of devices, %lu with %lu KiB of RAM", count, device_count,
             count - device_count, ram / 1024);
}

static void print_memory_map(const uint8_t *chunk, uint64_t length)
{
    seL4_X86_BootInfo_mmap_t map;
    uint32_t entries;

    if (!read_chunk(&map, sizeof(map), chunk, length)) {
        return;
    }
    entries = map.mmap_length / (uint32_t)sizeof(map.mmap[0]);
    entries = entries > SEL4_MULTIBOOT_MAX_MMAP_ENTRIES ? SEL4_MULTIBOOT_MAX_MMAP_ENTRIES : entries;
    log_info("memory map, %u entries", entries);
    for (uint32_t i = 0; i < entries; i++) {
        log_info("  %016lx + %016lx type %u", map.mmap[i].base_addr, map.mmap[i].length,
                 map.mmap[i].type);
    }
}

static void print_framebuffer(const uint8_t *chunk, uint64_t length)
{
    seL4_X86_BootInfo_fb_t fb;

    if (read_chunk(&fb, sizeof(fb), chunk, length)) {
        log_info("framebuffer at %lx: %u x %u, %u bits, pitch %u, type %u", fb.addr, fb.width,
                 fb.height, fb.bpp, fb.pitch, fb.type);
    }
}

static void print_rsdp(const uint8_t *chunk, uint64_t length)
{
    seL4_X86_BootInfo_acpi_rsdp_t rsdp;

    if (read_chunk(&rsdp, sizeof(rsdp), chunk, length)) {
        log_info("ACPI revision %u of %.6s: RSDT %x, XSDT %lx", rsdp.rsdp.revision,
                 rsdp.rsdp.oem_id, rsdp.rsdp.rsdt_address, rsdp.rsdp.xsdt_address);
    }
}

static void print_tsc(const uint8_t *chunk, uint64_t length)
{
    seL4_X86_BootInfo_tsc_t tsc;

    if (read_chunk(&tsc, sizeof(tsc), chunk, length)) {
        log_info("TSC runs at %u MHz", tsc.freq_mhz);
    }
}

static void print_extensions(const uint8_t *chunk, uint64_t length)
{
    static const char *const names[] = {
        "VT-x",           "AMD-V",       "timer",        "VMEnter-ext",
        "1G-guest-pages", "TSC-scaling", "unrestricted", "NRIPS",
        "decode-assists", "VT-d",        "AMD-Vi",       "interrupt-remapping",
    };
    struct quoin_extensions extensions;

    if (length < sizeof(seL4_BootInfoHeader) ||
        !read_chunk(&extensions, sizeof(extensions), chunk + sizeof(seL4_BootInfoHeader),
                    length - sizeof(seL4_BootInfoHeader))) {
        return;
    }
    log_info("Quoin extensions %lx, TSC %lu Hz, XCR0 %lx", extensions.features, extensions.tsc_hz,
             extensions.xcr0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((extensions.features >> i & 1u) != 0) {
            log_info("  %s", names[i]);
        }
    }
}

static void print_chunk(const seL4_BootInfoHeader *header, const uint8_t *chunk)
{
    switch (header->id) {
    case SEL4_BOOTINFO_HEADER_X86_MBMMAP:
        print_memory_map(chunk, header->len);
        break;
    case SEL4_BOOTINFO_HEADER_X86_ACPI_RSDP:
        print_rsdp(chunk, header->len);
        break;
    case SEL4_BOOTINFO_HEADER_X86_FRAMEBUFFER:
        print_framebuffer(chunk, header->len);
        break;
    case SEL4_BOOTINFO_HEADER_X86_TSC_FREQ:
        print_tsc(chunk, header->len);
        break;
    case QUOIN_BOOTINFO_EXTENSIONS:
        print_extensions(chunk, header->len);
        break;
    case QUOIN_BOOTINFO_MCFG:
        log_info("MCFG table, %lu bytes", header->len - sizeof(*header));
        break;
    default:
        log_info("chunk %lx, %lu bytes", header->id, header->len);
        break;
    }
}

static void print_chunks(const seL4_BootInfo *info)
{
    const uint8_t *chunk = (const uint8_t *)info + seL4_BootInfoExtraOffset;
    seL4_Word left = info->extraLen;

    while (left >= sizeof(seL4_BootInfoHeader)) {
        seL4_BootInfoHeader header;

        memcpy(&header, chunk, sizeof(header));
        if (header.len < sizeof(header) || header.len > left) {
            log_warning("chunk %lx has a bad length, %lu of %lu bytes", header.id, header.len,
                        left);
            return;
        }
        print_chunk(&header, chunk);
        chunk += header.len;
        left -= header.len;
    }
}

void bootinfo_print(const seL4_BootInfo *info)
{
    log_info("node %lu of %lu, domain %lu, IOMMU levels %ld", info->nodeID, info->numNodes,
             info->initThreadDomain, (long)info->numIOPTLevels);
    log_info("IPC buffer at %p, root CNode of 2^%lu slots", (void *)info->ipcBuffer,
             info->initThreadCNodeSizeBits);
    print_region("empty", info->empty);
    print_region("shared frames", info->sharedFrames);
    print_region("image frames", info->userImageFrames);
    print_region("image paging", info->userImagePaging);
    print_region("I/O spaces", info->ioSpaceCaps);
    print_region("extra bootinfo", info->extraBIPages);
    print_region("sched control", info->schedcontrol);
    print_region("untyped", info->untyped);
    print_untyped(info);
    log_info("%lu bytes of chunks", info->extraLen);
    print_chunks(info);
}
