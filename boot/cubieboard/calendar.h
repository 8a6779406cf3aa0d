/* SPDX-License-Identifier: ISC */
/* calendar.h - the RTC's registers as a time. */
#ifndef BOOT_CALENDAR_H
#define BOOT_CALENDAR_H

#include <morgana/base.h>

/* Nanoseconds since 1970-01-01, of the RTC's date and time registers: year in bits 16 up (masked),
 * month 11..8, day 4..0; hour 20..16, minute 13..8, second 5..0. 0 where that is no date, or one
 * that the RTC shows when it was never set (its first year). */
uint64_t calendar_ns(uint32_t date, uint32_t time, uint32_t first_year, uint32_t year_mask);

#endif
