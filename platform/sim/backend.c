/* SPDX-License-Identifier: ISC */
/* backend.c - backend.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"

#define PATH_MAX_BYTES 128u

static char *buffer(void)
{
    static char text[4][PATH_MAX_BYTES];
    static unsigned turn;
    return text[turn++ % ARRAY_SIZE(text)];
}

const char *sim_back_front(const struct sim_backend *b, const char *key)
{
    char *out = buffer();
    snprintf(out, PATH_MAX_BYTES, "/local/domain/1/device/%s/%u%s%s", b->kind, b->devid,
             *key == '\0' ? "" : "/", key);
    return out;
}

const char *sim_back_back(const struct sim_backend *b, const char *key)
{
    char *out = buffer();
    snprintf(out, PATH_MAX_BYTES, "/local/domain/0/backend/%s/%u/%u%s%s", b->kind, sim_state.lives,
             b->devid, *key == '\0' ? "" : "/", key);
    return out;
}

static void directory(const char *path, const char *perms, size_t perms_len)
{
    sim_store_mkdir(0, NULL, path);
    sim_store_set_perms(0, NULL, path, cs_ro_of(perms, perms_len));
}

void sim_back_make_front(const struct sim_backend *b)
{
    static const char perms[] = "n1\0r0";
    directory(sim_back_front(b, ""), perms, sizeof(perms));
    sim_xs_write(sim_back_front(b, "backend"), "%s", sim_back_back(b, ""));
    sim_xs_write(sim_back_front(b, "backend-id"), "0");
}

void sim_back_make_back(const struct sim_backend *b)
{
    static const char perms[] = "n0\0r1";
    directory(sim_back_back(b, ""), perms, sizeof(perms));
    sim_xs_write(sim_back_back(b, "frontend"), "%s", sim_back_front(b, ""));
    sim_xs_write(sim_back_back(b, "frontend-id"), "%u", SIM_GUEST_DOMID);
    sim_xs_write(sim_back_back(b, "online"), "1");
    sim_xs_write(sim_back_back(b, "hotplug-status"), "connected");
}

void sim_back_remove(const struct sim_backend *b)
{
    sim_xs_rm(sim_back_back(b, ""));
    sim_xs_rm(sim_back_front(b, ""));
}

void sim_back_set_state(struct sim_backend *b, uint32_t state)
{
    b->state = state;
    sim_xs_write(sim_back_back(b, "state"), "%u", state);
}

bool sim_back_is_front_state(const char *path, const char *kind, uint32_t *devid)
{
    static const char front[] = "/local/domain/1/device/";
    size_t len = strlen(kind);
    int end = 0;
    if (strncmp(path, front, sizeof(front) - 1) != 0)
        return false;
    path += sizeof(front) - 1;
    return strncmp(path, kind, len) == 0 && sscanf(path + len, "/%u/state%n", devid, &end) == 1 &&
           end != 0 && path[len + (size_t)end] == '\0';
}

void sim_back_fault(const struct sim_backend *b, const char *format, ...)
{
    char text[256];
    va_list args;
    if (b->hostile)
        return;
    int n = snprintf(text, sizeof(text), "%s %u: ", b->kind, b->index);
    va_start(args, format);
    vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
    va_end(args);
    sim_fault("%s", text);
}

void sim_back_fatal(struct sim_backend *b, const char *what, uint64_t number)
{
    sim_back_fault(b, "%s (%llu)", what, (unsigned long long)number);
    b->dead = true;
}

bool sim_back_refuse(const struct sim_backend *b, const char *key, const char *why)
{
    char path[96];
    snprintf(path, sizeof(path), "/local/domain/0/error/backend/%s/%u/%u/error", b->kind,
             sim_state.lives, b->devid);
    sim_back_fault(b, "%s: %s", key, why);
    sim_xs_write(path, "%s: %s", key, why);
    return false;
}
