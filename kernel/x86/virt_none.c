/* SPDX-License-Identifier: BSD-2-Clause
 *
 * virt.h on a kernel without virtualization: no such objects, no guests.
 */
#include "x86/virt.h"

#include "x86/arch.h"

void iommu_init(const struct acpi_info *acpi, bool enable)
{
    (void)acpi;
    (void)enable;
}
unsigned iommu_levels(void)
{
    return 0;
}
struct cap iommu_master_cap(void)
{
    return cap_make(CAP_IO_SPACE, 0, 0, 0);
}
void iommu_interrupt(void)
{
}
struct cap iommu_cap_update_data(bool preserve, uint64_t data, struct cap cap)
{
    (void)preserve;
    (void)data;
    return cap;
}
void virt_init(void)
{
}
void virt_init_core(void)
{
}
uint64_t virt_features(void)
{
    return 0;
}
uint64_t virt_max_xcr0(void)
{
    return 0;
}
unsigned virt_object_bits(uint64_t type)
{
    (void)type;
    return 0;
}
struct cap virt_object_create(uint64_t type, struct paddr base)
{
    (void)type;
    (void)base;
    return cap_null();
}
enum result virt_decode(struct call *c)
{
    return call_fail(c, SEL4_ILLEGAL_OPERATION);
}
enum result virt_map_frame(struct call *c)
{
    return call_fail(c, SEL4_ILLEGAL_OPERATION);
}
void virt_unmap_frame(struct cap frame)
{
    (void)frame;
}
enum result virt_tcb_set_ept_root(struct call *c)
{
    return call_fail(c, SEL4_ILLEGAL_OPERATION);
}
void virt_cap_finalise(struct cap cap, bool final)
{
    (void)cap;
    (void)final;
}
void virt_tcb_finalise(struct tcb *t)
{
    (void)t;
}
void virt_asid_removed(unsigned asid)
{
    (void)asid;
}
void virt_run(struct core *core)
{
    (void)core;
}
void virt_switch_to(struct core *core, struct tcb *t)
{
    (void)core;
    (void)t;
}
bool virt_holds_fpu(const struct core *core, const struct tcb *t)
{
    (void)core;
    (void)t;
    return false;
}
void virt_fpu_release(struct core *core)
{
    (void)core;
}
void arch_vmenter(struct core *core, struct tcb *t, bool extended)
{
    (void)extended;
    kernel_unknown_syscall(core, t->context.rdx);
}
void arch_vm_interrupted(struct tcb *t)
{
    (void)t;
}
