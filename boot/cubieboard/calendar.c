/* SPDX-License-Identifier: ISC */
/* calendar.c - days since 1970. */
#include "calendar.h"

/* Of the proleptic Gregorian calendar; the year begins in March, so that the leap day is its last:
 * then the months before a given one have (153 * m + 2) / 5 days together. */
static uint64_t days(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;

    return UINT64_C(365) * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
}

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

uint64_t calendar_ns(uint32_t date, uint32_t time, uint32_t first_year, uint32_t year_mask)
{
    static const uint8_t lengths[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year = first_year + (date >> 16 & year_mask), month = date >> 8 & 15, day = date & 31;
    uint32_t hour = time >> 16 & 31, minute = time >> 8 & 63, second = time & 63;
    uint64_t s;

    if (year <= first_year || year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > lengths[month] || (month == 2 && day == 29 && !is_leap(year)) || hour > 23 ||
        minute > 59 || second > 59)
        return 0;
    s = (days(year, month, day) - days(1970, 1, 1)) * 86400 + hour * 3600 + minute * 60 + second;
    return s * NS_PER_S;
}
