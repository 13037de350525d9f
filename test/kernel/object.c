/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Slots and objects for tests.
 */
#include <rt/component.h>

#include "harness.h"

const seL4_BootInfo *boot_info;
seL4_CPtr test_pool;

static seL4_CPtr source;      /* untyped behind everything the harness makes */
static seL4_CPtr sealed_pool; /* the tests' pool, once the harness's own objects are made */
static seL4_Word first_slot, next_slot, last_slot;

enum { SLOTS_KEPT = 512, KEPT_BITS = 23 };

/*
 * The pool is carved from the smallest RAM untyped that holds it twice, so that the harness's own
 * objects fit beside it. Until object_seal() everything made is the harness's own.
 */
void object_init(void)
{
    seL4_Word best = 0;

    for (seL4_Word i = 0; i < boot_info->untyped.end - boot_info->untyped.start; i++) {
        const seL4_UntypedDesc *desc = &boot_info->untypedList[i];

        if (desc->isDevice || desc->sizeBits <= TEST_POOL_BITS) {
            continue;
        }
        if (source == 0 || desc->sizeBits < best) {
            source = boot_info->untyped.start + i;
            best = desc->sizeBits;
        }
    }
    next_slot = boot_info->empty.start;
    last_slot = next_slot + SLOTS_KEPT;
    test_pool = source;
    sealed_pool = untyped_new(TEST_POOL_BITS);
    test_pool = untyped_new(KEPT_BITS);
}

void object_seal(void)
{
    test_pool = sealed_pool;
    first_slot = boot_info->empty.start + SLOTS_KEPT;
    next_slot = first_slot;
    last_slot = boot_info->empty.end;
}

void object_reset(void)
{
    seL4_CNode_Revoke(ROOT, test_pool, ROOT_DEPTH);
    while (next_slot > first_slot) {
        next_slot--;
        seL4_CNode_Delete(ROOT, next_slot, ROOT_DEPTH);
    }
}

seL4_CPtr slot_new_range(seL4_Word count)
{
    seL4_CPtr slot = __atomic_fetch_add(&next_slot, count, __ATOMIC_RELAXED);

    CHECK(slot + count <= last_slot);
    return slot;
}

seL4_CPtr slot_new(void)
{
    return slot_new_range(1);
}

seL4_CPtr object_new(seL4_Word type, seL4_Word size_bits)
{
    seL4_CPtr slot = slot_new();

    CHECK_OK(seL4_Untyped_Retype(test_pool, type, size_bits, ROOT, 0, 0, slot, 1));
    return slot;
}

seL4_CPtr untyped_new(seL4_Word size_bits)
{
    return object_new(seL4_UntypedObject, size_bits);
}

seL4_CPtr cnode_new(seL4_Word slot_bits)
{
    return object_new(seL4_CapTableObject, slot_bits);
}

seL4_CPtr endpoint_new(void)
{
    return object_new(seL4_EndpointObject, 0);
}

seL4_CPtr notification_new(void)
{
    return object_new(seL4_NotificationObject, 0);
}

seL4_CPtr reply_new(void)
{
    return object_new(seL4_ReplyObject, 0);
}

seL4_CPtr frame_new(void)
{
    return object_new(seL4_X86_4K, 0);
}

seL4_CPtr tcb_new(void)
{
    return object_new(seL4_TCBObject, 0);
}

seL4_CPtr sc_new_on(seL4_Word core, seL4_Time budget, seL4_Time period, seL4_Word badge)
{
    seL4_CPtr sc = object_new(seL4_SchedContextObject, 8);

    CHECK_OK(seL4_SchedControl_Configure(boot_info->schedcontrol.start + core, sc, budget, period,
                                         budget == period ? 0 : seL4_MaxExtraRefills(8), badge));
    return sc;
}

seL4_CPtr sc_new(void)
{
    return sc_new_on(0, 5000, 5000, 0);
}

seL4_CPtr cap_copy(seL4_CPtr cap, seL4_CapRights_t rights)
{
    seL4_CPtr slot = slot_new();

    CHECK_OK(seL4_CNode_Copy(ROOT, slot, ROOT_DEPTH, ROOT, cap, ROOT_DEPTH, rights));
    return slot;
}

seL4_CPtr cap_mint(seL4_CPtr cap, seL4_CapRights_t rights, seL4_Word badge)
{
    seL4_CPtr slot = slot_new();

    CHECK_OK(seL4_CNode_Mint(ROOT, slot, ROOT_DEPTH, ROOT, cap, ROOT_DEPTH, rights, badge));
    return slot;
}

seL4_Error cap_delete(seL4_CPtr cap)
{
    return seL4_CNode_Delete(ROOT, cap, ROOT_DEPTH);
}

seL4_Error cap_revoke(seL4_CPtr cap)
{
    return seL4_CNode_Revoke(ROOT, cap, ROOT_DEPTH);
}

bool slot_is_empty(seL4_CPtr slot)
{
    return seL4_CNode_Move(ROOT, slot, ROOT_DEPTH, ROOT, slot, ROOT_DEPTH) == seL4_FailedLookup;
}

extern char _start[];

seL4_CPtr image_frame(const void *address)
{
    uintptr_t base = (uintptr_t)_start & ~(uintptr_t)4095;
    seL4_CPtr frame = boot_info->userImageFrames.start + ((uintptr_t)address - base) / 4096;

    CHECK((uintptr_t)address >= base && frame < boot_info->userImageFrames.end);
    return frame;
}
