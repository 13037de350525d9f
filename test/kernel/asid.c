/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ASID pools: making, filling, giving back.
 */
#include "test.h"

static seL4_Error make_pool(seL4_CPtr untyped, seL4_CPtr slot)
{
    return seL4_X86_ASIDControl_MakePool(seL4_CapASIDControl, untyped, ROOT, slot, ROOT_DEPTH);
}

static seL4_CPtr pml4_new(void)
{
    return object_new(seL4_X64_PML4Object, 0);
}

TEST(asid_pool_make_and_assign)
{
    seL4_CPtr pool = slot_new();

    CHECK_OK(make_pool(untyped_new(12), pool));
    CHECK_OK(seL4_X86_ASIDPool_Assign(pool, pml4_new()));
}

TEST(asid_pool_make_errors)
{
    seL4_CPtr used = untyped_new(12);

    CHECK_EQ(make_pool(untyped_new(13), slot_new()), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(make_pool(untyped_new(11), slot_new()), seL4_InvalidCapability);
    CHECK_EQ(make_pool(endpoint_new(), slot_new()), seL4_InvalidCapability);
    CHECK_OK(seL4_Untyped_Retype(used, seL4_EndpointObject, 0, ROOT, 0, 0, slot_new(), 1));
    CHECK_EQ(make_pool(used, slot_new()), seL4_RevokeFirst);
    CHECK_EQ(make_pool(untyped_new(12), endpoint_new()), seL4_DeleteFirst);
}

TEST(asid_pool_make_truncated)
{
    seL4_SetCap(0, untyped_new(12));
    seL4_SetCap(1, ROOT);
    CHECK_EQ(seL4_x64_invoke1(seL4_CapASIDControl, X86ASIDControlMakePool, 2, slot_new()),
             seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke2(seL4_CapASIDControl, X86ASIDControlMakePool, 1, slot_new(), 64),
             seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke0(seL4_CapASIDControl, TCBSuspend, 0), seL4_IllegalOperation);
}

TEST(asid_pool_assign_errors)
{
    seL4_CPtr pool = slot_new();

    CHECK_OK(make_pool(untyped_new(12), pool));
    CHECK_EQ(seL4_X86_ASIDPool_Assign(pool, VSPACE), seL4_InvalidCapability);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_X86_ASIDPool_Assign(pool, endpoint_new()), seL4_InvalidCapability);
    CHECK_EQ(seL4_x64_invoke0(pool, X86ASIDPoolAssign, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke0(pool, TCBSuspend, 0), seL4_IllegalOperation);
}

TEST(asid_pool_full)
{
    seL4_CPtr pool = slot_new();

    CHECK_OK(make_pool(untyped_new(12), pool));
    for (unsigned i = 0; i < 1u << seL4_ASIDPoolIndexBits; i++) {
        CHECK_OK(seL4_X86_ASIDPool_Assign(pool, pml4_new()));
    }
    CHECK_EQ(seL4_X86_ASIDPool_Assign(pool, pml4_new()), seL4_DeleteFirst);
}

TEST(asid_comes_back_when_the_vspace_is_deleted)
{
    seL4_CPtr pool = slot_new(), pml4 = 0;

    CHECK_OK(make_pool(untyped_new(12), pool));
    for (unsigned i = 0; i < 1u << seL4_ASIDPoolIndexBits; i++) {
        pml4 = pml4_new();
        CHECK_OK(seL4_X86_ASIDPool_Assign(pool, pml4));
    }
    CHECK_OK(cap_delete(pml4));
    CHECK_OK(seL4_X86_ASIDPool_Assign(pool, pml4_new()));
}

TEST(asid_pools_run_out_and_come_back)
{
    seL4_CPtr pools[8];
    unsigned made = 0;

    for (unsigned round = 0; round < 2; round++) {
        for (made = 0; made < 8; made++) {
            pools[made] = slot_new();
            if (make_pool(untyped_new(12), pools[made]) != seL4_NoError) {
                break;
            }
        }
        CHECK_EQ(made, (1u << seL4_NumASIDPoolsBits) - 1);
        CHECK_EQ(make_pool(untyped_new(12), pools[made]), seL4_DeleteFirst);
        for (unsigned i = 0; i < made; i++) {
            CHECK_OK(cap_delete(pools[i]));
        }
    }
}

TEST(asid_pool_deleted_takes_its_vspaces_out_of_use)
{
    seL4_CPtr pool = slot_new(), pml4 = pml4_new(), pdpt = object_new(seL4_X86_PDPTObject, 0);

    CHECK_OK(make_pool(untyped_new(12), pool));
    CHECK_OK(seL4_X86_ASIDPool_Assign(pool, pml4));
    CHECK_OK(cap_delete(pool));
    CHECK(seL4_X86_PDPT_Map(pdpt, pml4, 0x200000000000ull, 0) != seL4_NoError);
    CHECK_OK(cap_delete(pml4));
}

TEST(asid_pool_is_a_child_of_its_untyped)
{
    seL4_CPtr untyped = untyped_new(12), pool = slot_new();

    CHECK_OK(make_pool(untyped, pool));
    CHECK_OK(cap_revoke(untyped));
    CHECK(slot_is_empty(pool));
}
