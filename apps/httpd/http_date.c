/* SPDX-License-Identifier: ISC */
/* http_date.c - dates of HTTP (RFC 9110 section 5.6.7): one form to write, three to read.
 *
 * Days are counted from 1 March of the year 0, so that the leap day is a year's last. */
#include <string.h>

#include <morgana/log.h>

#include "http.h"

#define DAY 86400u
#define DAYS_TO_1970 719468u /* from 1 March 0000 */
#define DAYS_OF_400_YEARS 146097u

static const char days[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                 "Thursday", "Friday", "Saturday"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Of the proleptic Gregorian calendar; month 0..11, day 1..31. */
static uint64_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t m = (month + 10) % 12; /* March is 0 */
    uint32_t y = month < 2 ? year - 1 : year;

    return (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 -
           DAYS_TO_1970;
}

static void date_of(uint64_t day_count, uint32_t *year, uint32_t *month, uint32_t *day)
{
    uint64_t n = day_count + DAYS_TO_1970, era = n / DAYS_OF_400_YEARS;
    uint32_t left = (uint32_t)(n % DAYS_OF_400_YEARS);
    uint32_t y = (left - left / 1460 + left / 36524 - left / 146096) / 365;
    uint32_t in_year = left - (y * 365 + y / 4 - y / 100);
    uint32_t m = (5 * in_year + 2) / 153;

    *day = in_year - (153 * m + 2) / 5 + 1;
    *month = (m + 2) % 12;
    *year = (uint32_t)(era * 400) + y + (*month < 2);
}

void http_date_format(uint64_t seconds, char out[HTTP_DATE_BYTES])
{
    uint32_t year, month, day, time = (uint32_t)(seconds % DAY);

    date_of(seconds / DAY, &year, &month, &day);
    (void)fmt_buf(out, HTTP_DATE_BYTES, "%.3s, %02u %s %04u %02u:%02u:%02u GMT",
                  days[(seconds / DAY + 4) % 7], day, months[month], year, time / 3600,
                  time / 60 % 60, time % 60);
}

/* ---- reading: each step takes what it expects off the front, or says false ------------------- */

static bool take_text(struct cs_ro *text, const char *wanted)
{
    size_t n = strlen(wanted);

    if (text->len < n || !cs_equal_str(cs_head(*text, n), wanted))
        return false;
    *text = cs_shift(*text, n);
    return true;
}

/* Exactly so many digits. */
static bool take_digits(struct cs_ro *text, unsigned digits, uint32_t *value)
{
    uint32_t n = 0;

    if (text->len < digits)
        return false;
    for (unsigned i = 0; i < digits; i++) {
        if (text->base[i] < '0' || text->base[i] > '9')
            return false;
        n = n * 10 + (uint32_t)(text->base[i] - '0');
    }
    *text = cs_shift(*text, digits);
    *value = n;
    return true;
}

static bool take_month(struct cs_ro *text, uint32_t *month)
{
    for (*month = 0; *month < 12; ++*month)
        if (take_text(text, months[*month]))
            return true;
    return false;
}

/* A day's name; whether it is that date's does not matter. */
static bool take_day_name(struct cs_ro *text, bool whole)
{
    for (unsigned i = 0; i < 7; i++) {
        char name[10];

        (void)fmt_buf(name, sizeof(name), "%.*s", whole ? 9 : 3, days[i]);
        if (take_text(text, name))
            return true;
    }
    return false;
}

static bool take_time(struct cs_ro *text, uint32_t *seconds)
{
    uint32_t h, m, s;

    if (!take_digits(text, 2, &h) || !take_text(text, ":") || !take_digits(text, 2, &m) ||
        !take_text(text, ":") || !take_digits(text, 2, &s) || h > 23 || m > 59 || s > 60)
        return false;
    *seconds = h * 3600 + m * 60 + s;
    return true;
}

struct parts {
    uint32_t year, month, day, time;
};

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool take_imf(struct cs_ro t, struct parts *p)
{
    return take_day_name(&t, false) && take_text(&t, ", ") && take_digits(&t, 2, &p->day) &&
           take_text(&t, " ") && take_month(&t, &p->month) && take_text(&t, " ") &&
           take_digits(&t, 4, &p->year) && take_text(&t, " ") && take_time(&t, &p->time) &&
           take_text(&t, " GMT") && t.len == 0;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool take_rfc850(struct cs_ro t, uint64_t now, struct parts *p)
{
    uint32_t this_year, month, day;

    if (!take_day_name(&t, true) || !take_text(&t, ", ") || !take_digits(&t, 2, &p->day) ||
        !take_text(&t, "-") || !take_month(&t, &p->month) || !take_text(&t, "-") ||
        !take_digits(&t, 2, &p->year) || !take_text(&t, " ") || !take_time(&t, &p->time) ||
        !take_text(&t, " GMT") || t.len != 0)
        return false;
    /* more than 50 years ahead means the century before */
    date_of(now / DAY, &this_year, &month, &day);
    p->year += this_year / 100 * 100;
    if (p->year > this_year + 50)
        p->year -= 100;
    return true;
}

/* Sun Nov  6 08:49:37 1994 */
static bool take_asctime(struct cs_ro t, struct parts *p)
{
    return take_day_name(&t, false) && take_text(&t, " ") && take_month(&t, &p->month) &&
           take_text(&t, " ") &&
           (take_text(&t, " ") ? take_digits(&t, 1, &p->day) : take_digits(&t, 2, &p->day)) &&
           take_text(&t, " ") && take_time(&t, &p->time) && take_text(&t, " ") &&
           take_digits(&t, 4, &p->year) && t.len == 0;
}

bool http_date_parse(struct cs_ro text, uint64_t now, uint64_t *seconds)
{
    static const uint8_t month_days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct parts p;

    if (!take_imf(text, &p) && !take_rfc850(text, now, &p) && !take_asctime(text, &p))
        return false;
    if (p.year < 1970 || p.day < 1 || p.day > month_days[p.month])
        return false;
    *seconds = days_of(p.year, p.month, p.day) * DAY + p.time;
    return true;
}
