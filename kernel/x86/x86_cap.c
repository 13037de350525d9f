/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Capabilities whose type is odd: their properties in the derivation tree, their objects, and which
 * decoder they go to.
 */
#include "api/label.h"
#include "x86/arch.h"
#include "x86/ioport.h"
#include "x86/virt.h"
#include "x86/vspace.h"

enum { PAGE_OBJECT_BITS = 12, VCPU_BITS = 14 };

static bool is_paging_structure(enum cap_type type)
{
    switch (type) {
    case CAP_PAGE_TABLE:
    case CAP_PAGE_DIRECTORY:
    case CAP_PDPT:
    case CAP_PML4:
    case CAP_IO_PAGE_TABLE:
    case CAP_EPT_PT:
    case CAP_EPT_PD:
    case CAP_EPT_PDPT:
    case CAP_EPT_PML4:
        return true;
    default:
        return false;
    }
}

enum result arch_cap_derive(struct call *c, struct slot *slot, struct cap cap, struct cap *derived)
{
    (void)slot;
    *derived = cap;
    if (cap_type(cap) == CAP_FRAME) {
        *derived = cap_frame_with_map(cap, MAP_NONE, 0, 0);
    } else if (cap_type(cap) == CAP_IO_PORT_CONTROL) {
        *derived = cap_null();
    } else if (is_paging_structure(cap_type(cap)) && !cap_mapped(cap)) {
        /* A copy could be mapped a second time. */
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    }
    return OK;
}

struct cap arch_cap_mask_rights(struct cap cap, unsigned rights)
{
    if (cap_type(cap) == CAP_FRAME) {
        return cap_with_detail(cap, 2, 2, cap_frame_rights(cap) & rights);
    }
    return cap;
}

struct cap arch_cap_update_data(bool preserve, uint64_t data, struct cap cap)
{
    return cap_type(cap) == CAP_IO_SPACE ? iommu_cap_update_data(preserve, data, cap) : cap;
}

bool arch_cap_region(struct cap cap, struct paddr *base, unsigned *size_bits)
{
    enum cap_type type = cap_type(cap);
    if (type == CAP_FRAME) {
        *base = cap_paddr(cap);
        *size_bits = cap_frame_bits(cap);
        return true;
    }
    if (is_paging_structure(type) || type == CAP_ASID_POOL || type == CAP_VCPU) {
        *base = arch_paddr(cap_object(cap));
        *size_bits = type == CAP_VCPU ? VCPU_BITS : PAGE_OBJECT_BITS;
        return true;
    }
    return false;
}

bool arch_cap_same_object(struct cap a, struct cap b)
{
    if (cap_type(a) != cap_type(b)) {
        return false;
    }
    switch (cap_type(a)) {
    case CAP_FRAME:
        return cap_paddr(a).v == cap_paddr(b).v && cap_frame_size(a) == cap_frame_size(b) &&
               cap_frame_device(a) == cap_frame_device(b);
    case CAP_IO_PORT:
        return a.w1 == b.w1;
    case CAP_IO_SPACE: /* whatever the domain: a device has one address space */
        return a.w1 == b.w1 || (a.w1 != 0 && b.w1 != 0 && (uint16_t)a.w1 == (uint16_t)b.w1);
    case CAP_IO_PORT_CONTROL:
    case CAP_ASID_CONTROL:
        return true;
    default:
        return cap_object(a) == cap_object(b);
    }
}

bool arch_cap_region_contains(struct cap a, struct cap b)
{
    enum cap_type ta = cap_type(a), tb = cap_type(b);
    if (ta == CAP_FRAME && tb == CAP_FRAME) {
        uint64_t start = cap_paddr(a).v;
        return cap_paddr(b).v >= start && cap_paddr(b).v - start < BIT(cap_frame_bits(a)) &&
               cap_frame_bits(b) <= cap_frame_bits(a);
    }
    if (ta == CAP_IO_PORT_CONTROL && tb == CAP_IO_PORT) {
        return true;
    }
    if (ta == CAP_IO_PORT && tb == CAP_IO_PORT) {
        return ioport_first(a) <= ioport_first(b) && ioport_last(b) <= ioport_last(a);
    }
    if (ta == CAP_IO_SPACE && tb == CAP_IO_SPACE && a.w1 == 0) {
        return true; /* the master capability */
    }
    return arch_cap_same_object(a, b);
}

void arch_cap_finalise(struct cap cap, bool final)
{
    switch (cap_type(cap)) {
    case CAP_FRAME:
        frame_unmap(cap);
        break;
    case CAP_PAGE_TABLE:
    case CAP_PAGE_DIRECTORY:
    case CAP_PDPT:
        if (final) {
            paging_finalise(cap);
        }
        break;
    case CAP_PML4:
        if (final && cap_mapped(cap)) {
            asid_remove((unsigned)cap.w1, cap_object(cap));
        }
        vspace_forget_loadable(); /* it may have been a thread's */
        break;
    case CAP_ASID_POOL:
        if (final) {
            asid_pool_finalise(cap);
        }
        break;
    case CAP_IO_PORT:
        if (final) {
            virt_cap_finalise(cap, true);
            ioport_release(cap);
        }
        break;
    case CAP_IO_PORT_CONTROL:
    case CAP_ASID_CONTROL:
        break;
    default:
        virt_cap_finalise(cap, final);
        break;
    }
}

unsigned arch_object_bits(uint64_t type)
{
    switch (type) {
    case OBJECT_FRAME_4K:
    case OBJECT_PDPT:
    case OBJECT_PML4:
    case OBJECT_PAGE_TABLE:
    case OBJECT_PAGE_DIRECTORY:
        return PAGE_OBJECT_BITS;
    case OBJECT_FRAME_2M:
        return 21;
    case OBJECT_FRAME_1G:
        return 30;
    default:
        return virt_object_bits(type);
    }
}

bool arch_object_device_ok(uint64_t type)
{
    return type == OBJECT_FRAME_4K || type == OBJECT_FRAME_2M || type == OBJECT_FRAME_1G;
}

struct cap arch_object_create(uint64_t type, struct paddr base, bool device)
{
    const unsigned both = RIGHT_READ | RIGHT_WRITE;
    switch (type) {
    case OBJECT_FRAME_4K:
        return cap_frame(base, FRAME_4K, both, device);
    case OBJECT_FRAME_2M:
        return cap_frame(base, FRAME_2M, both, device);
    case OBJECT_FRAME_1G:
        return cap_frame(base, FRAME_1G, both, device);
    case OBJECT_PML4:
        vspace_init_pml4(arch_window(base));
        return cap_for_object(CAP_PML4, arch_window(base));
    case OBJECT_PDPT:
        return cap_for_object(CAP_PDPT, arch_window(base));
    case OBJECT_PAGE_DIRECTORY:
        return cap_for_object(CAP_PAGE_DIRECTORY, arch_window(base));
    case OBJECT_PAGE_TABLE:
        return cap_for_object(CAP_PAGE_TABLE, arch_window(base));
    default:
        return virt_object_create(type, base);
    }
}

bool arch_is_valid_buffer(struct cap frame, uint64_t address)
{
    const unsigned both = RIGHT_READ | RIGHT_WRITE;
    (void)address;
    return cap_type(frame) == CAP_FRAME && !cap_frame_device(frame) &&
           (cap_frame_rights(frame) & both) == both;
}

bool arch_is_valid_vspace(struct cap cap)
{
    return cap_type(cap) == CAP_PML4 && cap_mapped(cap) &&
           asid_lookup((unsigned)cap.w1, false) == cap_object(cap);
}

enum result x86_decode(struct call *c)
{
    switch (cap_type(c->cap)) {
    case CAP_FRAME:
        return frame_decode(c);
    case CAP_PAGE_TABLE:
    case CAP_PAGE_DIRECTORY:
    case CAP_PDPT:
        return paging_decode(c);
    case CAP_PML4:
        return call_fail(c, SEL4_ILLEGAL_OPERATION);
    case CAP_ASID_CONTROL:
        return asid_control_decode(c);
    case CAP_ASID_POOL:
        return asid_pool_decode(c);
    case CAP_IO_PORT_CONTROL:
        return ioport_control_decode(c);
    case CAP_IO_PORT:
        return ioport_decode(c);
    default:
        return virt_decode(c);
    }
}
