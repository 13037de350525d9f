/* SPDX-License-Identifier: BSD-2-Clause */
#include "x86/iommu/iommu.h"
#include "x86/virt.h"

void iommu_init(const struct acpi_info *acpi, bool enable)
{
    (void)acpi;
    (void)enable;
}

unsigned iommu_levels(void)
{
    return 0; /* none found */
}

struct cap iommu_master_cap(void)
{
    return cap_make(CAP_IO_SPACE, 0, 0, 0);
}

void iommu_interrupt(void)
{
}

/* Badge of a device: domain [31:16], bus [15:8], device [7:3], function [2:0]; domain 0 is
 * reserved. Only the master capability can become one. */
struct cap iommu_cap_update_data(bool preserve, uint64_t data, struct cap cap)
{
    if (preserve || cap.w1 != 0 || data >> 32 != 0 || data >> 16 == 0)
        return cap_null();
    cap.w1 = data;
    return cap;
}

enum result iommu_decode(struct call *c)
{
    return call_fail(c, SEL4_ILLEGAL_OPERATION);
}

enum result iommu_map_frame(struct call *c)
{
    return call_fail(c, SEL4_ILLEGAL_OPERATION);
}
