/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Untyped Retype: sizes, windows of slots, errors, zeroing, and memory that comes back.
 */
#include "test.h"

static seL4_Error retype(seL4_CPtr untyped, seL4_Word type, seL4_Word size_bits, seL4_CPtr slot)
{
    return seL4_Untyped_Retype(untyped, type, size_bits, ROOT, 0, 0, slot, 1);
}

/* An object of exactly the untyped's size fits once. */
static void fits_once(seL4_Word type, seL4_Word argument, seL4_Word bits)
{
    seL4_CPtr untyped = untyped_new(bits);

    CHECK_OK(retype(untyped, type, argument, slot_new()));
    CHECK_EQ(retype(untyped, type, argument, slot_new()), seL4_NotEnoughMemory);
    CHECK_EQ(seL4_GetMR(0), 0);
}

#define SIZE_TEST(name, type, argument, bits) \
    TEST(untyped_size_of_##name)              \
    {                                         \
        fits_once(type, argument, bits);      \
    }

SIZE_TEST(tcb, seL4_TCBObject, 0, seL4_TCBBits)
SIZE_TEST(endpoint, seL4_EndpointObject, 0, seL4_EndpointBits)
SIZE_TEST(notification, seL4_NotificationObject, 0, seL4_NotificationBits)
SIZE_TEST(reply, seL4_ReplyObject, 0, seL4_ReplyBits)
SIZE_TEST(cnode_of_1_bit, seL4_CapTableObject, 1, seL4_SlotBits + 1)
SIZE_TEST(cnode_of_8_bits, seL4_CapTableObject, 8, seL4_SlotBits + 8)
SIZE_TEST(sched_context_min, seL4_SchedContextObject, 7, 7)
SIZE_TEST(sched_context_10_bits, seL4_SchedContextObject, 10, 10)
SIZE_TEST(frame_4k, seL4_X86_4K, 0, seL4_PageBits)
SIZE_TEST(frame_2m, seL4_X86_LargePageObject, 0, seL4_LargePageBits)
SIZE_TEST(page_table, seL4_X86_PageTableObject, 0, seL4_PageTableBits)
SIZE_TEST(page_directory, seL4_X86_PageDirectoryObject, 0, seL4_PageDirBits)
SIZE_TEST(pdpt, seL4_X86_PDPTObject, 0, seL4_PDPTBits)
SIZE_TEST(pml4, seL4_X64_PML4Object, 0, seL4_PML4Bits)
SIZE_TEST(untyped_min, seL4_UntypedObject, seL4_MinUntypedBits, seL4_MinUntypedBits)
SIZE_TEST(untyped_16_bits, seL4_UntypedObject, 16, 16)

TEST(untyped_frame_1g)
{
    for (seL4_Word i = 0; i < boot_info->untyped.end - boot_info->untyped.start; i++) {
        const seL4_UntypedDesc *desc = &boot_info->untypedList[i];
        seL4_CPtr slot = slot_new();

        if (desc->isDevice || desc->sizeBits < seL4_HugePageBits) {
            continue;
        }
        CHECK_OK(retype(boot_info->untyped.start + i, seL4_X64_HugePageObject, 0, slot));
        CHECK(seL4_X86_Page_GetAddress(slot).paddr % (1ull << seL4_HugePageBits) == 0);
        CHECK_OK(cap_delete(slot));
        return;
    }
    test_skip("no untyped of 1 GiB");
}

TEST(untyped_too_small_says_what_is_left)
{
    seL4_CPtr untyped = untyped_new(12);

    CHECK_OK(retype(untyped, seL4_EndpointObject, 0, slot_new()));
    CHECK_EQ(retype(untyped, seL4_X86_4K, 0, slot_new()), seL4_NotEnoughMemory);
    CHECK_EQ(seL4_GetMR(0), 4096 - 16);
}

TEST(untyped_object_larger_than_it)
{
    CHECK_EQ(retype(untyped_new(12), seL4_X86_LargePageObject, 0, slot_new()),
             seL4_NotEnoughMemory);
}

TEST(untyped_objects_are_aligned_to_their_size)
{
    seL4_CPtr untyped = untyped_new(14);
    seL4_CPtr first = slot_new(), second = slot_new();
    seL4_Word a, b;

    CHECK_OK(retype(untyped, seL4_X86_4K, 0, first));
    CHECK_OK(retype(untyped, seL4_EndpointObject, 0, slot_new()));
    CHECK_OK(retype(untyped, seL4_X86_4K, 0, second));
    a = seL4_X86_Page_GetAddress(first).paddr;
    b = seL4_X86_Page_GetAddress(second).paddr;
    CHECK_EQ(a % 4096, 0);
    CHECK_EQ(b, a + 8192);
}

TEST(untyped_unknown_type)
{
    CHECK_EQ(retype(untyped_new(12), 100, 0, slot_new()), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 0);
}

TEST(untyped_size_too_large)
{
    CHECK_EQ(retype(untyped_new(12), seL4_UntypedObject, 64, slot_new()), seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 0);
}

TEST(untyped_untyped_too_small)
{
    CHECK_EQ(retype(untyped_new(12), seL4_UntypedObject, seL4_MinUntypedBits - 1, slot_new()),
             seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 1);
}

TEST(untyped_cnode_of_0_bits)
{
    CHECK_EQ(retype(untyped_new(12), seL4_CapTableObject, 0, slot_new()), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 1);
}

TEST(untyped_sched_context_too_small)
{
    CHECK_EQ(retype(untyped_new(12), seL4_SchedContextObject, 6, slot_new()), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 1);
}

TEST(untyped_zero_objects)
{
    CHECK_EQ(
        seL4_Untyped_Retype(untyped_new(12), seL4_EndpointObject, 0, ROOT, 0, 0, slot_new(), 0),
        seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_GetMR(1), seL4_RetypeFanOutLimit);
}

TEST(untyped_more_objects_than_the_limit)
{
    seL4_CPtr slots = slot_new_range(seL4_RetypeFanOutLimit + 1);

    CHECK_EQ(seL4_Untyped_Retype(untyped_new(16), seL4_EndpointObject, 0, ROOT, 0, 0, slots,
                                 seL4_RetypeFanOutLimit + 1),
             seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_GetMR(1), seL4_RetypeFanOutLimit);
}

TEST(untyped_as_many_objects_as_the_limit)
{
    seL4_CPtr slots = slot_new_range(seL4_RetypeFanOutLimit);

    CHECK_OK(seL4_Untyped_Retype(untyped_new(16), seL4_EndpointObject, 0, ROOT, 0, 0, slots,
                                 seL4_RetypeFanOutLimit));
    CHECK(!slot_is_empty(slots));
    CHECK(!slot_is_empty(slots + seL4_RetypeFanOutLimit - 1));
}

TEST(untyped_many_objects_do_not_fit)
{
    seL4_CPtr slots = slot_new_range(5);

    CHECK_EQ(seL4_Untyped_Retype(untyped_new(14), seL4_X86_4K, 0, ROOT, 0, 0, slots, 5),
             seL4_NotEnoughMemory);
    CHECK(slot_is_empty(slots));
}

TEST(untyped_count_overflow)
{
    CHECK_EQ(
        seL4_Untyped_Retype(untyped_new(14), seL4_X86_4K, 0, ROOT, 0, 0, slot_new(), ~(seL4_Word)0),
        seL4_RangeError);
}

TEST(untyped_window_past_the_cnode)
{
    seL4_CPtr cnode = cnode_new(2);

    CHECK_EQ(seL4_Untyped_Retype(untyped_new(14), seL4_EndpointObject, 0, cnode, 0, 0, 3, 2),
             seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(seL4_GetMR(1), 1);
}

TEST(untyped_offset_past_the_cnode)
{
    seL4_CPtr cnode = cnode_new(2);

    CHECK_EQ(seL4_Untyped_Retype(untyped_new(14), seL4_EndpointObject, 0, cnode, 0, 0, 4, 1),
             seL4_RangeError);
    CHECK_EQ(seL4_GetMR(0), 0);
    CHECK_EQ(seL4_GetMR(1), 3);
}

TEST(untyped_window_overflow)
{
    seL4_CPtr cnode = cnode_new(2);

    CHECK_EQ(
        seL4_Untyped_Retype(untyped_new(14), seL4_EndpointObject, 0, cnode, 0, 0, ~(seL4_Word)0, 2),
        seL4_RangeError);
}

TEST(untyped_occupied_slot_in_window)
{
    seL4_CPtr cnode = cnode_new(2);
    seL4_CPtr untyped = untyped_new(14);

    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, cnode, 0, 0, 2, 1));
    CHECK_EQ(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, cnode, 0, 0, 1, 3),
             seL4_DeleteFirst);
}

TEST(untyped_destination_by_node_index)
{
    seL4_CPtr cnode = cnode_new(2);
    seL4_CPtr untyped = untyped_new(14);

    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, ROOT, cnode, ROOT_DEPTH, 1, 1));
    CHECK_EQ(seL4_CNode_Move(cnode, 1, 2, cnode, 1, 2), seL4_DeleteFirst);
    CHECK_EQ(seL4_CNode_Move(cnode, 0, 2, cnode, 0, 2), seL4_FailedLookup);
}

TEST(untyped_destination_not_a_cnode)
{
    seL4_CPtr endpoint = endpoint_new();

    CHECK_LOOKUP(seL4_Untyped_Retype(untyped_new(14), seL4_EndpointObject, 0, ROOT, endpoint,
                                     ROOT_DEPTH, 0, 1),
                 0, seL4_MissingCapability);
}

TEST(untyped_destination_empty)
{
    CHECK_LOOKUP(seL4_Untyped_Retype(untyped_new(14), seL4_EndpointObject, 0, ROOT, slot_new(),
                                     ROOT_DEPTH, 0, 1),
                 0, seL4_MissingCapability);
}

TEST(untyped_root_not_a_cnode)
{
    CHECK_LOOKUP(seL4_Untyped_Retype(untyped_new(14), seL4_EndpointObject, 0, endpoint_new(), 1,
                                     ROOT_DEPTH, 0, 1),
                 0, seL4_InvalidRoot);
}

TEST(untyped_objects_are_its_children)
{
    seL4_CPtr untyped = untyped_new(14);
    seL4_CPtr slots = slot_new_range(3);

    CHECK_OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, ROOT, 0, 0, slots, 3));
    CHECK_OK(cap_revoke(untyped));
    CHECK(slot_is_empty(slots) && slot_is_empty(slots + 1) && slot_is_empty(slots + 2));
    CHECK(!slot_is_empty(untyped));
}

TEST(untyped_revoke_reaches_grandchildren)
{
    seL4_CPtr untyped = untyped_new(16);
    seL4_CPtr child = slot_new(), grandchild = slot_new(), copy;

    CHECK_OK(retype(untyped, seL4_UntypedObject, 14, child));
    CHECK_OK(retype(child, seL4_EndpointObject, 0, grandchild));
    copy = cap_mint(grandchild, seL4_CanRead, 7);
    CHECK_OK(cap_revoke(untyped));
    CHECK(slot_is_empty(child) && slot_is_empty(grandchild) && slot_is_empty(copy));
}

TEST(untyped_memory_comes_back_after_revoke)
{
    seL4_CPtr untyped = untyped_new(12);

    for (int i = 0; i < 3; i++) {
        seL4_CPtr slot = slot_new();

        CHECK_OK(retype(untyped, seL4_X86_4K, 0, slot));
        CHECK_EQ(retype(untyped, seL4_EndpointObject, 0, slot_new()), seL4_NotEnoughMemory);
        CHECK_OK(cap_revoke(untyped));
    }
}

TEST(untyped_memory_comes_back_after_deleting_all_children)
{
    seL4_CPtr untyped = untyped_new(12);
    seL4_CPtr first = slot_new(), second = slot_new();

    CHECK_OK(retype(untyped, seL4_EndpointObject, 0, first));
    CHECK_OK(retype(untyped, seL4_EndpointObject, 0, second));
    CHECK_OK(cap_delete(first));
    CHECK_EQ(retype(untyped, seL4_X86_4K, 0, first), seL4_NotEnoughMemory);
    CHECK_OK(cap_delete(second));
    CHECK_OK(retype(untyped, seL4_X86_4K, 0, first));
}

TEST(untyped_memory_of_one_deleted_child_stays_used)
{
    seL4_CPtr untyped = untyped_new(13);
    seL4_CPtr first = slot_new(), second = slot_new();

    CHECK_OK(retype(untyped, seL4_X86_4K, 0, first));
    CHECK_OK(retype(untyped, seL4_X86_4K, 0, second));
    CHECK_OK(cap_delete(first));
    CHECK_EQ(retype(untyped, seL4_X86_4K, 0, first), seL4_NotEnoughMemory);
}

TEST(untyped_copy_with_children_cannot_be_copied)
{
    seL4_CPtr untyped = untyped_new(12);

    CHECK_OK(retype(untyped, seL4_EndpointObject, 0, slot_new()));
    CHECK_EQ(
        seL4_CNode_Copy(ROOT, slot_new(), ROOT_DEPTH, ROOT, untyped, ROOT_DEPTH, seL4_AllRights),
        seL4_RevokeFirst);
}

TEST(untyped_copy_blocks_retype_of_the_original)
{
    seL4_CPtr untyped = untyped_new(12);
    seL4_CPtr copy = cap_copy(untyped, seL4_AllRights);

    CHECK_OK(retype(copy, seL4_EndpointObject, 0, slot_new()));
    CHECK_OK(cap_revoke(untyped));
    CHECK(slot_is_empty(copy));
    CHECK_OK(retype(untyped, seL4_X86_4K, 0, slot_new()));
}

TEST(untyped_frames_are_zeroed_on_reuse)
{
    seL4_CPtr untyped = untyped_new(12);
    seL4_CPtr frame = slot_new();
    seL4_CPtr table = object_new(seL4_X86_PageTableObject, 0);
    volatile uint64_t *window = (volatile uint64_t *)0x10000000ull;

    CHECK_OK(seL4_X86_PageTable_Map(table, VSPACE, 0x10000000, 0));
    for (int round = 0; round < 2; round++) {
        CHECK_OK(retype(untyped, seL4_X86_4K, 0, frame));
        CHECK_OK(seL4_X86_Page_Map(frame, VSPACE, 0x10000000, seL4_AllRights, 0));
        for (int i = 0; i < 512; i++) {
            CHECK_EQ(window[i], 0);
            window[i] = ~0ull;
        }
        CHECK_OK(cap_delete(frame));
    }
}

TEST(untyped_truncated_message)
{
    seL4_SetCap(0, ROOT);
    CHECK_EQ(seL4_x64_invoke(untyped_new(12), UntypedRetype, 1, 5, seL4_EndpointObject, 0, 0, 0),
             seL4_TruncatedMessage);
}

TEST(untyped_without_root_capability)
{
    seL4_SetMR(4, slot_new());
    seL4_SetMR(5, 1);
    CHECK_EQ(seL4_x64_invoke(untyped_new(12), UntypedRetype, 0, 6, seL4_EndpointObject, 0, 0, 0),
             seL4_TruncatedMessage);
}

TEST(untyped_other_label)
{
    CHECK_EQ(seL4_x64_invoke0(untyped_new(12), TCBSuspend, 0), seL4_IllegalOperation);
}

/* Device untypeds give frames and untypeds, and no kernel objects. */
static seL4_CPtr device_untyped(void)
{
    for (seL4_Word i = 0; i < boot_info->untyped.end - boot_info->untyped.start; i++) {
        const seL4_UntypedDesc *desc = &boot_info->untypedList[i];

        if (desc->isDevice && desc->sizeBits >= 16 && desc->paddr != 0) {
            return boot_info->untyped.start + i;
        }
    }
    test_skip("no device untyped");
}

TEST(untyped_device_no_kernel_objects)
{
    CHECK_EQ(retype(device_untyped(), seL4_EndpointObject, 0, slot_new()), seL4_InvalidArgument);
    CHECK_EQ(seL4_GetMR(0), 1);
    CHECK_EQ(retype(device_untyped(), seL4_CapTableObject, 4, slot_new()), seL4_InvalidArgument);
    CHECK_EQ(retype(device_untyped(), seL4_X86_PageTableObject, 0, slot_new()),
             seL4_InvalidArgument);
}

TEST(untyped_device_frame_and_untyped)
{
    seL4_CPtr device = device_untyped();
    seL4_CPtr child = slot_new(), frame = slot_new();

    CHECK_OK(retype(device, seL4_UntypedObject, 13, child));
    CHECK_OK(retype(child, seL4_X86_4K, 0, frame));
    CHECK_EQ(seL4_X86_Page_GetAddress(frame).paddr,
             boot_info->untypedList[device - boot_info->untyped.start].paddr);
    CHECK_EQ(retype(child, seL4_TCBObject, 0, slot_new()), seL4_InvalidArgument);
    CHECK_OK(cap_revoke(device));
    CHECK(slot_is_empty(child) && slot_is_empty(frame));
}
