/* SPDX-License-Identifier: BSD-2-Clause
 *
 * virt.h: chooses the vendor at boot and passes capabilities on to the file of their object.
 */
#include "x86/virt.h"
#include "api/label.h"
#include "x86/arch.h"
#include "x86/cpu.h"
#include "x86/ept.h"
#include "x86/iommu/iommu.h"
#include "x86/ioport.h"
#include "x86/svm/svm.h"
#include "x86/vcpu.h"
#include "x86/vendor.h"

void virt_init(void)
{
    if (svm_is_available())
        vcpu_vendor = VENDOR_SVM;
    else if (vmx_is_available())
        vcpu_vendor = VENDOR_VMX;
    if (vcpu_vendor == VENDOR_NONE)
        return;
    vcpu_state_init();
    ept_init(vcpu_vendor == VENDOR_SVM, (vendor_features() & QUOIN_FEATURE_EPT_1G) != 0);
}

void virt_init_core(void)
{
    unsigned core = core_self()->id;
    if (vcpu_vendor == VENDOR_NONE)
        return;
    vcpu_state_init_core(core);
    vendor_init_core(core);
}

uint64_t virt_features(void)
{
    if (vcpu_vendor == VENDOR_NONE)
        return 0;
    return vendor_features() | QUOIN_FEATURE_VMENTER_EXT | QUOIN_FEATURE_PORT_SERVICE;
}

uint64_t virt_max_xcr0(void)
{
    return vcpu_max_xcr0();
}

unsigned virt_object_bits(uint64_t type)
{
    switch (type) {
    case OBJECT_IO_PAGE_TABLE:
        return PAGE_BITS;
    case OBJECT_VCPU:
        return vcpu_vendor != VENDOR_NONE ? VCPU_BITS : 0;
    case OBJECT_EPT_PML4:
    case OBJECT_EPT_PDPT:
    case OBJECT_EPT_PD:
    case OBJECT_EPT_PT:
        return vcpu_vendor != VENDOR_NONE ? PAGE_BITS : 0;
    default:
        return 0;
    }
}

struct cap virt_object_create(uint64_t type, struct paddr base)
{
    switch (type) {
    case OBJECT_VCPU:
        return vcpu_create(base);
    case OBJECT_EPT_PML4:
        return ept_create(CAP_EPT_PML4, base);
    case OBJECT_EPT_PDPT:
        return ept_create(CAP_EPT_PDPT, base);
    case OBJECT_EPT_PD:
        return ept_create(CAP_EPT_PD, base);
    case OBJECT_EPT_PT:
        return ept_create(CAP_EPT_PT, base);
    default:
        return cap_for_object(CAP_IO_PAGE_TABLE, arch_window(base));
    }
}

enum result virt_decode(struct call *c)
{
    switch (cap_type(c->cap)) {
    case CAP_VCPU:
        return vcpu_decode(c);
    case CAP_EPT_PML4:
    case CAP_EPT_PDPT:
    case CAP_EPT_PD:
    case CAP_EPT_PT:
        return ept_decode(c);
    default:
        return iommu_decode(c);
    }
}

enum result virt_map_frame(struct call *c)
{
    return c->label == LABEL_PAGE_MAP_EPT ? ept_map_frame(c) : iommu_map_frame(c);
}

void virt_unmap_frame(struct cap frame)
{
    if (cap_frame_map(frame) == MAP_EPT)
        ept_unmap_frame(frame);
    else if (cap_frame_map(frame) == MAP_IOSPACE)
        iommu_unmap_frame(frame);
}

enum result virt_tcb_set_ept_root(struct call *c)
{
    if (c->extra_count < 1)
        return call_fail(c, SEL4_TRUNCATED_MESSAGE);
    struct tcb *t = cap_object(c->cap);
    struct slot *source = c->extra[0];
    unsigned asid;
    ept_root(source->cap, &asid);
    if (asid == 0)
        return call_invalid_capability(c, 1);

    struct slot *slot = &t->slots[TCB_SLOT_EPT];
    struct cap old = slot->cap;
    if (old.w0 == source->cap.w0 && old.w1 == source->cap.w1)
        return OK;
    if (t->vcpu)
        vcpu_quiesce(t->vcpu);
    slot_delete_short(slot);
    slot_insert(slot, source->cap, source, false);
    return OK;
}

void virt_cap_finalise(struct cap cap, bool final)
{
    switch (cap_type(cap)) {
    case CAP_VCPU:
        if (final)
            vcpu_destroy(cap_object(cap));
        break;
    case CAP_EPT_PML4:
    case CAP_EPT_PDPT:
    case CAP_EPT_PD:
    case CAP_EPT_PT:
        ept_cap_finalise(cap, final);
        break;
    case CAP_IO_SPACE:
    case CAP_IO_PAGE_TABLE:
        if (final)
            iommu_cap_finalise(cap);
        break;
    case CAP_IO_PORT:
        vcpu_port_revoked((uint16_t)ioport_first(cap), (uint16_t)ioport_last(cap));
        break;
    default:
        break;
    }
}

void virt_tcb_finalise(struct tcb *t)
{
    if (t->vcpu)
        vcpu_unbind(t->vcpu);
}

void virt_asid_removed(unsigned asid)
{
    ept_asid_removed(asid);
}
