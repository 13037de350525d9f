/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the kernel hands to the root task.
 */
#include <string.h>

#include <rt/component.h>

#include "harness.h"

static const seL4_UntypedDesc *desc_of(seL4_Word i)
{
    return &boot_info->untypedList[i];
}

static seL4_Word untyped_count(void)
{
    return boot_info->untyped.end - boot_info->untyped.start;
}

TEST(bootinfo_cores)
{
    CHECK_RANGE(boot_info->numNodes, 1, 16);
    CHECK_EQ(boot_info->nodeID, 0);
    CHECK_EQ(boot_info->schedcontrol.end - boot_info->schedcontrol.start, boot_info->numNodes);
}

TEST(bootinfo_cnode_size)
{
    CHECK_EQ(boot_info->initThreadCNodeSizeBits, 13);
    CHECK_EQ(boot_info->empty.end, 1u << 13);
    CHECK_EQ(boot_info->initThreadDomain, 0);
}

TEST(bootinfo_regions_in_order)
{
    CHECK(boot_info->empty.start >= boot_info->untyped.end);
    CHECK(boot_info->untyped.start >= boot_info->userImageFrames.end);
    CHECK(boot_info->untyped.start >= boot_info->extraBIPages.end);
    CHECK(boot_info->userImagePaging.start >= boot_info->schedcontrol.end);
    CHECK_EQ(boot_info->sharedFrames.start, boot_info->sharedFrames.end);
    CHECK_EQ(boot_info->ioSpaceCaps.start, boot_info->ioSpaceCaps.end);
}

TEST(bootinfo_image_frames_cover_the_image)
{
    uintptr_t base = 0x400000;

    CHECK_EQ(boot_info->userImageFrames.end - boot_info->userImageFrames.start,
             ((uintptr_t)rt_image_end - base) / 4096);
}

TEST(bootinfo_initial_capabilities)
{
    need_debug();
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapNull), seL4_CapTag_null);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapInitThreadTCB), seL4_CapTag_thread);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapInitThreadCNode), seL4_CapTag_cnode);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapInitThreadVSpace), seL4_CapTag_pml4);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapIRQControl), seL4_CapTag_irq_control);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapASIDControl), seL4_CapTag_asid_control);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapInitThreadASIDPool), seL4_CapTag_asid_pool);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapIOPortControl), seL4_CapTag_io_port_control);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapBootInfoFrame), seL4_CapTag_frame);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapInitThreadIPCBuffer), seL4_CapTag_frame);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapDomain), seL4_CapTag_domain);
    CHECK_EQ(seL4_DebugCapIdentify(seL4_CapInitThreadSC), seL4_CapTag_sched_context);
    CHECK_EQ(seL4_DebugCapIdentify(boot_info->schedcontrol.start), seL4_CapTag_sched_control);
    CHECK_EQ(seL4_DebugCapIdentify(boot_info->untyped.start), seL4_CapTag_untyped);
    CHECK_EQ(seL4_DebugCapIdentify(boot_info->userImageFrames.start), seL4_CapTag_frame);
    CHECK_EQ(seL4_DebugCapIdentify(boot_info->empty.end - 1), seL4_CapTag_null);
}

TEST(bootinfo_untypeds_are_aligned_and_disjoint)
{
    for (seL4_Word i = 0; i < untyped_count(); i++) {
        const seL4_UntypedDesc *a = desc_of(i);

        CHECK_RANGE(a->sizeBits, seL4_MinUntypedBits, seL4_MaxUntypedBits);
        CHECK_EQ(a->paddr & ((1ull << a->sizeBits) - 1), 0);
        CHECK(a->isDevice <= 1);
        for (seL4_Word j = 0; j < i; j++) {
            const seL4_UntypedDesc *b = desc_of(j);

            CHECK(a->paddr + (1ull << a->sizeBits) <= b->paddr ||
                  b->paddr + (1ull << b->sizeBits) <= a->paddr);
        }
    }
}

TEST(bootinfo_untypeds_devices_first)
{
    bool ram = false;

    for (seL4_Word i = 0; i < untyped_count(); i++) {
        CHECK(!(ram && desc_of(i)->isDevice));
        ram = ram || !desc_of(i)->isDevice;
    }
    CHECK(ram);
}

static bool in_an_untyped(seL4_Word paddr)
{
    for (seL4_Word i = 0; i < untyped_count(); i++) {
        if (paddr >= desc_of(i)->paddr && paddr - desc_of(i)->paddr < 1ull
                                                                          << desc_of(i)->sizeBits) {
            return true;
        }
    }
    return false;
}

/* Whoever has the interrupt controllers' registers owns the machine. */
TEST(bootinfo_kernel_keeps_the_interrupt_controllers)
{
    CHECK(!in_an_untyped(0xfee00000));
    CHECK(!in_an_untyped(0xfec00000));
}

TEST(bootinfo_image_frames_are_not_in_untypeds)
{
    for (seL4_CPtr i = boot_info->userImageFrames.start; i < boot_info->userImageFrames.end; i++) {
        CHECK(!in_an_untyped(seL4_X86_Page_GetAddress(i).paddr));
    }
}

TEST(bootinfo_hpet_is_a_device_untyped)
{
    CHECK(in_an_untyped(0xfed00000));
}

TEST(bootinfo_chunks_fill_the_extra_length)
{
    const uint8_t *base = (const uint8_t *)boot_info + seL4_BootInfoExtraOffset;
    seL4_Word offset = 0;

    while (offset < boot_info->extraLen) {
        seL4_BootInfoHeader header;

        memcpy(&header, base + offset, sizeof(header));
        CHECK(header.len >= sizeof(header));
        offset += header.len;
    }
    CHECK_EQ(offset, boot_info->extraLen);
    CHECK((boot_info->extraBIPages.end - boot_info->extraBIPages.start) * 4096 >=
          boot_info->extraLen);
}

TEST(bootinfo_rsdp)
{
    const uint8_t *chunk = boot_info_chunk(SEL4_BOOTINFO_HEADER_X86_ACPI_RSDP);
    uint8_t sum = 0;

    CHECK(chunk != NULL);
    CHECK_EQ(memcmp(chunk + sizeof(seL4_BootInfoHeader), "RSD PTR ", 8), 0);
    for (unsigned i = 0; i < 20; i++) {
        sum = (uint8_t)(sum + chunk[sizeof(seL4_BootInfoHeader) + i]);
    }
    CHECK_EQ(sum, 0);
}

TEST(bootinfo_tsc_frequency)
{
    const void *chunk = boot_info_chunk(SEL4_BOOTINFO_HEADER_X86_TSC_FREQ);
    seL4_X86_BootInfo_tsc_t tsc;

    CHECK(chunk != NULL);
    memcpy(&tsc, chunk, sizeof(tsc));
    CHECK_RANGE(tsc.freq_mhz, 100, 10000);
}

TEST(bootinfo_extensions)
{
    const struct quoin_extensions *found = extensions();

    if (found == NULL) {
        test_skip("the kernel announces no extensions");
    }
    CHECK_RANGE(found->tsc_hz, 100000000ull, 10000000000ull);
}
