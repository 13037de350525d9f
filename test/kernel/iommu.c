/* SPDX-License-Identifier: BSD-2-Clause
 *
 * I/O address spaces. What they do is shown with QEMU's device "edu", which copies between memory
 * and a buffer of its own (QEMU docs/specs/edu.rst).
 */
#include "edu.h"

enum {
    NOBODY = 0x216, /* a device that is not there */
    DOMAIN = 0xf,
    IO_BASE = 0x1000000,
    MAX_LEVELS = 4,
};

#define PAGE_A ((volatile seL4_Word *)0x30200000)
#define PAGE_B ((volatile seL4_Word *)0x30201000)
#define MAGIC  0x5175306e2d646d61

static void need_iommu(void)
{
    if (boot_info->numIOPTLevels == 0 || boot_info->numIOPTLevels == ~(seL4_Word)0) {
        test_skip("no IOMMU");
    }
}

static seL4_CPtr space_of(seL4_Word device)
{
    return cap_mint(seL4_CapIOSpace, seL4_AllRights, (seL4_Word)DOMAIN << 16 | device);
}

/* Maps all tables that a page at address needs; the last is that of the pages. */
static void map_tables(seL4_CPtr space, seL4_Word address, seL4_CPtr tables[MAX_LEVELS])
{
    for (seL4_Word i = 0; i < boot_info->numIOPTLevels; i++) {
        tables[i] = object_new(seL4_X86_IOPageTableObject, 0);
        CHECK_OK(seL4_X86_IOPageTable_Map(tables[i], space, address));
    }
}

TEST(iommu_master_space)
{
    seL4_Word copy = slot_new();

    /* Bits above the badge's, no domain, and a device's space once more. */
    CHECK_EQ(seL4_CNode_Mint(ROOT, copy, ROOT_DEPTH, ROOT, seL4_CapIOSpace, ROOT_DEPTH,
                             seL4_AllRights, 1ull << 32 | DOMAIN << 16 | NOBODY),
             seL4_IllegalOperation);
    CHECK_EQ(seL4_CNode_Mint(ROOT, copy, ROOT_DEPTH, ROOT, seL4_CapIOSpace, ROOT_DEPTH,
                             seL4_AllRights, NOBODY),
             seL4_IllegalOperation);
    CHECK_EQ(seL4_CNode_Mint(ROOT, copy, ROOT_DEPTH, ROOT, space_of(NOBODY), ROOT_DEPTH,
                             seL4_AllRights, DOMAIN << 16 | 1),
             seL4_IllegalOperation);
    CHECK_EQ(seL4_x64_invoke0(seL4_CapIOSpace, X86IOPageTableUnmap, 0), seL4_IllegalOperation);
}

TEST(iommu_without_one)
{
    if (boot_info->numIOPTLevels != 0) {
        test_skip("there is an IOMMU");
    }
    CHECK_EQ(seL4_X86_IOPageTable_Map(object_new(seL4_X86_IOPageTableObject, 0), space_of(NOBODY),
                                      IO_BASE),
             seL4_IllegalOperation);
    CHECK_EQ(seL4_X86_Page_MapIO(frame_new(), space_of(NOBODY), seL4_AllRights, IO_BASE),
             seL4_IllegalOperation);
}

TEST(iommu_table_errors)
{
    seL4_CPtr space, tables[MAX_LEVELS];
    seL4_CPtr table = object_new(seL4_X86_IOPageTableObject, 0);

    need_iommu();
    space = space_of(NOBODY);
    CHECK_EQ(seL4_x64_invoke1(table, X86IOPageTableMap, 0, IO_BASE), seL4_TruncatedMessage);
    CHECK_EQ(seL4_X86_IOPageTable_Map(table, seL4_CapIOSpace, IO_BASE), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_X86_IOPageTable_Map(table, VSPACE, IO_BASE), seL4_InvalidCapability);
    CHECK_EQ(seL4_X86_IOPageTable_Map(table, space, 1ull << 48), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_EQ(seL4_x64_invoke0(table, X86PageUnmap, 0), seL4_IllegalOperation);
    CHECK_OK(seL4_X86_IOPageTable_Unmap(table));
    map_tables(space, IO_BASE, tables);
    CHECK_EQ(seL4_X86_IOPageTable_Map(table, space, IO_BASE), seL4_DeleteFirst);
    CHECK_EQ(seL4_X86_IOPageTable_Map(tables[0], space, 1ull << 38), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 0);
    cap_copy(tables[1], seL4_AllRights);
    CHECK_EQ(seL4_X86_IOPageTable_Unmap(tables[1]), seL4_RevokeFirst);
}

TEST(iommu_frame_errors)
{
    seL4_CPtr space, tables[MAX_LEVELS], frame = frame_new();

    need_iommu();
    space = space_of(NOBODY);
    CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, IO_BASE), seL4_FailedLookup);
    map_tables(space, IO_BASE, tables);
    CHECK_EQ(seL4_x64_invoke2(frame, X86PageMapIO, 0, 3, IO_BASE), seL4_TruncatedMessage);
    CHECK_EQ(seL4_X86_Page_MapIO(frame, seL4_CapIOSpace, seL4_AllRights, IO_BASE),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, IO_BASE + 1), seL4_AlignmentError);
    CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, 1ull << 48), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_NoRights, IO_BASE), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_OK(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, IO_BASE));
    CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, IO_BASE + 4096),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, IO_BASE), seL4_DeleteFirst);
    CHECK_OK(seL4_X86_Page_Unmap(frame));
    CHECK_OK(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, IO_BASE));
}

/* A table that comes back to its place still has its pages; elsewhere it is empty. */
TEST(iommu_table_comes_back)
{
    seL4_CPtr space, tables[MAX_LEVELS], last;

    need_iommu();
    space = space_of(NOBODY);
    map_tables(space, IO_BASE, tables);
    last = tables[boot_info->numIOPTLevels - 1];
    CHECK_OK(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, IO_BASE));
    CHECK_OK(seL4_X86_IOPageTable_Unmap(last));
    CHECK_EQ(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, IO_BASE), seL4_FailedLookup);
    CHECK_OK(seL4_X86_IOPageTable_Map(last, space, IO_BASE));
    CHECK_EQ(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, IO_BASE), seL4_DeleteFirst);
    CHECK_OK(seL4_X86_IOPageTable_Unmap(last));
    CHECK_OK(seL4_X86_IOPageTable_Map(last, space, IO_BASE + 0x200000));
    CHECK_OK(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, IO_BASE + 0x200000));
}

/* The frame of a page goes while its table, or one above, is out of the space. */
TEST(iommu_page_goes_from_a_table_outside)
{
    seL4_CPtr space, tables[MAX_LEVELS];

    need_iommu();
    space = space_of(NOBODY);
    map_tables(space, IO_BASE, tables);
    for (seL4_Word i = 0; i < boot_info->numIOPTLevels; i++) {
        seL4_CPtr a = frame_new(), b = frame_new(), c = frame_new();

        CHECK_OK(seL4_X86_Page_MapIO(a, space, seL4_AllRights, IO_BASE));
        CHECK_OK(seL4_X86_Page_MapIO(b, space, seL4_AllRights, IO_BASE + 4096));
        CHECK_OK(seL4_X86_IOPageTable_Unmap(tables[i]));
        CHECK_OK(cap_delete(a));
        CHECK_OK(seL4_X86_Page_Unmap(b));
        CHECK_OK(seL4_X86_IOPageTable_Map(tables[i], space, IO_BASE));
        CHECK_OK(seL4_X86_Page_MapIO(c, space, seL4_AllRights, IO_BASE));
        CHECK_OK(seL4_X86_Page_MapIO(b, space, seL4_AllRights, IO_BASE + 4096));
        CHECK_OK(seL4_X86_Page_Unmap(b));
        CHECK_OK(seL4_X86_Page_Unmap(c));
    }
}

/* More tables outside than the kernel remembers: those begin empty when they come back. */
TEST(iommu_many_tables_outside)
{
    enum { MANY = 40 };
    seL4_CPtr space, tables[MAX_LEVELS], last[MANY], frames[MANY];

    need_iommu();
    space = space_of(NOBODY);
    map_tables(space, 0, tables);
    for (seL4_Word i = 0; i < MANY; i++) {
        seL4_Word address = (i + 1) << 21;

        last[i] = object_new(seL4_X86_IOPageTableObject, 0);
        frames[i] = frame_new();
        CHECK_OK(seL4_X86_IOPageTable_Map(last[i], space, address));
        CHECK_OK(seL4_X86_Page_MapIO(frames[i], space, seL4_AllRights, address));
        CHECK_OK(seL4_X86_IOPageTable_Unmap(last[i]));
    }
    for (seL4_Word i = 0; i < MANY; i++) {
        CHECK_OK(cap_delete(frames[i]));
        CHECK_OK(seL4_X86_IOPageTable_Map(last[i], space, (i + 1) << 21));
        CHECK_OK(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, (i + 1) << 21));
    }
}

/* Spaces, tables and frames deleted in any order. */
TEST(iommu_space_is_deleted)
{
    seL4_CPtr space, tables[MAX_LEVELS], frame = frame_new();

    need_iommu();
    space = space_of(NOBODY);
    map_tables(space, IO_BASE, tables);
    CHECK_OK(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, IO_BASE));
    CHECK_OK(cap_delete(space));
    space = space_of(NOBODY);
    CHECK_EQ(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, IO_BASE), seL4_FailedLookup);
    CHECK_EQ(seL4_X86_IOPageTable_Map(tables[0], space, IO_BASE), seL4_InvalidCapability);
    for (seL4_Word i = 0; i < boot_info->numIOPTLevels; i++) {
        CHECK_OK(seL4_X86_IOPageTable_Unmap(tables[i]));
    }
    for (seL4_Word i = 0; i < boot_info->numIOPTLevels; i++) {
        CHECK_OK(seL4_X86_IOPageTable_Map(tables[i], space, IO_BASE));
    }
    CHECK_OK(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, IO_BASE));
    CHECK_OK(cap_delete(tables[0]));
    CHECK_EQ(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, IO_BASE), seL4_FailedLookup);
}

/* --- A device that copies -----------------------------------------------------------------------
 */

/* Two pages of memory, mapped for us and with MAGIC in the first one. */
static void two_pages(seL4_CPtr a, seL4_CPtr b)
{
    map_page_table(PAGE_A);
    map_page(a, PAGE_A);
    map_page(b, PAGE_B);
    *PAGE_A = MAGIC;
}

TEST(iommu_device_reaches_what_it_was_given)
{
    seL4_CPtr a = frame_new(), b = frame_new(), space, tables[MAX_LEVELS], io_a, io_b;

    need_iommu();
    space = space_of(edu_open());
    two_pages(a, b);
    io_a = cap_copy(a, seL4_AllRights);
    io_b = cap_copy(b, seL4_AllRights);
    map_tables(space, IO_BASE, tables);
    CHECK_OK(seL4_X86_Page_MapIO(io_a, space, seL4_CanRead, IO_BASE));
    CHECK_OK(seL4_X86_Page_MapIO(io_b, space, seL4_AllRights, IO_BASE + 4096));
    edu_copy(IO_BASE, false);
    edu_copy(IO_BASE + 4096, true);
    CHECK_EQ(*PAGE_B, MAGIC);

    /* Not what it may only read, what it no longer has, nor with a table out of the space. */
    *PAGE_A = 1;
    edu_copy(IO_BASE, true);
    CHECK_EQ(*PAGE_A, 1);
    *PAGE_B = 2;
    CHECK_OK(seL4_X86_Page_Unmap(io_b));
    edu_copy(IO_BASE + 4096, true);
    CHECK_EQ(*PAGE_B, 2);
    CHECK_OK(seL4_X86_Page_MapIO(io_b, space, seL4_AllRights, IO_BASE + 4096));
    CHECK_OK(seL4_X86_IOPageTable_Unmap(tables[1]));
    edu_copy(IO_BASE + 4096, true);
    CHECK_EQ(*PAGE_B, 2);
    CHECK_OK(seL4_X86_IOPageTable_Map(tables[1], space, IO_BASE));
    edu_copy(IO_BASE + 4096, true);
    CHECK_EQ(*PAGE_B, MAGIC);

    *PAGE_B = 3;
    CHECK_OK(cap_delete(space));
    edu_copy(IO_BASE + 4096, true);
    CHECK_EQ(*PAGE_B, 3);
}

/* Physical addresses mean nothing to a device, in a space or not. */
TEST(iommu_device_without_space_reaches_nothing)
{
    seL4_CPtr a = frame_new(), b = frame_new(), tables[MAX_LEVELS];
    seL4_Word device;

    need_iommu();
    device = edu_open();
    two_pages(a, b);
    edu_copy(seL4_X86_Page_GetAddress(a).paddr, false);
    edu_copy(seL4_X86_Page_GetAddress(b).paddr, true);
    CHECK_EQ(*PAGE_B, 0);
    map_tables(space_of(device), IO_BASE, tables);
    edu_copy(seL4_X86_Page_GetAddress(a).paddr, false);
    edu_copy(seL4_X86_Page_GetAddress(b).paddr, true);
    CHECK_EQ(*PAGE_B, 0);
}
