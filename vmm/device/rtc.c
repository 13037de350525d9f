/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/device/rtc.h"

#include <string.h>

enum {
    REG_SECONDS = 0,
    REG_SECONDS_ALARM = 1,
    REG_MINUTES = 2,
    REG_MINUTES_ALARM = 3,
    REG_HOURS = 4,
    REG_HOURS_ALARM = 5,
    REG_WEEKDAY = 6,
    REG_DAY = 7,
    REG_MONTH = 8,
    REG_YEAR = 9,
    REG_A = 10,
    REG_B = 11,
    REG_C = 12,
    REG_D = 13,
    REG_CENTURY = 0x32,
};

#define B_24H      0x02
#define B_BINARY   0x04
#define B_UPDATE   0x10
#define B_ALARM    0x20
#define B_PERIODIC 0x40
#define B_SET      0x80
#define NS_PER_S   1000000000ull
/* "Update in progress" comes 244 microseconds before the update. */
#define UPDATE_NS 244000ull

struct calendar {
    unsigned year, month, day, weekday, hour, minute, second;
};

/* Days since 1970-01-01 to a date of the proleptic Gregorian calendar. */
static void calendar_from_seconds(uint64_t seconds, struct calendar *calendar)
{
    uint64_t days = seconds / 86400;
    unsigned rest = (unsigned)(seconds % 86400);
    calendar->hour = rest / 3600;
    calendar->minute = rest / 60 % 60;
    calendar->second = rest % 60;
    calendar->weekday = (unsigned)((days + 4) % 7) + 1; /* 1970-01-01 was a Thursday; Sunday is 1 */
    /* Count from 1 March of year 0, so that a leap day ends a year: 719468 days before 1970. */
    uint64_t z = days + 719468;
    uint64_t era = z / 146097;
    unsigned day_of_era = (unsigned)(z % 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;
    calendar->day = day_of_year - (153 * shifted + 2) / 5 + 1;
    calendar->month = shifted < 10 ? shifted + 3 : shifted - 9;
    calendar->year = (unsigned)(era * 400) + year_of_era + (calendar->month <= 2 ? 1 : 0);
}

static uint64_t seconds_from_calendar(const struct calendar *calendar)
{
    uint64_t year = calendar->year - (calendar->month <= 2 ? 1 : 0);
    unsigned shifted = calendar->month > 2 ? calendar->month - 3 : calendar->month + 9;
    uint64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * shifted + 2) / 5 +
                    calendar->day - 1;
    if (days < 719468)
        return 0;
    return (days - 719468) * 86400 + calendar->hour * 3600ull + calendar->minute * 60ull +
           calendar->second;
}

static uint64_t now_ns(const struct rtc *rtc)
{
    return rtc->base_ns +
           ratio_apply(rtc->nanoseconds.from_tsc, clock_now(rtc->clock) - rtc->base_tsc);
}

static uint8_t encode(const struct rtc *rtc, unsigned value)
{
    if ((rtc->cmos[REG_B] & B_BINARY) != 0)
        return (uint8_t)value;
    return (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

static unsigned decode(const struct rtc *rtc, uint8_t value)
{
    if ((rtc->cmos[REG_B] & B_BINARY) != 0)
        return value;
    return (value >> 4) * 10u + (value & 0xf);
}

static uint8_t encode_hour(const struct rtc *rtc, unsigned hour)
{
    if ((rtc->cmos[REG_B] & B_24H) != 0)
        return encode(rtc, hour);
    unsigned twelve = hour % 12 == 0 ? 12 : hour % 12;
    return (uint8_t)(encode(rtc, twelve) | (hour >= 12 ? 0x80 : 0));
}

static unsigned decode_hour(const struct rtc *rtc, uint8_t value)
{
    if ((rtc->cmos[REG_B] & B_24H) != 0)
        return decode(rtc, value);
    unsigned hour = decode(rtc, value & 0x7f) % 12;
    return (value & 0x80) != 0 ? hour + 12 : hour;
}

/* Brings the time registers up to date, unless the guest is setting them. */
static void refresh(struct rtc *rtc)
{
    if ((rtc->cmos[REG_B] & B_SET) != 0)
        return;
    struct calendar calendar;
    calendar_from_seconds(now_ns(rtc) / NS_PER_S, &calendar);
    rtc->cmos[REG_SECONDS] = encode(rtc, calendar.second);
    rtc->cmos[REG_MINUTES] = encode(rtc, calendar.minute);
    rtc->cmos[REG_HOURS] = encode_hour(rtc, calendar.hour);
    rtc->cmos[REG_WEEKDAY] = (uint8_t)calendar.weekday;
    rtc->cmos[REG_DAY] = encode(rtc, calendar.day);
    rtc->cmos[REG_MONTH] = encode(rtc, calendar.month);
    rtc->cmos[REG_YEAR] = encode(rtc, calendar.year % 100);
    rtc->cmos[REG_CENTURY] = encode(rtc, calendar.year / 100);
}

/* Takes the guest's new time over. */
static void commit(struct rtc *rtc)
{
    struct calendar calendar = {
        .year = decode(rtc, rtc->cmos[REG_CENTURY]) * 100 + decode(rtc, rtc->cmos[REG_YEAR]),
        .month = decode(rtc, rtc->cmos[REG_MONTH]),
        .day = decode(rtc, rtc->cmos[REG_DAY]),
        .hour = decode_hour(rtc, rtc->cmos[REG_HOURS]),
        .minute = decode(rtc, rtc->cmos[REG_MINUTES]),
        .second = decode(rtc, rtc->cmos[REG_SECONDS]),
    };
    if (calendar.month < 1 || calendar.month > 12 || calendar.day < 1 || calendar.day > 31 ||
        calendar.hour > 23 || calendar.minute > 59 || calendar.second > 59 || calendar.year < 1970)
        return; /* nonsense does not change the clock */
    rtc->base_ns = seconds_from_calendar(&calendar) * NS_PER_S;
    rtc->base_tsc = clock_now(rtc->clock);
}

static void raise(struct rtc *rtc, uint8_t flag)
{
    rtc->cmos[REG_C] |= flag;
    if ((rtc->cmos[REG_C] & rtc->cmos[REG_B] & 0x70) == 0)
        return;
    rtc->cmos[REG_C] |= 0x80;
    if (!rtc->line) {
        rtc->line = true;
        irq_set_isa(rtc->irq, 8, true);
    }
}

/* Periods of register A's rate selection, in 32768ths of a second: 2^(rate-1), with 1 and 2 as
 * 8, 9. */
static uint64_t periodic_tsc(const struct rtc *rtc)
{
    unsigned rate = rtc->cmos[REG_A] & 0xf;
    if (rate == 0)
        return 0;
    if (rate < 3)
        rate += 7;
    uint64_t ns = (NS_PER_S << (rate - 1)) / 32768;
    return ratio_apply(rtc->nanoseconds.to_tsc, ns);
}

static void arm_periodic(struct rtc *rtc)
{
    uint64_t period = periodic_tsc(rtc);
    if ((rtc->cmos[REG_B] & B_PERIODIC) == 0 || period == 0)
        timer_cancel(&rtc->periodic);
    else
        timer_set(&rtc->periodic, clock_now(rtc->clock) + period);
}

static void periodic_expired(void *context)
{
    struct rtc *rtc = context;
    raise(rtc, B_PERIODIC);
    arm_periodic(rtc);
}

static void arm_second(struct rtc *rtc)
{
    if ((rtc->cmos[REG_B] & (B_UPDATE | B_ALARM)) == 0) {
        timer_cancel(&rtc->second);
        return;
    }
    uint64_t rest = NS_PER_S - now_ns(rtc) % NS_PER_S;
    timer_set(&rtc->second, clock_now(rtc->clock) + ratio_apply(rtc->nanoseconds.to_tsc, rest) + 1);
}

static bool alarm_matches(const struct rtc *rtc, unsigned alarm, unsigned now)
{
    /* Both upper bits set: "don't care". */
    return (rtc->cmos[alarm] & 0xc0) == 0xc0 || rtc->cmos[alarm] == rtc->cmos[now];
}

static void second_expired(void *context)
{
    struct rtc *rtc = context;
    refresh(rtc);
    if (alarm_matches(rtc, REG_SECONDS_ALARM, REG_SECONDS) &&
        alarm_matches(rtc, REG_MINUTES_ALARM, REG_MINUTES) &&
        alarm_matches(rtc, REG_HOURS_ALARM, REG_HOURS))
        raise(rtc, B_ALARM);
    raise(rtc, B_UPDATE);
    arm_second(rtc);
}

void rtc_initialize(struct rtc *rtc, struct irq *irq, const struct clock *clock,
                    struct timer_queue *queue, uint64_t base_ns, uint64_t base_tsc)
{
    memset(rtc, 0, sizeof(*rtc));
    rtc->irq = irq;
    rtc->clock = clock;
    rtc->nanoseconds = rate_make(NS_PER_S, clock->hz);
    rtc->base_ns = base_ns;
    rtc->base_tsc = base_tsc;
    timer_add(queue, &rtc->periodic, periodic_expired, rtc);
    timer_add(queue, &rtc->second, second_expired, rtc);
    rtc->cmos[REG_A] = 0x26; /* 32.768 kHz base, 1024 Hz */
    rtc->cmos[REG_B] = B_24H;
}

void rtc_reset(struct rtc *rtc)
{
    rtc->cmos[REG_B] &= (uint8_t) ~(B_PERIODIC | B_ALARM | B_UPDATE);
    rtc->cmos[REG_C] = 0;
    if (rtc->line)
        irq_set_isa(rtc->irq, 8, false);
    rtc->line = false;
    arm_periodic(rtc);
    arm_second(rtc);
}

void rtc_set_memory(struct rtc *rtc, uint64_t low, uint64_t high)
{
    uint64_t above_1m = low > 0x100000 ? (low - 0x100000) >> 10 : 0;
    uint64_t kib = above_1m > 0xffff ? 0xffff : above_1m;
    uint64_t above_16m = low > 0x1000000 ? (low - 0x1000000) >> 16 : 0;
    rtc->cmos[0x15] = 0x80; /* 640 KiB */
    rtc->cmos[0x16] = 0x02;
    rtc->cmos[0x17] = rtc->cmos[0x30] = (uint8_t)kib;
    rtc->cmos[0x18] = rtc->cmos[0x31] = (uint8_t)(kib >> 8);
    rtc->cmos[0x34] = (uint8_t)above_16m;
    rtc->cmos[0x35] = (uint8_t)(above_16m >> 8);
    rtc->cmos[0x5b] = (uint8_t)(high >> 16);
    rtc->cmos[0x5c] = (uint8_t)(high >> 24);
    rtc->cmos[0x5d] = (uint8_t)(high >> 32);
}

static uint8_t read_register(struct rtc *rtc, uint8_t index)
{
    if (index <= REG_YEAR || index == REG_CENTURY)
        refresh(rtc);
    if (index == REG_A) {
        bool updating =
            (rtc->cmos[REG_B] & B_SET) == 0 && now_ns(rtc) % NS_PER_S >= NS_PER_S - UPDATE_NS;
        return (uint8_t)((rtc->cmos[REG_A] & 0x7f) | (updating ? 0x80 : 0));
    }
    if (index == REG_C) {
        uint8_t flags = rtc->cmos[REG_C];
        rtc->cmos[REG_C] = 0;
        if (rtc->line) {
            rtc->line = false;
            irq_set_isa(rtc->irq, 8, false);
        }
        return flags;
    }
    if (index == REG_D)
        return 0x80; /* the battery is good */
    return rtc->cmos[index];
}

static void write_register(struct rtc *rtc, uint8_t index, uint8_t value)
{
    switch (index) {
    case REG_A:
        rtc->cmos[REG_A] = value & 0x7f;
        arm_periodic(rtc);
        return;
    case REG_B: {
        uint8_t old = rtc->cmos[REG_B];
        refresh(rtc);
        if ((value & B_SET) != 0)
            value &= (uint8_t)~B_UPDATE;
        rtc->cmos[REG_B] = value;
        if ((old & B_SET) != 0 && (value & B_SET) == 0)
            commit(rtc);
        arm_periodic(rtc);
        arm_second(rtc);
        raise(rtc, 0);
        return;
    }
    case REG_C:
    case REG_D:
        return;
    default:
        break;
    }
    bool time = index == REG_CENTURY || (index <= REG_YEAR && index != REG_SECONDS_ALARM &&
                                         index != REG_MINUTES_ALARM && index != REG_HOURS_ALARM);
    if (time)
        refresh(rtc);
    rtc->cmos[index] = value;
    if (time && (rtc->cmos[REG_B] & B_SET) == 0)
        commit(rtc);
}

static uint64_t rtc_read(void *device, uint64_t offset, unsigned size)
{
    struct rtc *rtc = device;
    (void)size;
    if (offset == 1)
        return read_register(rtc, rtc->index);
    if (offset == 3)
        return rtc->cmos[128 + rtc->extended_index];
    return 0xff; /* the index ports cannot be read */
}

static void rtc_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct rtc *rtc = device;
    (void)size;
    switch (offset) {
    case 0:
        rtc->index = (uint8_t)value & 0x7f;
        break;
    case 1:
        write_register(rtc, rtc->index, (uint8_t)value);
        break;
    case 2:
        rtc->extended_index = (uint8_t)value & 0x7f;
        break;
    default:
        rtc->cmos[128 + rtc->extended_index] = (uint8_t)value;
        break;
    }
}

const struct bus_operations rtc_operations = {rtc_read, rtc_write, 1};
