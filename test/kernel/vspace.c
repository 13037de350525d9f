/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Frames and paging structures: mapping, each error, rights, unmapping in every order.
 */
#include "test.h"

/* Nothing is mapped here: no PDPT, no page directory, no page table. */
#define FAR 0x200000000000ull
/* The image's PDPT and page directory cover this one; a page table is missing. */
#define NEAR 0x10000000ull

static volatile seL4_Word *at(seL4_Word address)
{
    return (volatile seL4_Word *)(uintptr_t)address;
}

static seL4_CPtr table_new(void)
{
    return object_new(seL4_X86_PageTableObject, 0);
}

static seL4_CPtr directory_new(void)
{
    return object_new(seL4_X86_PageDirectoryObject, 0);
}

static seL4_CPtr pdpt_new(void)
{
    return object_new(seL4_X86_PDPTObject, 0);
}

static seL4_CPtr pml4_new(void)
{
    seL4_CPtr pml4 = object_new(seL4_X64_PML4Object, 0);

    CHECK_OK(seL4_X86_ASIDPool_Assign(seL4_CapInitThreadASIDPool, pml4));
    return pml4;
}

static seL4_Error map(seL4_CPtr frame, seL4_Word address)
{
    return seL4_X86_Page_Map(frame, VSPACE, address, seL4_AllRights, 0);
}

/* Page tables down to 4 KiB at address. */
static void structures_at(seL4_CPtr vspace, seL4_Word address)
{
    CHECK_OK(seL4_X86_PDPT_Map(pdpt_new(), vspace, address, 0));
    CHECK_OK(seL4_X86_PageDirectory_Map(directory_new(), vspace, address, 0));
    CHECK_OK(seL4_X86_PageTable_Map(table_new(), vspace, address, 0));
}

TEST(page_map_and_use)
{
    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(frame_new(), NEAR));
    CHECK_EQ(*at(NEAR), 0);
    *at(NEAR) = 5;
    CHECK_EQ(*at(NEAR), 5);
}

TEST(page_map_says_which_structure_is_missing)
{
    seL4_CPtr frame = frame_new();

    CHECK_LOOKUP(map(frame, FAR), 0, seL4_MissingCapability);
    CHECK_EQ(seL4_GetMR(2), SEL4_MAPPING_LOOKUP_NO_PDPT);
    CHECK_OK(seL4_X86_PDPT_Map(pdpt_new(), VSPACE, FAR, 0));
    CHECK_LOOKUP(map(frame, FAR), 0, seL4_MissingCapability);
    CHECK_EQ(seL4_GetMR(2), SEL4_MAPPING_LOOKUP_NO_PD);
    CHECK_OK(seL4_X86_PageDirectory_Map(directory_new(), VSPACE, FAR, 0));
    CHECK_LOOKUP(map(frame, FAR), 0, seL4_MissingCapability);
    CHECK_EQ(seL4_GetMR(2), SEL4_MAPPING_LOOKUP_NO_PT);
    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, FAR, 0));
    CHECK_OK(map(frame, FAR));
    *at(FAR) = 1;
}

TEST(page_map_misaligned)
{
    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_EQ(map(frame_new(), NEAR + 8), seL4_AlignmentError);
    CHECK_EQ(map(object_new(seL4_X86_LargePageObject, 0), NEAR + 0x200000 + 4096),
             seL4_AlignmentError);
}

TEST(page_map_kernel_address)
{
    CHECK_EQ(map(frame_new(), 0xffffffff80000000ull), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_EQ(map(frame_new(), 0x800000000000ull), seL4_InvalidArgument);
    CHECK_EQ(map(frame_new(), 0xfffffffffffff000ull), seL4_InvalidArgument);
}

TEST(page_map_not_a_vspace)
{
    CHECK_EQ(seL4_X86_Page_Map(frame_new(), endpoint_new(), NEAR, seL4_AllRights, 0),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
}

TEST(page_map_vspace_without_asid)
{
    CHECK_EQ(
        seL4_X86_Page_Map(frame_new(), object_new(seL4_X64_PML4Object, 0), NEAR, seL4_AllRights, 0),
        seL4_InvalidCapability);
}

TEST(page_map_occupied)
{
    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(frame_new(), NEAR));
    CHECK_EQ(map(frame_new(), NEAR), seL4_DeleteFirst);
}

TEST(page_map_again_at_another_address)
{
    seL4_CPtr frame = frame_new();

    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(frame, NEAR));
    CHECK_EQ(map(frame, NEAR + 4096), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 0);
}

TEST(page_map_again_in_another_vspace)
{
    seL4_CPtr frame = frame_new(), pml4 = pml4_new();

    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    structures_at(pml4, NEAR);
    CHECK_OK(map(frame, NEAR));
    CHECK_EQ(seL4_X86_Page_Map(frame, pml4, NEAR, seL4_AllRights, 0), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
}

TEST(page_map_truncated)
{
    seL4_SetCap(0, VSPACE);
    CHECK_EQ(seL4_x64_invoke(frame_new(), X86PageMap, 1, 2, NEAR, 3, 0, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke(frame_new(), X86PageMap, 0, 3, NEAR, 3, 0, 0), seL4_TruncatedMessage);
}

static void write_word(struct thread *self)
{
    self->step = 1;
    *at(self->arg[0]) = 1;
    self->step = 2;
}

static void read_word(struct thread *self)
{
    self->step = 1;
    self->result = *at(self->arg[0]);
    self->step = 2;
}

static seL4_Word access_faults(void (*entry)(struct thread *self), seL4_Word address)
{
    struct thread *thread = thread_run(HIGHER, entry, address, 0, 0);

    return thread->step == 1;
}

TEST(page_read_only_mapping)
{
    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(seL4_X86_Page_Map(frame_new(), VSPACE, NEAR, seL4_CanRead, 0));
    CHECK(!access_faults(read_word, NEAR));
    CHECK(access_faults(write_word, NEAR));
}

TEST(page_read_only_capability)
{
    seL4_CPtr reader = cap_copy(frame_new(), seL4_CanRead);

    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(reader, NEAR));
    CHECK(!access_faults(read_word, NEAR));
    CHECK(access_faults(write_word, NEAR));
}

TEST(page_map_again_changes_rights)
{
    seL4_CPtr frame = frame_new();

    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(frame, NEAR));
    *at(NEAR) = 3;
    CHECK_OK(seL4_X86_Page_Map(frame, VSPACE, NEAR, seL4_CanRead, 0));
    CHECK_EQ(*at(NEAR), 3);
    CHECK(access_faults(write_word, NEAR));
    CHECK_OK(map(frame, NEAR));
    CHECK(!access_faults(write_word, NEAR));
}

TEST(page_map_attributes)
{
    seL4_CPtr frame = frame_new();

    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    for (seL4_X86_VMAttributes attr = seL4_X86_WriteBack; attr <= seL4_X86_WriteCombining; attr++) {
        CHECK_OK(seL4_X86_Page_Map(frame, VSPACE, NEAR, seL4_AllRights, attr));
        *at(NEAR) = (seL4_Word)attr;
        CHECK_EQ(*at(NEAR), attr);
    }
}

TEST(page_unmap)
{
    seL4_CPtr frame = frame_new();

    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(frame, NEAR));
    *at(NEAR) = 1;
    CHECK_OK(seL4_X86_Page_Unmap(frame));
    CHECK(access_faults(read_word, NEAR));
    CHECK_OK(map(frame, NEAR + 4096));
    CHECK_EQ(*at(NEAR + 4096), 1);
}

TEST(page_unmap_not_mapped)
{
    CHECK_OK(seL4_X86_Page_Unmap(frame_new()));
}

TEST(page_unmap_of_a_copy_keeps_the_other_mapping)
{
    seL4_CPtr frame = frame_new(), copy = cap_copy(frame, seL4_AllRights);

    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(frame, NEAR));
    CHECK_OK(map(copy, NEAR + 4096));
    *at(NEAR) = 7;
    CHECK_EQ(*at(NEAR + 4096), 7);
    CHECK_OK(seL4_X86_Page_Unmap(copy));
    CHECK_EQ(*at(NEAR), 7);
    CHECK(access_faults(read_word, NEAR + 4096));
}

TEST(page_deleted_is_unmapped)
{
    seL4_CPtr frame = frame_new(), copy = cap_copy(frame, seL4_AllRights);

    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(copy, NEAR));
    *at(NEAR) = 1;
    CHECK_OK(cap_delete(copy));
    CHECK(access_faults(read_word, NEAR));
    CHECK_OK(map(frame, NEAR));
    CHECK_EQ(*at(NEAR), 1);
}

TEST(page_revoked_is_unmapped)
{
    seL4_CPtr frame = frame_new(), copy = cap_copy(frame, seL4_AllRights);

    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(copy, NEAR));
    CHECK_OK(cap_revoke(frame));
    CHECK(access_faults(read_word, NEAR));
}

TEST(page_get_address)
{
    seL4_CPtr a = frame_new(), b = frame_new();
    seL4_X86_Page_GetAddress_t x = seL4_X86_Page_GetAddress(a);
    seL4_X86_Page_GetAddress_t y = seL4_X86_Page_GetAddress(b);

    CHECK_OK(x.error);
    CHECK_OK(y.error);
    CHECK(x.paddr != y.paddr && x.paddr % 4096 == 0 && y.paddr % 4096 == 0);
}

TEST(page_other_label)
{
    CHECK_EQ(seL4_x64_invoke0(frame_new(), TCBSuspend, 0), seL4_IllegalOperation);
    CHECK_EQ(seL4_x64_invoke0(frame_new(), X86PageTableUnmap, 0), seL4_IllegalOperation);
}

/* 2 MiB and 1 GiB pages. */

TEST(large_page_map_and_use)
{
    seL4_CPtr page = object_new(seL4_X86_LargePageObject, 0);

    CHECK_OK(map(page, NEAR));
    *at(NEAR) = 1;
    *at(NEAR + 0x1ffff8) = 2;
    CHECK_EQ(*at(NEAR), 1);
    CHECK_OK(seL4_X86_Page_Unmap(page));
    CHECK(access_faults(read_word, NEAR + 0x100000));
}

TEST(large_page_over_a_page_table)
{
    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_EQ(map(object_new(seL4_X86_LargePageObject, 0), NEAR), seL4_DeleteFirst);
}

TEST(large_page_under_a_page_table)
{
    CHECK_OK(map(object_new(seL4_X86_LargePageObject, 0), NEAR));
    CHECK_EQ(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0), seL4_DeleteFirst);
    CHECK_LOOKUP(map(frame_new(), NEAR), 0, seL4_MissingCapability);
    CHECK_EQ(seL4_GetMR(2), SEL4_MAPPING_LOOKUP_NO_PT);
}

TEST(large_page_missing_structures)
{
    CHECK_LOOKUP(map(object_new(seL4_X86_LargePageObject, 0), FAR), 0, seL4_MissingCapability);
    CHECK_EQ(seL4_GetMR(2), SEL4_MAPPING_LOOKUP_NO_PDPT);
}

TEST(huge_page_map_and_use)
{
    for (seL4_Word i = 0; i < boot_info->untyped.end - boot_info->untyped.start; i++) {
        const seL4_UntypedDesc *desc = &boot_info->untypedList[i];
        seL4_CPtr page = slot_new();

        if (desc->isDevice || desc->sizeBits < seL4_HugePageBits) {
            continue;
        }
        CHECK_OK(seL4_Untyped_Retype(boot_info->untyped.start + i, seL4_X64_HugePageObject, 0, ROOT,
                                     0, 0, page, 1));
        CHECK_LOOKUP(map(page, FAR), 0, seL4_MissingCapability);
        CHECK_EQ(seL4_GetMR(2), SEL4_MAPPING_LOOKUP_NO_PDPT);
        CHECK_OK(seL4_X86_PDPT_Map(pdpt_new(), VSPACE, FAR, 0));
        CHECK_OK(map(page, FAR));
        *at(FAR + 0x3ffffff8) = 9;
        CHECK_EQ(*at(FAR + 0x3ffffff8), 9);
        CHECK_OK(cap_delete(page));
        CHECK(access_faults(read_word, FAR + 0x1000));
        return;
    }
    test_skip("no untyped of 1 GiB");
}

/* Structures. */

TEST(page_table_map_errors)
{
    seL4_CPtr table = table_new();

    CHECK_LOOKUP(seL4_X86_PageTable_Map(table, VSPACE, FAR, 0), 0, seL4_MissingCapability);
    CHECK_EQ(seL4_GetMR(2), SEL4_MAPPING_LOOKUP_NO_PDPT);
    CHECK_EQ(seL4_X86_PageTable_Map(table, VSPACE, 0xffffffff80000000ull, 0), seL4_InvalidArgument);
    CHECK_EQ(seL4_X86_PageTable_Map(table, endpoint_new(), NEAR, 0), seL4_InvalidCapability);
    CHECK_EQ(seL4_X86_PageTable_Map(table, object_new(seL4_X64_PML4Object, 0), NEAR, 0),
             seL4_InvalidCapability);
    CHECK_OK(seL4_X86_PageTable_Map(table, VSPACE, NEAR, 0));
    CHECK_EQ(seL4_X86_PageTable_Map(table, VSPACE, NEAR + 0x200000, 0), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_EQ(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0), seL4_DeleteFirst);
    seL4_SetCap(0, VSPACE);
    CHECK_EQ(seL4_x64_invoke1(table_new(), X86PageTableMap, 1, NEAR), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke2(table_new(), X86PageTableMap, 0, NEAR, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke0(table_new(), TCBSuspend, 0), seL4_IllegalOperation);
}

TEST(page_directory_map_errors)
{
    seL4_CPtr directory = directory_new();

    CHECK_LOOKUP(seL4_X86_PageDirectory_Map(directory, VSPACE, FAR, 0), 0, seL4_MissingCapability);
    CHECK_EQ(seL4_GetMR(2), SEL4_MAPPING_LOOKUP_NO_PDPT);
    CHECK_EQ(seL4_X86_PageDirectory_Map(directory, VSPACE, NEAR, 0), seL4_DeleteFirst);
    CHECK_EQ(seL4_X86_PageDirectory_Map(directory, VSPACE, 0xffff800000000000ull, 0),
             seL4_InvalidArgument);
    CHECK_OK(seL4_X86_PDPT_Map(pdpt_new(), VSPACE, FAR, 0));
    CHECK_OK(seL4_X86_PageDirectory_Map(directory, VSPACE, FAR, 0));
    CHECK_EQ(seL4_X86_PageDirectory_Map(directory, VSPACE, FAR + 0x40000000, 0),
             seL4_InvalidCapability);
    seL4_SetCap(0, VSPACE);
    CHECK_EQ(seL4_x64_invoke1(directory_new(), X86PageDirectoryMap, 1, FAR), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke0(directory_new(), TCBSuspend, 0), seL4_IllegalOperation);
}

TEST(pdpt_map_errors)
{
    seL4_CPtr pdpt = pdpt_new();

    CHECK_EQ(seL4_X86_PDPT_Map(pdpt, VSPACE, NEAR, 0), seL4_DeleteFirst);
    CHECK_EQ(seL4_X86_PDPT_Map(pdpt, VSPACE, 0xffff800000000000ull, 0), seL4_InvalidArgument);
    CHECK_EQ(seL4_X86_PDPT_Map(pdpt, endpoint_new(), FAR, 0), seL4_InvalidCapability);
    CHECK_OK(seL4_X86_PDPT_Map(pdpt, VSPACE, FAR, 0));
    CHECK_EQ(seL4_X86_PDPT_Map(pdpt, VSPACE, FAR + 0x8000000000ull, 0), seL4_InvalidCapability);
    seL4_SetCap(0, VSPACE);
    CHECK_EQ(seL4_x64_invoke1(pdpt_new(), X86PDPTMap, 1, FAR), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke0(pdpt_new(), TCBSuspend, 0), seL4_IllegalOperation);
}

TEST(structures_unmap_and_map_again)
{
    seL4_CPtr pdpt = pdpt_new(), directory = directory_new(), table = table_new();
    seL4_CPtr frame = frame_new();

    for (int round = 0; round < 2; round++) {
        CHECK_OK(seL4_X86_PDPT_Map(pdpt, VSPACE, FAR, 0));
        CHECK_OK(seL4_X86_PageDirectory_Map(directory, VSPACE, FAR, 0));
        CHECK_OK(seL4_X86_PageTable_Map(table, VSPACE, FAR, 0));
        CHECK_OK(map(frame, FAR));
        *at(FAR) = 1;
        CHECK_OK(seL4_X86_Page_Unmap(frame));
        CHECK_OK(seL4_X86_PageTable_Unmap(table));
        CHECK_OK(seL4_X86_PageDirectory_Unmap(directory));
        CHECK_OK(seL4_X86_PDPT_Unmap(pdpt));
    }
}

TEST(structures_unmap_from_the_top)
{
    seL4_CPtr pdpt = pdpt_new(), directory = directory_new(), table = table_new();
    seL4_CPtr frame = frame_new();

    CHECK_OK(seL4_X86_PDPT_Map(pdpt, VSPACE, FAR, 0));
    CHECK_OK(seL4_X86_PageDirectory_Map(directory, VSPACE, FAR, 0));
    CHECK_OK(seL4_X86_PageTable_Map(table, VSPACE, FAR, 0));
    CHECK_OK(map(frame, FAR));
    *at(FAR) = 1;
    CHECK_OK(seL4_X86_PDPT_Unmap(pdpt));
    CHECK(access_faults(read_word, FAR));
    CHECK_OK(seL4_X86_PageDirectory_Unmap(directory));
    CHECK_OK(seL4_X86_PageTable_Unmap(table));
    CHECK_OK(seL4_X86_Page_Unmap(frame));
}

TEST(structures_unmapped_are_emptied)
{
    seL4_CPtr table = table_new(), frame = frame_new();

    CHECK_OK(seL4_X86_PageTable_Map(table, VSPACE, NEAR, 0));
    CHECK_OK(map(frame, NEAR));
    CHECK_OK(seL4_X86_PageTable_Unmap(table));
    CHECK(access_faults(read_word, NEAR));
    CHECK_OK(seL4_X86_PageTable_Map(table, VSPACE, NEAR, 0));
    CHECK(access_faults(read_word, NEAR));
    CHECK_OK(map(frame_new(), NEAR));
}

TEST(structures_deleted_unmap)
{
    seL4_CPtr table = table_new(), frame = frame_new();

    CHECK_OK(seL4_X86_PageTable_Map(table, VSPACE, NEAR, 0));
    CHECK_OK(map(frame, NEAR));
    *at(NEAR) = 1;
    CHECK_OK(cap_delete(table));
    CHECK(access_faults(read_word, NEAR));
    CHECK_OK(seL4_X86_Page_Unmap(frame));
    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
}

TEST(structures_unmap_with_a_copy)
{
    seL4_CPtr table = table_new();

    CHECK_OK(seL4_X86_PageTable_Map(table, VSPACE, NEAR, 0));
    cap_copy(table, seL4_AllRights);
    CHECK_EQ(seL4_X86_PageTable_Unmap(table), seL4_RevokeFirst);
}

TEST(structures_unmap_not_mapped)
{
    CHECK_OK(seL4_X86_PageTable_Unmap(table_new()));
    CHECK_OK(seL4_X86_PageDirectory_Unmap(directory_new()));
    CHECK_OK(seL4_X86_PDPT_Unmap(pdpt_new()));
}

TEST(vspace_deleted_before_its_frames)
{
    seL4_CPtr pml4 = pml4_new(), frame = frame_new();

    structures_at(pml4, NEAR);
    CHECK_OK(seL4_X86_Page_Map(frame, pml4, NEAR, seL4_AllRights, 0));
    CHECK_OK(cap_delete(pml4));
    CHECK_OK(seL4_X86_Page_Unmap(frame));
    CHECK_OK(seL4_X86_PageTable_Map(table_new(), VSPACE, NEAR, 0));
    CHECK_OK(map(frame, NEAR));
}

TEST(vspace_other_label)
{
    CHECK_EQ(seL4_x64_invoke0(VSPACE, TCBSuspend, 0), seL4_IllegalOperation);
}
