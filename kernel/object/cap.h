/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Capabilities: two words, the type in the low five bits of the first (the numbers are what
 * DebugCapIdentify returns, ABI section 7).
 *
 *   w0  [4:0] type   [19:5] detail of the type   [63:20] object address >> 4 (low 48 bits)
 *   w1  badge, guard, mapping or other detail of the type
 *
 * Kernel objects are named by their address in the physical window; frames and untypeds, which
 * may be device memory, by their physical address.
 */
#ifndef KERNEL_OBJECT_CAP_H
#define KERNEL_OBJECT_CAP_H

#include "config.h"
#include "types.h"

enum cap_type {
    CAP_NULL = 0,
    CAP_UNTYPED = 2,
    CAP_ENDPOINT = 4,
    CAP_NOTIFICATION = 6,
    CAP_REPLY = 8,
    CAP_CNODE = 10,
    CAP_THREAD = 12,
    CAP_IRQ_CONTROL = 14,
    CAP_IRQ_HANDLER = 16,
    CAP_ZOMBIE = 18,
    CAP_DOMAIN = 20,
    CAP_SCHED_CONTEXT = 22,
    CAP_SCHED_CONTROL = 24,
    CAP_TIMER = 26,
    CAP_FRAME = 1,
    CAP_PAGE_TABLE = 3,
    CAP_PAGE_DIRECTORY = 5,
    CAP_PDPT = 7,
    CAP_PML4 = 9,
    CAP_ASID_CONTROL = 11,
    CAP_ASID_POOL = 13,
    CAP_IO_SPACE = 15,
    CAP_IO_PAGE_TABLE = 17,
    CAP_IO_PORT = 19,
    CAP_VCPU = 21,
    CAP_EPT_PT = 23,
    CAP_EPT_PD = 25,
    CAP_EPT_PDPT = 27,
    CAP_EPT_PML4 = 29,
    CAP_IO_PORT_CONTROL = 31,
};

struct cap {
    uint64_t w0, w1;
};

/* Rights as in seL4_CapRights: the word of Mint and Copy. */
#define RIGHT_WRITE       1u
#define RIGHT_READ        2u
#define RIGHT_GRANT       4u
#define RIGHT_GRANT_REPLY 8u
#define RIGHTS_ALL        15u

enum frame_size { FRAME_4K, FRAME_2M, FRAME_1G };
enum map_kind { MAP_NONE, MAP_VSPACE, MAP_EPT, MAP_IOSPACE };

static inline enum cap_type cap_type(struct cap c)
{
    return (enum cap_type)(c.w0 & 31);
}

static inline bool cap_is_null(struct cap c)
{
    return c.w0 == 0;
}

static inline uint64_t cap_detail(struct cap c, unsigned shift, unsigned bits)
{
    return (c.w0 >> (5 + shift)) & MASK(bits);
}

static inline struct cap cap_with_detail(struct cap c, unsigned shift, unsigned bits,
                                         uint64_t value)
{
    c.w0 = (c.w0 & ~(MASK(bits) << (5 + shift))) | ((value & MASK(bits)) << (5 + shift));
    return c;
}

/* Address of the kernel object (in the physical window). */
static inline void *cap_object(struct cap c)
{
    /* Bit 47 of a kernel address is set: shifting the sign in restores the upper bits. */
    return (void *)(uintptr_t)((uint64_t)((int64_t)c.w0 >> 20) << 4);
}

/* Physical address of a frame or untyped. */
static inline struct paddr cap_paddr(struct cap c)
{
    return (struct paddr){c.w0 >> 20 << 4};
}

static inline struct cap cap_make(enum cap_type type, uint64_t address, uint64_t detail,
                                  uint64_t w1)
{
    return (struct cap){(uint64_t)type | detail << 5 | (address & MASK(48)) >> 4 << 20, w1};
}

static inline struct cap cap_null(void)
{
    return (struct cap){0, 0};
}

static inline struct cap cap_for_object(enum cap_type type, const void *object)
{
    return cap_make(type, (uint64_t)(uintptr_t)object, 0, 0);
}

/* Untyped: detail [5:0] size bits, [6] device; w1 bytes used. */
static inline struct cap cap_untyped(struct paddr base, unsigned size_bits, bool device,
                                     uint64_t used)
{
    return cap_make(CAP_UNTYPED, base.v, size_bits | (uint64_t)device << 6, used);
}
static inline unsigned cap_untyped_bits(struct cap c)
{
    return (unsigned)cap_detail(c, 0, 6);
}
static inline bool cap_untyped_device(struct cap c)
{
    return cap_detail(c, 6, 1) != 0;
}

/* Endpoint, notification, reply: detail [3:0] rights; w1 badge. */
static inline unsigned cap_rights(struct cap c)
{
    return (unsigned)cap_detail(c, 0, 4);
}
/* These rights, as they stand in w0. */
static inline uint64_t cap_rights_mask(unsigned rights)
{
    return (uint64_t)rights << 5;
}
static inline struct cap cap_with_rights(struct cap c, unsigned rights)
{
    return cap_with_detail(c, 0, 4, rights);
}

/* CNode: detail [5:0] radix, [11:6] guard size; w1 guard. */
static inline struct cap cap_cnode(const void *slots, unsigned radix, unsigned guard_size,
                                   uint64_t guard)
{
    return cap_make(CAP_CNODE, (uint64_t)(uintptr_t)slots, radix | guard_size << 6, guard);
}
static inline unsigned cap_cnode_radix(struct cap c)
{
    return (unsigned)cap_detail(c, 0, 6);
}
static inline unsigned cap_cnode_guard_size(struct cap c)
{
    return (unsigned)cap_detail(c, 6, 6);
}

/* Zombie (a CNode or thread being deleted): detail [5:0] radix, [6] thread; w1 slots left. */
static inline bool cap_zombie_is_thread(struct cap c)
{
    return cap_detail(c, 6, 1) != 0;
}

/* Scheduling context: detail [5:0] size bits. Scheduling control: w1 core. IRQ handler: w1 irq. */

/* Frame: detail [1:0] enum frame_size, [3:2] rights (read, write), [4] device,
 * [6:5] enum map_kind; w1 address mapped at | ASID (for MAP_IOSPACE: its own encoding). */
static inline struct cap cap_frame(struct paddr base, enum frame_size size, unsigned rights,
                                   bool device)
{
    return cap_make(CAP_FRAME, base.v, (uint64_t)size | rights << 2 | (uint64_t)device << 4, 0);
}
static inline enum frame_size cap_frame_size(struct cap c)
{
    return (enum frame_size)cap_detail(c, 0, 2);
}
static inline unsigned cap_frame_bits(struct cap c)
{
    return 12 + 9 * (unsigned)cap_frame_size(c);
}
static inline unsigned cap_frame_rights(struct cap c)
{
    return (unsigned)cap_detail(c, 2, 2);
}
static inline bool cap_frame_device(struct cap c)
{
    return cap_detail(c, 4, 1) != 0;
}
static inline enum map_kind cap_frame_map(struct cap c)
{
    return (enum map_kind)cap_detail(c, 5, 2);
}
static inline struct cap cap_frame_with_map(struct cap c, enum map_kind kind, uint64_t address,
                                            unsigned asid)
{
    c = cap_with_detail(c, 5, 2, (uint64_t)kind);
    c.w1 = address | asid;
    return c;
}

/* Paging structures (page table, directory, PDPT, EPT ones): detail [0] mapped;
 * w1 address | ASID. Roots (PML4, EPT PML4): detail [0] has an ASID; w1 ASID. */
static inline bool cap_mapped(struct cap c)
{
    return cap_detail(c, 0, 1) != 0;
}
static inline struct cap cap_with_mapping(struct cap c, bool mapped, uint64_t address,
                                          unsigned asid)
{
    c = cap_with_detail(c, 0, 1, mapped);
    c.w1 = mapped ? address | asid : 0;
    return c;
}
static inline uint64_t cap_map_address(struct cap c)
{
    return c.w1 & ~MASK(PAGE_BITS);
}
static inline unsigned cap_map_asid(struct cap c)
{
    return (unsigned)(c.w1 & MASK(PAGE_BITS));
}

/* ASID pool: w1 first ASID. IO port: w1 first | last << 16. IO space: w1 domain << 16 | BDF. */

/* A slot of a CNode, with its place in the derivation tree. 32 bytes, ABI section 8. */
struct slot {
    struct cap cap;
    uint64_t prev; /* struct slot *, 0 at the ends */
    uint64_t next; /* struct slot * | SLOT_ORIGINAL */
};
#define SLOT_BITS     5
#define SLOT_ORIGINAL 1ull /* copies of this capability are its descendants */
_Static_assert(sizeof(struct slot) == 1u << SLOT_BITS, "slot size is ABI");

#endif
