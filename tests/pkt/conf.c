/* SPDX-License-Identifier: ISC */
/* conf.c - the --name=value lines a script begins with; the runner's command line takes the
 * same. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

const struct script_conf script_conf_default = {
    .tolerance_ns = 4000000,
    .tolerance_percent = 0,
    .mtu = 1500,
    .local_ip = 192u << 24 | 168u << 16 | 0 << 8 | 1,
    .remote_ip = 192u << 24 | 0u << 16 | 2 << 8 | 1,
    .gateway_ip = 192u << 24 | 168u << 16 | 0 << 8 | 2,
    .bind_port = 8080,
    .connect_port = 8080,
};

struct setting {
    struct script_conf *conf;
    const char *value; /* "" where none was given */
    char *unsupported;
    size_t unsupported_len;
};

static bool number(const char *text, double min, double max, double *out)
{
    char *end;

    errno = 0;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && errno == 0 && *out >= min && *out <= max;
}

static bool address(const char *text, uint32_t *out)
{
    unsigned a, b, c, d;
    char rest;
    int n = sscanf(text, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest);

    if (n < 4 || (n == 5 && rest != '/') || a > 255 || b > 255 || c > 255 || d > 255)
        return false;
    *out = a << 24 | b << 16 | c << 8 | d;
    return true;
}

static bool unsupported(struct setting *s, const char *what)
{
    snprintf(s->unsupported, s->unsupported_len, "%s", what);
    return true;
}

static bool set_ip_version(struct setting *s)
{
    if (strcmp(s->value, "ipv6") == 0)
        return unsupported(s, "IPv6");
    return strcmp(s->value, "ipv4") == 0 || strcmp(s->value, "ipv4-mapped-ipv6") == 0;
}

static bool set_tolerance_usecs(struct setting *s)
{
    double x;

    if (!number(s->value, 0, 1e12, &x))
        return false;
    s->conf->tolerance_ns = (int64_t)(x * 1000);
    return true;
}

static bool set_tolerance_percent(struct setting *s)
{
    return number(s->value, 0, 1000, &s->conf->tolerance_percent);
}

static bool set_tick(struct setting *s)
{
    double x;

    if (!number(s->value, 0, 1e6, &x))
        return false;
    s->conf->ts_tick_us = (uint32_t)x;
    return true;
}

static bool set_mtu(struct setting *s)
{
    double x;

    if (!number(s->value, 68, 65535, &x))
        return false;
    s->conf->mtu = (uint32_t)x;
    return true;
}

static bool set_mss(struct setting *s)
{
    double x;

    if (!number(s->value, 1, 65535, &x))
        return false;
    s->conf->mss = (uint32_t)x;
    return true;
}

static bool port(struct setting *s, uint16_t *out)
{
    double x;

    if (!number(s->value, 1, 65535, &x))
        return false;
    *out = (uint16_t)x;
    return true;
}

static bool set_bind_port(struct setting *s)
{
    return port(s, &s->conf->bind_port);
}

static bool set_connect_port(struct setting *s)
{
    return port(s, &s->conf->connect_port);
}

static bool set_local_ip(struct setting *s)
{
    if (strchr(s->value, ':') != NULL)
        return unsupported(s, "IPv6");
    return address(s->value, &s->conf->local_ip);
}

static bool set_remote_ip(struct setting *s)
{
    if (strchr(s->value, ':') != NULL)
        return unsupported(s, "IPv6");
    return address(s->value, &s->conf->remote_ip);
}

static bool set_gateway_ip(struct setting *s)
{
    return address(s->value, &s->conf->gateway_ip) || strchr(s->value, ':') != NULL;
}

static bool flag(const struct setting *s)
{
    return s->value[0] == '\0' || strcmp(s->value, "1") == 0 || strcmp(s->value, "true") == 0;
}

static bool set_ecr_scaled(struct setting *s)
{
    s->conf->ts_ecr_scaled = flag(s);
    return true;
}

static bool set_strict_segments(struct setting *s)
{
    s->conf->strict_segments = flag(s);
    return true;
}

static bool set_strict_options(struct setting *s)
{
    s->conf->strict_options = flag(s);
    return true;
}

static bool set_strict_end(struct setting *s)
{
    s->conf->strict_end = flag(s);
    return true;
}

/* NAME, NAME=VALUE; the last of a name holds. */
static bool set_define(struct setting *s)
{
    struct lex_defines *defines = &s->conf->defines;
    const char *equals = strchr(s->value, '=');
    size_t n = equals == NULL ? strlen(s->value) : (size_t)(equals - s->value);
    struct lex_define d = {.value = ""};
    unsigned i = 0;

    if (n == 0 || n >= sizeof(d.name) || (equals != NULL && strlen(equals + 1) >= sizeof(d.value)))
        return false;
    memcpy(d.name, s->value, n);
    if (equals != NULL)
        memcpy(d.value, equals + 1, strlen(equals + 1));
    while (i < defines->count && strcmp(defines->define[i].name, d.name) != 0)
        i++;
    if (i == LEX_DEFINES_MAX)
        return false;
    defines->define[i] = d;
    defines->count += i == defines->count;
    return true;
}

static bool set_udp_encapsulation(struct setting *s)
{
    return unsupported(s, "TCP in UDP");
}

static bool set_psp(struct setting *s)
{
    return unsupported(s, "PSP");
}

static const struct {
    const char *name;
    bool (*set)(struct setting *s);
} settings[] = {
    {"ip_version", set_ip_version},
    {"tolerance_usecs", set_tolerance_usecs},
    {"tolerance_percent", set_tolerance_percent},
    {"tcp_ts_tick_usecs", set_tick},
    {"tcp_ts_ecr_scaled", set_ecr_scaled},
    {"mtu", set_mtu},
    {"mss", set_mss},
    {"bind_port", set_bind_port},
    {"connect_port", set_connect_port},
    {"local_ip", set_local_ip},
    {"remote_ip", set_remote_ip},
    {"gateway_ip", set_gateway_ip},
    {"strict_segments", set_strict_segments},
    {"strict_options", set_strict_options},
    {"strict_end", set_strict_end},
    {"define", set_define},
    {"udp_encapsulation", set_udp_encapsulation},
    {"psp_udp_port", set_psp},
};

bool script_option_known(const char *text)
{
    const char *name = strncmp(text, "--", 2) == 0 ? text + 2 : text;
    size_t len = strcspn(name, "=");

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (strlen(settings[i].name) == len && memcmp(settings[i].name, name, len) == 0)
            return true;
    return false;
}

bool script_option(struct script_conf *conf, const char *text, size_t len, char *reason,
                   size_t reason_len, struct lex_error *error)
{
    char copy[256], *value;
    struct setting s = {.conf = conf, .value = "", .unsupported = reason};
    size_t from = len > 2 && memcmp(text, "--", 2) == 0 ? 2 : 0;

    s.unsupported_len = reason_len;
    if (len - from >= sizeof(copy)) {
        snprintf(error->text, sizeof(error->text), "a very long option");
        return false;
    }
    memcpy(copy, text + from, len - from);
    copy[len - from] = '\0';
    value = strchr(copy, '=');
    if (value != NULL) {
        *value++ = '\0';
        if (value[0] == '"' && value[1] != '\0' && value[strlen(value) - 1] == '"') {
            value[strlen(value) - 1] = '\0';
            value++;
        }
        s.value = value;
    }
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (strcmp(settings[i].name, copy) == 0) {
            if (settings[i].set(&s))
                return true;
            snprintf(error->text, sizeof(error->text), "--%.60s does not take '%.100s'", copy,
                     s.value);
            return false;
        }
    return true;
}
