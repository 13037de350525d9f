/* SPDX-License-Identifier: BSD-2-Clause
 *
 * MC146818: index at port 0x70, data at 0x71.
 */
#include "rtc.h"

#include <stdbool.h>

enum {
    SECONDS = 0,
    MINUTES = 2,
    HOURS = 4,
    DAY = 7,
    MONTH = 8,
    YEAR = 9,
    STATUS_A = 10,
    STATUS_B = 11
};
enum { A_UPDATING = 0x80, B_24_HOURS = 2, B_BINARY = 4, PM = 0x80, CENTURY = 0x32 };

static uint8_t cmos(seL4_CPtr port, uint8_t index)
{
    (void)seL4_X86_IOPort_Out8(port, 0x70, index);
    return seL4_X86_IOPort_In8(port, 0x71).result;
}

static unsigned number(uint8_t value, uint8_t status_b)
{
    return status_b & B_BINARY ? value : (value >> 4) * 10u + (value & 15);
}

/* Days from 1970-01-01, proleptic Gregorian calendar. */
static uint64_t days(unsigned year, unsigned month, unsigned day)
{
    static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    unsigned y = year - 1;
    uint64_t leap = y / 4 - y / 100 + y / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return (year - 1970u) * 365ull + leap + before[month - 1] + (month > 2 && is_leap) + day - 1;
}

void rtc_read(seL4_CPtr slot, uint64_t *ns, uint64_t *tsc)
{
    uint8_t raw[10];
    uint8_t again;

    *ns = 0;
    *tsc = 0;
    if (seL4_X86_IOPortControl_Issue(seL4_CapIOPortControl, 0x70, 0x71, seL4_CapInitThreadCNode,
                                     slot, seL4_WordBits) != seL4_NoError) {
        return;
    }
    /* The same second before and after, and no update running: the values belong together. */
    for (unsigned attempt = 0;; attempt++) {
        if (attempt == 1000) {
            return;
        }
        if (cmos(slot, STATUS_A) & A_UPDATING) {
            continue;
        }
        for (uint8_t i = 0; i < sizeof(raw); i++) {
            raw[i] = cmos(slot, i);
        }
        again = cmos(slot, SECONDS);
        if (again == raw[SECONDS] && !(cmos(slot, STATUS_A) & A_UPDATING)) {
            break;
        }
    }
    *tsc = __builtin_ia32_rdtsc();
    uint8_t b = cmos(slot, STATUS_B);
    unsigned century = number(cmos(slot, CENTURY), b);
    unsigned year = number(raw[YEAR], b) + (century >= 19 && century <= 21 ? century * 100 : 2000);
    unsigned month = number(raw[MONTH], b);
    unsigned hour = number(raw[HOURS] & (uint8_t)~PM, b);
    if (!(b & B_24_HOURS)) {
        hour = hour % 12 + (raw[HOURS] & PM ? 12 : 0);
    }
    if (year < 1970 || month < 1 || month > 12) {
        *tsc = 0;
        return;
    }
    uint64_t seconds = days(year, month, number(raw[DAY], b)) * 86400 + hour * 3600ull +
                       number(raw[MINUTES], b) * 60ull + number(raw[SECONDS], b);
    *ns = seconds * 1000000000ull;
}
