/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A second address space that shares the image.
 */
#include <rt/component.h>

#include "harness.h"

extern char _start[];

static void map_structures(seL4_CPtr pml4, uintptr_t first, uintptr_t end)
{
    CHECK_OK(seL4_X86_PDPT_Map(object_new(seL4_X86_PDPTObject, 0), pml4, first, 0));
    CHECK_OK(
        seL4_X86_PageDirectory_Map(object_new(seL4_X86_PageDirectoryObject, 0), pml4, first, 0));
    for (uintptr_t at = first & ~0x1fffffull; at < end; at += 0x200000) {
        CHECK_OK(seL4_X86_PageTable_Map(object_new(seL4_X86_PageTableObject, 0), pml4, at, 0));
    }
}

seL4_CPtr space_new(void)
{
    return space_new_in(seL4_CapInitThreadASIDPool);
}

seL4_CPtr space_new_in(seL4_CPtr pool)
{
    uintptr_t first = (uintptr_t)_start & ~(uintptr_t)4095;
    uintptr_t end = (uintptr_t)rt_image_end;
    seL4_CPtr pml4 = object_new(seL4_X64_PML4Object, 0);

    CHECK_OK(seL4_X86_ASIDPool_Assign(pool, pml4));
    map_structures(pml4, first, end);
    for (uintptr_t at = first; at < end; at += 4096) {
        seL4_CPtr frame = cap_copy(image_frame((const void *)at), seL4_AllRights);

        CHECK_OK(seL4_X86_Page_Map(frame, pml4, at, seL4_AllRights, 0));
    }
    return pml4;
}
