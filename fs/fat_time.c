/* SPDX-License-Identifier: ISC */
/* fat_time.c - time stamps: days and two-second steps from 1980 to 2107, here in UTC. */
#include "fs/fat_priv.h"

#define DAY_S 86400u
#define YEAR_MIN 1980u
#define YEAR_MAX 2107u

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t month_days(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

void fat_time_stamp(uint64_t wall_ns, uint16_t *date, uint16_t *time, uint8_t *ms10)
{
    uint64_t days = wall_ns / NS_PER_S / DAY_S;
    uint32_t s = (uint32_t)(wall_ns / NS_PER_S % DAY_S), year = 1970, month = 1;

    for (; year <= YEAR_MAX && days >= (is_leap(year) ? 366u : 365u); year++)
        days -= is_leap(year) ? 366u : 365u;
    if (year < YEAR_MIN || year > YEAR_MAX) {
        *date = 1 << 5 | 1; /* the first day */
        *time = 0;
        *ms10 = 0;
        return;
    }
    for (; days >= month_days(year, month); month++)
        days -= month_days(year, month);
    *date = (uint16_t)((year - YEAR_MIN) << 9 | month << 5 | (uint32_t)(days + 1));
    *time = (uint16_t)(s / 3600 << 11 | s / 60 % 60 << 5 | s % 60 / 2);
    *ms10 = (uint8_t)(s % 2 * 100 + wall_ns % NS_PER_S / (10 * NS_PER_MS));
}

uint64_t fat_time_seconds(uint16_t date, uint16_t time)
{
    uint32_t year = YEAR_MIN + (date >> 9), month = date >> 5 & 15, day = date & 31;
    uint64_t days = 0;

    if (month < 1 || month > 12 || day < 1 || day > month_days(year, month) || time >> 11 > 23 ||
        (time >> 5 & 63) > 59 || (time & 31) > 29)
        return 0;
    for (uint32_t y = 1970; y < year; y++)
        days += is_leap(y) ? 366 : 365;
    for (uint32_t m = 1; m < month; m++)
        days += month_days(year, m);
    return (days + day - 1) * DAY_S + (time >> 11) * 3600u + (time >> 5 & 63) * 60u +
           (time & 31) * 2u;
}
