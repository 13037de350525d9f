/* SPDX-License-Identifier: BSD-2-Clause
 *
 * I/O port capabilities. Ports 0x70 and 0x71 (RTC) and 0x80 (POST code) are on every PC.
 */
#include "test.h"

enum { RTC_INDEX = 0x70, RTC_DATA = 0x71 };

static seL4_Error issue(seL4_Word first, seL4_Word last, seL4_CPtr slot)
{
    return seL4_X86_IOPortControl_Issue(seL4_CapIOPortControl, first, last, ROOT, slot, ROOT_DEPTH);
}

static seL4_CPtr ports_new(seL4_Word first, seL4_Word last)
{
    seL4_CPtr slot = slot_new();

    CHECK_OK(issue(first, last, slot));
    return slot;
}

TEST(ioport_in_and_out)
{
    seL4_CPtr rtc = ports_new(RTC_INDEX, RTC_DATA);
    seL4_X86_IOPort_In8_t status;

    CHECK_OK(seL4_X86_IOPort_Out8(rtc, RTC_INDEX, 0x0d)); /* register D: bit 7 valid RAM */
    status = seL4_X86_IOPort_In8(rtc, RTC_DATA);
    CHECK_OK(status.error);
    CHECK_EQ(status.result & 0x80, 0x80);
}

/* The page register of DMA channel 0 reads as it was written. */
TEST(ioport_out_some)
{
    static const uint8_t bytes[QUOIN_OUT8_MAX + 1] = {1,  2,  3,  4,  5,  6,  7,  8, 9,
                                                      10, 11, 12, 13, 14, 15, 16, 17};
    seL4_CPtr page = ports_new(0x87, 0x87);

    for (unsigned count = 1; count <= QUOIN_OUT8_MAX; count++) {
        CHECK_OK(seL4_QuoinIOPort_Out8Some(page, 0x87, bytes, count));
        CHECK_EQ(seL4_X86_IOPort_In8(page, 0x87).result, count);
    }
    CHECK_EQ(seL4_QuoinIOPort_Out8Some(page, 0x87, bytes, 0), seL4_InvalidArgument);
    CHECK_EQ(seL4_QuoinIOPort_Out8Some(page, 0x87, bytes, QUOIN_OUT8_MAX + 1),
             seL4_InvalidArgument);
    CHECK_EQ(seL4_QuoinIOPort_Out8Some(page, 0x88, bytes, 1), seL4_IllegalOperation);
}

TEST(ioport_out_of_range)
{
    seL4_CPtr rtc = ports_new(RTC_INDEX, RTC_DATA);

    CHECK_EQ(seL4_X86_IOPort_In8(rtc, RTC_DATA + 1).error, seL4_IllegalOperation);
    CHECK_EQ(seL4_X86_IOPort_In8(rtc, RTC_INDEX - 1).error, seL4_IllegalOperation);
    CHECK_EQ(seL4_X86_IOPort_Out8(rtc, 0x80, 0), seL4_IllegalOperation);
}

/* A wide access must lie in the range with its last byte, too. */
TEST(ioport_wide_access_at_the_end)
{
    seL4_CPtr ports = ports_new(0x500, 0x503);

    CHECK_OK(seL4_X86_IOPort_In16(ports, 0x502).error);
    CHECK_EQ(seL4_X86_IOPort_In16(ports, 0x503).error, seL4_IllegalOperation);
    CHECK_OK(seL4_X86_IOPort_In32(ports, 0x500).error);
    CHECK_EQ(seL4_X86_IOPort_In32(ports, 0x501).error, seL4_IllegalOperation);
    CHECK_EQ(seL4_X86_IOPort_Out16(ports, 0x503, 0), seL4_IllegalOperation);
    CHECK_EQ(seL4_X86_IOPort_Out32(ports, 0x502, 0), seL4_IllegalOperation);
}

TEST(ioport_last_port_of_all)
{
    seL4_CPtr ports = ports_new(0xfffe, 0xffff);

    CHECK_OK(seL4_X86_IOPort_In8(ports, 0xffff).error);
    CHECK_EQ(seL4_X86_IOPort_In16(ports, 0xffff).error, seL4_IllegalOperation);
    CHECK_EQ(seL4_X86_IOPort_In32(ports, 0xfffe).error, seL4_IllegalOperation);
}

TEST(ioport_issue_errors)
{
    CHECK_EQ(issue(0x510, 0x50f, slot_new()), seL4_InvalidArgument);
    CHECK_EQ(issue(0x510, 0x510, endpoint_new()), seL4_DeleteFirst);
}

TEST(ioport_issue_overlap)
{
    seL4_CPtr ports = ports_new(0x520, 0x52f);

    CHECK_EQ(issue(0x52f, 0x530, slot_new()), seL4_RevokeFirst);
    CHECK_EQ(issue(0x510, 0x520, slot_new()), seL4_RevokeFirst);
    CHECK_EQ(issue(0x524, 0x525, slot_new()), seL4_RevokeFirst);
    CHECK_OK(issue(0x530, 0x530, slot_new()));
    CHECK_OK(issue(0x51f, 0x51f, slot_new()));
    CHECK_OK(cap_delete(ports));
    CHECK_OK(issue(0x524, 0x525, slot_new()));
}

TEST(ioport_copy_keeps_the_range)
{
    seL4_CPtr ports = ports_new(0x540, 0x547), copy = cap_copy(ports, seL4_AllRights);

    CHECK_OK(cap_delete(ports));
    CHECK_EQ(issue(0x540, 0x540, slot_new()), seL4_RevokeFirst);
    CHECK_OK(seL4_X86_IOPort_In8(copy, 0x547).error);
    CHECK_OK(cap_delete(copy));
    CHECK_OK(issue(0x540, 0x540, slot_new()));
}

TEST(ioport_truncated)
{
    seL4_CPtr ports = ports_new(0x540, 0x547);

    CHECK_EQ(seL4_x64_invoke0(ports, X86IOPortIn8, 0), seL4_TruncatedMessage);
    CHECK_EQ(seL4_x64_invoke1(ports, X86IOPortOut8, 0, 0x540), seL4_TruncatedMessage);
    seL4_SetCap(0, ROOT);
    CHECK_EQ(seL4_x64_invoke3(seL4_CapIOPortControl, X86IOPortControlIssue, 1, 1, 2, slot_new()),
             seL4_TruncatedMessage);
    CHECK_EQ(
        seL4_x64_invoke(seL4_CapIOPortControl, X86IOPortControlIssue, 0, 4, 1, 2, slot_new(), 64),
        seL4_TruncatedMessage);
}

TEST(ioport_other_label)
{
    CHECK_EQ(seL4_x64_invoke0(ports_new(0x540, 0x547), TCBSuspend, 0), seL4_IllegalOperation);
    CHECK_EQ(seL4_x64_invoke0(seL4_CapIOPortControl, TCBSuspend, 0), seL4_IllegalOperation);
}
