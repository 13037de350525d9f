/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Frames of 2 MiB and 1 GiB in I/O address spaces: one entry above the last level of tables where
 * the units have such pages, else a whole table one level further down. The kernel's option
 * iommu_large takes the units' pages away.
 */
#include <sel4/quoin.h>

#include "edu.h"
#include "test.h"

enum {
    NOBODY = 0x21e, /* a device that is not there */
    DOMAIN = 0xf,
    LARGE = 1 << seL4_LargePageBits,
    LARGE_AT = 0x40000000 + LARGE,
    MAX_TABLES = 4,
};

#define OWN   ((volatile seL4_Word *)0x30200000) /* where the test has the frame itself */
#define LAST  (LARGE / 8 - 8)                    /* word of its last 64 bytes */
#define MAGIC 0x5175306e2d6d6178

static void need_iommu(void)
{
    if (boot_info->numIOPTLevels == 0 || boot_info->numIOPTLevels == ~(seL4_Word)0) {
        test_skip("no IOMMU");
    }
}

static bool has_large(void)
{
    return extensions() != NULL && (extensions()->features & QUOIN_FEATURE_IOMMU_LARGE) != 0;
}

static seL4_CPtr space_of(seL4_Word device)
{
    return cap_mint(seL4_CapIOSpace, seL4_AllRights, (seL4_Word)DOMAIN << 16 | device);
}

static seL4_CPtr large_new(void)
{
    return object_new(seL4_X86_LargePageObject, 0);
}

/* Maps a frame with the tables that are missing; returns how many, the last one being *last. */
static seL4_Word map_io(seL4_CPtr frame, seL4_CPtr space, seL4_Word address, seL4_CPtr *last)
{
    for (seL4_Word tables = 0; tables <= MAX_TABLES; tables++) {
        seL4_Error error = seL4_X86_Page_MapIO(frame, space, seL4_AllRights, address);
        if (error != seL4_FailedLookup) {
            CHECK_OK(error);
            return tables;
        }
        seL4_CPtr table = object_new(seL4_X86_IOPageTableObject, 0);
        CHECK_OK(seL4_X86_IOPageTable_Map(table, space, address));
        if (last) {
            *last = table;
        }
    }
    CHECK(false);
}

TEST(iommu_large_frame)
{
    seL4_CPtr space, frame = large_new(), table = object_new(seL4_X86_IOPageTableObject, 0);

    need_iommu();
    space = space_of(NOBODY);
    CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, LARGE_AT + 4096),
             seL4_AlignmentError);
    CHECK_EQ(map_io(frame, space, LARGE_AT, NULL), boot_info->numIOPTLevels - has_large());
    CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, LARGE_AT + LARGE),
             seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 0);

    /* Nothing else has room there, neither before nor behind its first page. */
    for (seL4_Word offset = 0; offset < LARGE; offset += LARGE - 4096) {
        CHECK_EQ(seL4_X86_Page_MapIO(frame_new(), space, seL4_AllRights, LARGE_AT + offset),
                 seL4_DeleteFirst);
        CHECK_EQ(seL4_X86_IOPageTable_Map(table, space, LARGE_AT + offset), seL4_DeleteFirst);
    }
    CHECK_EQ(seL4_X86_Page_MapIO(large_new(), space, seL4_AllRights, LARGE_AT), seL4_DeleteFirst);
    CHECK_EQ(map_io(large_new(), space, LARGE_AT + LARGE, NULL), has_large() ? 0 : 1);
}

TEST(iommu_large_frame_and_small_ones)
{
    seL4_CPtr space, frame = large_new(), small = frame_new(), last = 0;

    need_iommu();
    space = space_of(NOBODY);
    (void)map_io(frame, space, LARGE_AT, &last);
    CHECK_OK(seL4_X86_Page_Unmap(frame));
    /* All of its entries are free again; of small frames one takes the place. */
    CHECK_EQ(map_io(small, space, LARGE_AT + LARGE - 4096, &last), has_large() ? 1 : 0);
    CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, LARGE_AT), seL4_DeleteFirst);
    CHECK_OK(cap_delete(small));
    if (has_large()) {
        /* Their table does as well. */
        CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, LARGE_AT), seL4_DeleteFirst);
        CHECK_OK(cap_delete(last));
    }
    CHECK_EQ(map_io(frame, space, LARGE_AT, NULL), 0);
}

/* Its capability goes while its table is out of the space. */
TEST(iommu_large_frame_goes_from_a_table_outside)
{
    seL4_CPtr space, frame = large_new(), last = 0;

    need_iommu();
    space = space_of(NOBODY);
    (void)map_io(frame, space, LARGE_AT, &last);
    CHECK_OK(seL4_X86_IOPageTable_Unmap(last));
    CHECK_OK(cap_delete(frame));
    CHECK_OK(seL4_X86_IOPageTable_Map(last, space, LARGE_AT));
    CHECK_EQ(map_io(large_new(), space, LARGE_AT, NULL), 0);
}

TEST(iommu_large_huge_frame)
{
    const seL4_Word at = 1ull << seL4_HugePageBits;

    need_iommu();
    for (seL4_Word i = 0; i < boot_info->untyped.end - boot_info->untyped.start; i++) {
        const seL4_UntypedDesc *desc = &boot_info->untypedList[i];
        seL4_CPtr space, frame = slot_new();

        if (desc->isDevice || desc->sizeBits < seL4_HugePageBits) {
            continue;
        }
        CHECK_OK(seL4_Untyped_Retype(boot_info->untyped.start + i, seL4_X64_HugePageObject, 0, ROOT,
                                     0, 0, frame, 1));
        space = space_of(NOBODY);
        if (!has_large()) {
            CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, at), seL4_InvalidCapability);
            return;
        }
        CHECK_EQ(seL4_X86_Page_MapIO(frame, space, seL4_AllRights, at + LARGE),
                 seL4_AlignmentError);
        /* One table less, or that one filled. */
        seL4_Word tables = map_io(frame, space, at, NULL);
        CHECK(tables == boot_info->numIOPTLevels - 1 || tables == boot_info->numIOPTLevels - 2);
        CHECK_EQ(seL4_X86_Page_MapIO(large_new(), space, seL4_AllRights, at + at - LARGE),
                 seL4_DeleteFirst);
        CHECK_OK(cap_delete(frame));
        CHECK_EQ(map_io(large_new(), space, at + at - LARGE, NULL),
                 boot_info->numIOPTLevels - 1 - tables);
        return;
    }
    test_skip("no untyped of 1 GiB");
}

/* A device reaches all of it, as it may, and nothing when it is gone. */
TEST(iommu_large_frame_and_a_device)
{
    seL4_CPtr frame = large_new(), io = cap_copy(frame, seL4_AllRights), space;

    need_iommu();
    space = space_of(edu_open());
    CHECK_OK(seL4_X86_Page_Map(frame, VSPACE, (seL4_Word)(uintptr_t)OWN, seL4_AllRights, 0));
    (void)map_io(io, space, LARGE_AT, NULL);
    OWN[0] = MAGIC;
    edu_copy(LARGE_AT, false);
    edu_copy(LARGE_AT + LAST * 8, true);
    edu_copy(LARGE_AT + LARGE / 2, true);
    CHECK_EQ(OWN[LAST], MAGIC);
    CHECK_EQ(OWN[LARGE / 16], MAGIC);

    CHECK_OK(seL4_X86_Page_Unmap(io));
    CHECK_OK(seL4_X86_Page_MapIO(io, space, seL4_CanRead, LARGE_AT));
    OWN[LAST] = 1;
    edu_copy(LARGE_AT + LAST * 8, true);
    CHECK_EQ(OWN[LAST], 1);
    CHECK_OK(cap_delete(io));
    OWN[0] = 2;
    edu_copy(LARGE_AT, true);
    CHECK_EQ(OWN[0], 2);
}
