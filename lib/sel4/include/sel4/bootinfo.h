/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the kernel tells the root task: the initial capabilities (ABI sheet, section 3) and the boot
 * information frame with the chunks that follow it (section 4). Shared by kernel and user code.
 */
#ifndef SEL4_BOOTINFO_H
#define SEL4_BOOTINFO_H

#include <sel4/constants.h>
#include <sel4/types.h>

/* Slots of the root CNode. */
enum {
    seL4_CapNull = 0,
    seL4_CapInitThreadTCB = 1,
    seL4_CapInitThreadCNode = 2,
    seL4_CapInitThreadVSpace = 3,
    seL4_CapIRQControl = 4,
    seL4_CapASIDControl = 5,
    seL4_CapInitThreadASIDPool = 6,
    seL4_CapIOPortControl = 7,
    seL4_CapIOSpace = 8,
    seL4_CapBootInfoFrame = 9,
    seL4_CapInitThreadIPCBuffer = 10,
    seL4_CapDomain = 11,
    seL4_CapInitThreadSC = 14,
    seL4_NumInitialCaps = 16,
};

typedef seL4_Word seL4_SlotPos;

/* Slots from start up to but not including end. */
typedef struct {
    seL4_SlotPos start;
    seL4_SlotPos end;
} seL4_SlotRegion;

typedef struct {
    uint64_t paddr;
    uint8_t sizeBits;
    uint8_t isDevice; /* 1: device memory, only frames and untypeds can be made of it */
    uint8_t padding[6];
} seL4_UntypedDesc;

_Static_assert(sizeof(seL4_UntypedDesc) == 16, "untyped description: size");
_Static_assert(offsetof(seL4_UntypedDesc, sizeBits) == 8, "untyped description: sizeBits");
_Static_assert(offsetof(seL4_UntypedDesc, isDevice) == 9, "untyped description: isDevice");

typedef struct {
    seL4_Word extraLen; /* bytes of all chunks after the frame */
    seL4_NodeId nodeID;
    seL4_Word numNodes;      /* processors booted */
    seL4_Word numIOPTLevels; /* 0: no IOMMU was found */
    seL4_IPCBuffer *ipcBuffer;
    seL4_SlotRegion empty;
    seL4_SlotRegion sharedFrames;
    seL4_SlotRegion userImageFrames;
    seL4_SlotRegion userImagePaging;
    seL4_SlotRegion ioSpaceCaps;
    seL4_SlotRegion extraBIPages;
    seL4_Word initThreadCNodeSizeBits;
    seL4_Domain initThreadDomain;
    seL4_SlotRegion schedcontrol; /* one capability for each processor */
    seL4_SlotRegion untyped;
    seL4_UntypedDesc untypedList[seL4_MaxUntypedCaps];
} seL4_BootInfo;

_Static_assert(offsetof(seL4_BootInfo, extraLen) == 0, "bootinfo: extraLen");
_Static_assert(offsetof(seL4_BootInfo, nodeID) == 8, "bootinfo: nodeID");
_Static_assert(offsetof(seL4_BootInfo, numNodes) == 16, "bootinfo: numNodes");
_Static_assert(offsetof(seL4_BootInfo, numIOPTLevels) == 24, "bootinfo: numIOPTLevels");
_Static_assert(offsetof(seL4_BootInfo, ipcBuffer) == 32, "bootinfo: ipcBuffer");
_Static_assert(offsetof(seL4_BootInfo, empty) == 40, "bootinfo: empty");
_Static_assert(offsetof(seL4_BootInfo, sharedFrames) == 56, "bootinfo: sharedFrames");
_Static_assert(offsetof(seL4_BootInfo, userImageFrames) == 72, "bootinfo: userImageFrames");
_Static_assert(offsetof(seL4_BootInfo, userImagePaging) == 88, "bootinfo: userImagePaging");
_Static_assert(offsetof(seL4_BootInfo, ioSpaceCaps) == 104, "bootinfo: ioSpaceCaps");
_Static_assert(offsetof(seL4_BootInfo, extraBIPages) == 120, "bootinfo: extraBIPages");
_Static_assert(offsetof(seL4_BootInfo, initThreadCNodeSizeBits) == 136, "bootinfo: CNode size");
_Static_assert(offsetof(seL4_BootInfo, initThreadDomain) == 144, "bootinfo: initThreadDomain");
_Static_assert(offsetof(seL4_BootInfo, schedcontrol) == 152, "bootinfo: schedcontrol");
_Static_assert(offsetof(seL4_BootInfo, untyped) == 168, "bootinfo: untyped");
_Static_assert(offsetof(seL4_BootInfo, untypedList) == 184, "bootinfo: untypedList");
_Static_assert(sizeof(seL4_BootInfo) == 3864, "bootinfo: size");

/* Chunks begin one page after the frame; each is a header and its payload, without gaps. */
#define seL4_BootInfoExtraOffset 4096u

enum {
    SEL4_BOOTINFO_HEADER_PADDING = 0,
    SEL4_BOOTINFO_HEADER_X86_VBE = 1,
    SEL4_BOOTINFO_HEADER_X86_MBMMAP = 2,
    SEL4_BOOTINFO_HEADER_X86_ACPI_RSDP = 3,
    SEL4_BOOTINFO_HEADER_X86_FRAMEBUFFER = 4,
    SEL4_BOOTINFO_HEADER_X86_TSC_FREQ = 5,
};

typedef struct {
    seL4_Word id;
    seL4_Word len; /* bytes, this header included */
} seL4_BootInfoHeader;

_Static_assert(sizeof(seL4_BootInfoHeader) == 16, "bootinfo chunk header: size");

/* Multiboot 1 memory map entry, 24 bytes without padding. */
typedef struct {
    uint32_t size;
    uint64_t base_addr;
    uint64_t length;
    uint32_t type; /* 1: RAM */
} __attribute__((packed)) seL4_X86_mb_mmap_t;

#define SEL4_MULTIBOOT_MAX_MMAP_ENTRIES 50

typedef struct {
    seL4_BootInfoHeader header;
    uint32_t mmap_length; /* bytes; 0 when the kernel was booted by Multiboot 2 */
    seL4_X86_mb_mmap_t mmap[SEL4_MULTIBOOT_MAX_MMAP_ENTRIES];
} __attribute__((packed)) seL4_X86_BootInfo_mmap_t;

_Static_assert(sizeof(seL4_X86_BootInfo_mmap_t) == 1220, "bootinfo chunk MBMMAP: size");

/* Root system description pointer (ACPI 6.5, section 5.2.5.3). */
typedef struct {
    char signature[8];
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt_address;
    uint32_t length;
    uint64_t xsdt_address;
    uint8_t extended_checksum;
    uint8_t reserved[3];
} __attribute__((packed)) seL4_X86_acpi_rsdp_t;

typedef struct {
    seL4_BootInfoHeader header;
    seL4_X86_acpi_rsdp_t rsdp;
} __attribute__((packed)) seL4_X86_BootInfo_acpi_rsdp_t;

_Static_assert(sizeof(seL4_X86_BootInfo_acpi_rsdp_t) == 52, "bootinfo chunk ACPI_RSDP: size");

/* Multiboot 2 framebuffer description (Multiboot 2, section 3.6.12). */
typedef struct {
    seL4_BootInfoHeader header;
    uint64_t addr;
    uint32_t pitch; /* bytes from one line to the next */
    uint32_t width;
    uint32_t height;
    uint8_t bpp;
    uint8_t type; /* 1: direct colour */
} __attribute__((packed)) seL4_X86_BootInfo_fb_t;

_Static_assert(sizeof(seL4_X86_BootInfo_fb_t) == 38, "bootinfo chunk FRAMEBUFFER: size");

typedef struct {
    seL4_BootInfoHeader header;
    uint32_t freq_mhz;
} __attribute__((packed)) seL4_X86_BootInfo_tsc_t;

_Static_assert(sizeof(seL4_X86_BootInfo_tsc_t) == 20, "bootinfo chunk TSC_FREQ: size");

#endif
